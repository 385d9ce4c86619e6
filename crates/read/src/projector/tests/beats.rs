use crate::projector::alarm::Alarm;
use crate::projector::beats::{BEATS_BELOW_MAX, BeatWatch};
use crate::projector::source::Beat;
use crate::projector::testing::{MemoryStore, Pages, PagesDocument};
use crate::store::Checkpoint;
use millrace_events::{History, Position, Revision, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

fn beat(second: i64, head: u64) -> Beat {
    let at = Timestamp::new(OffsetDateTime::from_unix_timestamp(second).unwrap());
    Beat { history: History(Uuid::nil()), head: Position(head), last: Position(head), at }
}

fn checkpoint(position: u64) -> Checkpoint {
    let empty = MemoryStore::<PagesDocument>::empty::<Pages>(1).look(|inner| inner.checkpoint.clone());
    Checkpoint { history: Some(History(Uuid::nil())), revision: Revision::at(Position(position)), ..empty }
}

#[test]
fn folding_faster_than_the_beats_is_no_alarm() {
    let mut watch = BeatWatch::default();
    for second in 1..100 {
        // Each beat tells the head of a second ago, and the checkpoint is past it by now.
        watch.hear(&beat(second, 10 * second as u64), &checkpoint(10 * second as u64 + 5)).unwrap();
    }
}

#[test]
fn a_log_that_ends_before_the_checkpoint_is_an_alarm_until_it_does_not() {
    let mut watch = BeatWatch::default();
    watch.hear(&beat(0, 50), &checkpoint(50)).unwrap();
    let below = i64::from(BEATS_BELOW_MAX);
    for second in 1..below {
        watch.hear(&beat(second, 40), &checkpoint(50)).unwrap();
    }
    for _ in 0..2 {
        let alarm = watch.hear(&beat(below, 40), &checkpoint(50)).unwrap_err();
        assert!(matches!(alarm, Alarm::AheadOfLog { checkpoint: Position(50), head: Position(40) }));
    }
    watch.hear(&beat(below + 1, 50), &checkpoint(50)).unwrap();
}

#[test]
fn one_late_beat_of_a_paused_relay_is_no_alarm() {
    let mut watch = BeatWatch::default();
    for second in 0..20 {
        let head = if second % 2 == 0 { 10 } else { 60 };
        watch.hear(&beat(second, head), &checkpoint(50)).unwrap();
    }
}

#[test]
fn beats_of_another_history_tell_nothing() {
    let mut watch = BeatWatch::default();
    for second in 0..20 {
        let beat = Beat { history: History(Uuid::from_u128(3)), ..beat(second, 1) };
        watch.hear(&beat, &checkpoint(50)).unwrap();
    }
}
