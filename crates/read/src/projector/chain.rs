//! Which messages follow the checkpoint: pure. Positions alone do not tell one log from another, so each event names its predecessor.

use super::alarm::{Alarm, Obstacle};
use super::source::{Content, Message, StreamState};
use crate::store::Checkpoint;
use millrace_events::{Envelope, EventId, History, Position, rule};

/// The end of what is known: the next event must follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The log's life; none before the first event.
    pub history: Option<History>,
    /// The last event's position.
    pub position: Position,
    /// The last event's identity.
    pub event_id: Option<EventId>,
}

/// The messages that follow, and what stands behind them.
#[derive(Debug, Default)]
pub struct Followed {
    /// Events in order of position, each one following the one before.
    pub events: Vec<Fetched>,
    /// Why the next message is not among them, if one came.
    pub obstacle: Option<Obstacle>,
}

/// An event and how long its message was.
#[derive(Debug)]
pub struct Fetched {
    /// The event.
    pub envelope: Box<Envelope>,
    /// Length of its message.
    pub bytes: usize,
}

impl Link {
    /// The checkpoint as the end of what is known.
    pub fn of(checkpoint: &Checkpoint) -> Self {
        Self { history: checkpoint.history, position: checkpoint.revision.position, event_id: checkpoint.last_event }
    }

    /// The end after this event.
    pub fn after(envelope: &Envelope) -> Self {
        Self { history: Some(envelope.history), position: envelope.position, event_id: Some(envelope.event_id) }
    }
}

enum Step {
    Follows,
    Repeated,
    Blocked(Obstacle),
}

/// Takes the messages that follow. Repeats are dropped; at the first that does not follow it ends, and the rest is fetched again.
///
/// Events before an alarm are given without it: they are folded first, then it is met again.
pub fn follow(mut link: Link, messages: Vec<Message>) -> Result<Followed, Alarm> {
    let mut followed = Followed::default();
    for Message { sequence, bytes, content } in messages {
        let Content::Event(envelope) = content else {
            if passes_stranger(&mut link, sequence) {
                continue;
            }
            followed.obstacle = Some(Obstacle::Stranger(sequence));
            break;
        };
        match judge(&link, sequence, &envelope) {
            Ok(Step::Repeated) => {}
            Ok(Step::Follows) => {
                link = Link::after(&envelope);
                followed.events.push(Fetched { envelope, bytes });
            }
            Ok(Step::Blocked(obstacle)) => {
                followed.obstacle = Some(obstacle);
                break;
            }
            Err(alarm) if followed.events.is_empty() => return Err(alarm),
            Err(_) => break,
        }
    }
    Ok(followed)
}

/// A stranger behind the checkpoint is the relay's affair; elsewhere it is not passed.
fn passes_stranger(link: &mut Link, sequence: Position) -> bool {
    if sequence <= link.position {
        return true;
    }
    if !rule("sequence_is_position") && sequence == link.position.next() {
        link.position = sequence;
        return true;
    }
    false
}

fn judge(link: &Link, sequence: Position, envelope: &Envelope) -> Result<Step, Alarm> {
    if let Some(own) = link.history {
        if envelope.history > own {
            return Err(Alarm::LaterHistory { own, found: envelope.history });
        }
        if envelope.history < own {
            return Ok(Step::Blocked(Obstacle::EarlierHistory(envelope.history)));
        }
    }
    if envelope.position <= link.position {
        return Ok(Step::Repeated);
    }
    if envelope.position != sequence {
        return Ok(Step::Blocked(Obstacle::Misplaced { sequence, position: envelope.position }));
    }
    if sequence != link.position.next() {
        return Ok(Step::Blocked(Obstacle::Hole(link.position.next())));
    }
    if envelope.predecessor != link.event_id && rule("predecessor_checked") {
        return Err(Alarm::ChainBroken {
            position: sequence,
            folded: link.event_id,
            predecessor: envelope.predecessor,
        });
    }
    Ok(Step::Follows)
}

/// Whether an event that was fetched earlier still follows.
pub fn follows(link: &Link, envelope: &Envelope) -> bool {
    matches!(judge(link, envelope.position, envelope), Ok(Step::Follows))
}

/// How many of the events, from the first, one commit takes: whole commands, within the bounds, at least one command if it is all there.
pub fn whole_commands<'a>(events: impl IntoIterator<Item = &'a Fetched>, events_max: usize, bytes_max: usize) -> usize {
    let (mut taken, mut bytes) = (0, 0);
    for (index, event) in events.into_iter().enumerate() {
        bytes += event.bytes;
        if taken > 0 && (index >= events_max || bytes > bytes_max) {
            break;
        }
        if event.envelope.ends_command() || !rule("batch_ends_with_command") {
            taken = index + 1;
        }
    }
    taken
}

/// Compares the stream with the checkpoint: at start, after every error, and on each tick.
///
/// A message that is missing at the checkpoint, or misplaced there, says nothing: the next event's predecessor does.
pub fn verify(
    checkpoint: &Checkpoint,
    stream: &StreamState,
    at_checkpoint: Option<&Message>,
) -> Result<Option<Obstacle>, Alarm> {
    if let Some(obstacle) = verify_history(checkpoint, stream)? {
        return Ok(Some(obstacle));
    }
    let Link { history: Some(own), position, event_id: Some(folded) } = Link::of(checkpoint) else { return Ok(None) };
    if stream.last < position {
        return Ok(Some(Obstacle::TailLost { last: stream.last, checkpoint: position }));
    }
    let Some(Message { content: Content::Event(envelope), .. }) = at_checkpoint else { return Ok(None) };
    if envelope.position != position {
        return Ok(None);
    }
    if envelope.history > own {
        return Err(Alarm::LaterHistory { own, found: envelope.history });
    }
    if envelope.history == own && envelope.event_id != folded && rule("checkpoint_message_compared") {
        return Err(Alarm::AnotherEvent { position, folded, found: envelope.event_id });
    }
    Ok(None)
}

fn verify_history(checkpoint: &Checkpoint, stream: &StreamState) -> Result<Option<Obstacle>, Alarm> {
    let (Some(own), Some(found)) = (checkpoint.history, stream.history) else { return Ok(None) };
    if found > own {
        return Err(Alarm::LaterHistory { own, found });
    }
    Ok((found < own).then_some(Obstacle::EarlierHistory(found)))
}
