use crate::projector::ProjectorStatus;
use crate::projector::lag::{BEAT_FRESH_MS, Lag};
use crate::projector::source::Beat;
use millrace_events::{History, Position, Timestamp};
use time::OffsetDateTime;
use uuid::Uuid;

const HOUR_S: i64 = 3_600;

fn at(second: i64) -> Timestamp {
    Timestamp::new(OffsetDateTime::from_unix_timestamp(1_700_000_000 + second).unwrap())
}

fn beat(head: u64, second: i64) -> Beat {
    Beat { history: History(Uuid::nil()), head: Position(head), last: Position(head), at: at(second) }
}

/// Everything up to a position is folded; its event was decided at that second.
fn folded(position: u64, second: i64) -> ProjectorStatus {
    ProjectorStatus {
        history: Some(History(Uuid::nil())),
        position: Some(Position(position)),
        last_at: Some(at(second)),
        ..ProjectorStatus::default()
    }
}

#[test]
fn the_first_event_after_an_hour_of_quiet_is_as_old_as_it_is() {
    let (mut lag, status) = (Lag::default(), folded(5, 0));
    for second in [1, 2, HOUR_S] {
        lag.hear(beat(5, second), at(second));
        assert_eq!(lag.ms(&status, at(second)), Some(0));
    }
    lag.hear(beat(6, HOUR_S + 1), at(HOUR_S + 1));
    assert_eq!(lag.ms(&status, at(HOUR_S + 1)), Some(1_000), "it came after the beat before");
    lag.hear(beat(9, HOUR_S + 3), at(HOUR_S + 3));
    assert_eq!(lag.ms(&status, at(HOUR_S + 3)), Some(3_000), "it still is not folded");
    assert_eq!(lag.ms(&folded(9, HOUR_S + 2), at(HOUR_S + 3)), Some(0));
}

#[test]
fn who_follows_at_a_distance_is_told_the_distance() {
    let mut lag = Lag::default();
    for second in 10..100 {
        lag.hear(beat(100 * second as u64, second), at(second));
        let status = folded(100 * (second as u64 - 5), second - 5);
        let known_for_ms = 1_000 * (second as u64 - 10);
        assert_eq!(lag.ms(&status, at(second)), Some(known_for_ms.min(5_000)));
    }
}

#[test]
fn without_a_beat_nothing_is_known() {
    let (mut lag, status) = (Lag::default(), folded(5, 0));
    assert_eq!(lag.ms(&status, at(1)), None);
    lag.hear(beat(5, 1), at(1));
    let later = at(1 + BEAT_FRESH_MS / 1_000 + 1);
    lag.hear(beat(5, 1), later);
    assert_eq!(lag.ms(&status, later), None, "the same beat again is no beat");
    assert!(lag.beat(later).is_none() && lag.beat_age_ms(later).is_some());
}

#[test]
fn before_the_first_event_is_folded_the_first_beat_counts() {
    let mut lag = Lag::default();
    lag.hear(beat(0, 1), at(1));
    assert_eq!(lag.ms(&ProjectorStatus::default(), at(1)), Some(0), "the log is empty");
    lag.hear(beat(7, 3), at(3));
    assert_eq!(lag.ms(&ProjectorStatus::default(), at(3)), Some(2_000));
}

#[test]
fn a_beat_of_another_history_is_of_events_that_are_not_folded() {
    let mut lag = Lag::default();
    lag.hear(Beat { history: History(Uuid::from_u128(7)), ..beat(3, 10) }, at(12));
    assert_eq!(lag.ms(&folded(5, 0), at(12)), Some(2_000));
}
