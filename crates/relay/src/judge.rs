//! Judging the stream by the log: is it a copy, is it damaged, or is it the log that went back?
//!
//! Damage is healed by making the stream anew. A log that went back must not be: the stream is then the only one that still
//! knows what was lost. The stream is always read before the log, so that the log is never the older view of the two.

use millrace_events::{Envelope, History, Position, UserId, rule};
use millrace_log::LogHead;

use crate::message;
use crate::ports::{StreamMessage, StreamState};

/// What the comparison of some part says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// A copy of the log.
    Sound,
    /// The stream is not the copy that it should be: make it anew.
    Damaged(Damage),
    /// The log is older than its copy: stop and say so.
    WentBack(WentBack),
}

/// What is wrong with the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It has no identity: somebody else made it.
    #[error("no relay made this stream")]
    NoOrigin,
    /// It copies a life of the log that has ended.
    #[error("the stream copies the ended history {0}")]
    OlderHistory(History),
    /// Messages are missing somewhere.
    #[error("the stream ends at {last} but has {messages} messages")]
    Hole {
        /// Its last sequence.
        last: Position,
        /// Its messages.
        messages: u64,
    },
    /// A message is missing.
    #[error("no message at {0}")]
    Missing(Position),
    /// A message that no relay can have written there.
    #[error("a stranger's message at {0}")]
    Stranger(Position),
    /// A message of a life of the log that has ended.
    #[error("a message of an older history at {0}")]
    OlderMessage(Position),
}

/// How it shows that the log went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WentBack {
    /// A message of this history is another event than the log has there.
    #[error("the stream has another event at {0} than the log")]
    AnotherEvent(Position),
    /// A message of this history lies above the log's head.
    #[error("the stream has an event at {position}, the log ends at {head}")]
    AboveHead {
        /// Where the message lies.
        position: Position,
        /// Where the log ends.
        head: Position,
    },
    /// The stream copies a later life of the log than this one.
    #[error("the stream copies the later history {0}")]
    LaterHistory(History),
    /// The bucket has the mark of a destroyed key that lives in PostgreSQL.
    #[error("the destroyed key of person {0} lives in the log's database")]
    DestroyedKeyLives(UserId),
}

/// Judges what can be told without reading a message. The head must have been read after the state.
pub fn judge_state(state: &StreamState, head: &LogHead) -> Verdict {
    let Some(origin) = state.origin else { return Verdict::Damaged(Damage::NoOrigin) };
    if origin.history < head.history {
        return Verdict::Damaged(Damage::OlderHistory(origin.history));
    }
    if origin.history > head.history {
        return Verdict::WentBack(WentBack::LaterHistory(origin.history));
    }
    if state.messages != state.last.0 && rule("holes_checked") {
        return Verdict::Damaged(Damage::Hole { last: state.last, messages: state.messages });
    }
    Verdict::Sound
}

/// A stretch of the log, read after the same stretch of the stream.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<'a> {
    /// The log's life.
    pub history: History,
    /// Its events, without a gap.
    pub events: &'a [Envelope],
    /// Where the log ends, if that lies within the stretch.
    pub head: Option<Position>,
}

/// Judges the messages in (`after`, `until`]. That the log went back weighs more than any damage beside it.
pub fn judge_messages(after: Position, until: Position, messages: &[StreamMessage], log: Stretch<'_>) -> Verdict {
    let mut damage = None;
    let mut next = after.next();
    for message in messages {
        if message.sequence > next && rule("holes_checked") {
            damage = damage.or(Some(Damage::Missing(next)));
        }
        next = message.sequence.next();
        match judge_message(message, log) {
            Verdict::Sound => {}
            Verdict::Damaged(found) => damage = damage.or(Some(found)),
            went_back @ Verdict::WentBack(_) => return went_back,
        }
    }
    if next <= until && rule("holes_checked") {
        damage = damage.or(Some(Damage::Missing(next)));
    }
    damage.map_or(Verdict::Sound, Verdict::Damaged)
}

/// Judges a stretch that begins after this position and has no message at all.
pub fn judge_hole(after: Position) -> Verdict {
    if rule("holes_checked") { Verdict::Damaged(Damage::Missing(after.next())) } else { Verdict::Sound }
}

fn judge_message(message: &StreamMessage, log: Stretch<'_>) -> Verdict {
    let event = event_at(log.events, message.sequence);
    if event.is_some_and(|event| message::is_copy_of(message, event)) {
        return Verdict::Sound;
    }
    let Some(found) = message::well_formed(message) else {
        return Verdict::Damaged(Damage::Stranger(message.sequence));
    };
    if found.history < log.history {
        return Verdict::Damaged(Damage::OlderMessage(message.sequence));
    }
    Verdict::WentBack(match log.head {
        Some(head) if message.sequence > head => WentBack::AboveHead { position: message.sequence, head },
        _ => WentBack::AnotherEvent(message.sequence),
    })
}

fn event_at(events: &[Envelope], position: Position) -> Option<&Envelope> {
    let first = events.first()?.position;
    let index = usize::try_from(position.0.checked_sub(first.0)?).ok()?;
    events.get(index)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{FIRST_HISTORY, SECOND_HISTORY, log, origin, state, stranger, stream_of};

    /// Judges a stream that was compared up to 0 against the whole of a log.
    fn judge(messages: &[StreamMessage], events: &[Envelope], history: History) -> Verdict {
        let head = Position(events.len() as u64);
        let until = messages.last().map_or(Position::START, |message| message.sequence);
        judge_messages(Position::START, until, messages, Stretch { history, events, head: Some(head) })
    }

    #[test]
    fn a_copy_is_sound() {
        let log = log(FIRST_HISTORY, 1, 5);
        assert_eq!(judge(&stream_of(&log), &log, FIRST_HISTORY), Verdict::Sound);
        assert_eq!(judge(&stream_of(&log[..3]), &log, FIRST_HISTORY), Verdict::Sound);
        assert_eq!(judge(&[], &log, FIRST_HISTORY), Verdict::Sound);
    }

    #[test]
    fn a_copy_in_other_bytes_is_sound() {
        let log = log(FIRST_HISTORY, 1, 1);
        let value: serde_json::Value = serde_json::to_value(&log[0]).unwrap();
        let payload = serde_json::to_vec_pretty(&value).unwrap();
        assert_eq!(judge(&[StreamMessage { sequence: Position(1), payload }], &log, FIRST_HISTORY), Verdict::Sound);
    }

    #[test]
    fn a_stranger_is_damage_wherever_it_lies() {
        let log = log(FIRST_HISTORY, 1, 5);
        for at in 1..=6 {
            let mut stream = stream_of(&log);
            stream.truncate(at - 1);
            stream.push(stranger(at as u64));
            let found = judge(&stream, &log, FIRST_HISTORY);
            assert_eq!(found, Verdict::Damaged(Damage::Stranger(Position(at as u64))));
        }
    }

    #[test]
    fn an_event_at_another_sequence_than_its_position_is_a_strangers() {
        let log = log(FIRST_HISTORY, 1, 5);
        let mut stream = stream_of(&log);
        stream[2].payload = stream[1].payload.clone();
        assert_eq!(judge(&stream, &log, FIRST_HISTORY), Verdict::Damaged(Damage::Stranger(Position(3))));
    }

    #[test]
    fn a_hole_is_damage_at_the_beginning_in_the_middle_and_at_the_end() {
        let log = log(FIRST_HISTORY, 1, 5);
        for missing in 1..=5_u64 {
            let mut stream = stream_of(&log);
            stream.retain(|message| message.sequence != Position(missing));
            let whole = Stretch { history: FIRST_HISTORY, events: &log, head: None };
            let found = judge_messages(Position::START, Position(5), &stream, whole);
            assert_eq!(found, Verdict::Damaged(Damage::Missing(Position(missing))));
        }
        assert_eq!(judge_hole(Position(7)), Verdict::Damaged(Damage::Missing(Position(8))));
    }

    #[test]
    fn messages_of_an_ended_history_are_damage() {
        let (old, new) = (log(FIRST_HISTORY, 1, 5), log(SECOND_HISTORY, 1, 3));
        let found = judge(&stream_of(&old), &new, SECOND_HISTORY);
        assert_eq!(found, Verdict::Damaged(Damage::OlderMessage(Position(1))));
        assert_eq!(judge(&stream_of(&old[3..]), &[], SECOND_HISTORY), Verdict::Damaged(Damage::Missing(Position(1))));
    }

    #[test]
    fn another_event_of_this_history_means_that_the_log_went_back() {
        let (before, mut now) = (log(FIRST_HISTORY, 1, 5), log(FIRST_HISTORY, 1, 3));
        now.extend(log(FIRST_HISTORY, 2, 5).split_off(3));
        let found = judge(&stream_of(&before), &now, FIRST_HISTORY);
        assert_eq!(found, Verdict::WentBack(WentBack::AnotherEvent(Position(4))));
    }

    #[test]
    fn an_event_above_the_head_means_that_the_log_went_back() {
        let log = log(FIRST_HISTORY, 1, 5);
        let found = judge(&stream_of(&log), &log[..3], FIRST_HISTORY);
        assert_eq!(found, Verdict::WentBack(WentBack::AboveHead { position: Position(4), head: Position(3) }));
        let nothing = judge(&stream_of(&log), &[], FIRST_HISTORY);
        assert_eq!(nothing, Verdict::WentBack(WentBack::AboveHead { position: Position(1), head: Position(0) }));
    }

    #[test]
    fn a_log_that_went_back_weighs_more_than_damage_before_it() {
        let log = log(FIRST_HISTORY, 1, 5);
        let mut stream = stream_of(&log);
        stream[0] = stranger(1);
        stream.remove(1);
        let found = judge(&stream, &log[..4], FIRST_HISTORY);
        assert_eq!(found, Verdict::WentBack(WentBack::AboveHead { position: Position(5), head: Position(4) }));
    }

    #[test]
    fn the_state_alone_tells_holes_and_histories() {
        let head = |history| LogHead { history, position: Position(9) };
        let sound = state(origin(1, FIRST_HISTORY), 5);
        assert_eq!(judge_state(&sound, &head(FIRST_HISTORY)), Verdict::Sound);
        let cases = [
            (StreamState { origin: None, ..sound }, FIRST_HISTORY, Verdict::Damaged(Damage::NoOrigin)),
            (
                StreamState { messages: 4, ..sound },
                FIRST_HISTORY,
                Verdict::Damaged(Damage::Hole { last: Position(5), messages: 4 }),
            ),
            (sound, SECOND_HISTORY, Verdict::Damaged(Damage::OlderHistory(FIRST_HISTORY))),
            (
                state(origin(1, SECOND_HISTORY), 5),
                FIRST_HISTORY,
                Verdict::WentBack(WentBack::LaterHistory(SECOND_HISTORY)),
            ),
        ];
        for (state, history, verdict) in cases {
            assert_eq!(judge_state(&state, &head(history)), verdict);
        }
    }
}
