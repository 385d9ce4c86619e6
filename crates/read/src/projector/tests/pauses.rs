use crate::projector::pauses::Pauses;
use crate::projector::{Obstacle, Step};
use millrace_events::Position;
use std::time::Duration;

#[test]
fn who_stands_by_tries_less_and_less_often_until_there_is_nothing_to_be_faster_at() {
    let mut pauses = Pauses::default();
    let lost: Vec<u128> = (0..6).map(|_| pauses.after(&Step::CompareLost).as_millis()).collect();
    assert_eq!(lost, [50, 100, 200, 400, 400, 400]);
    assert_eq!(pauses.after(&Step::Idle), Duration::ZERO);
    assert_eq!(pauses.after(&Step::CompareLost).as_millis(), 50);
}

#[test]
fn errors_are_backed_off_from_until_a_round_is_answered() {
    let mut pauses = Pauses::default();
    let grown: Vec<Duration> = (0..30).map(|_| pauses.after_error(0.5)).collect();
    assert_eq!((grown[0].as_millis(), grown[1].as_millis(), grown[29].as_millis()), (50, 75, 5_000));
    assert!(!pauses.after(&Step::Waiting(Obstacle::Hole(Position(1)))).is_zero());
    assert_eq!(pauses.after_error(0.5).as_millis(), 50);
}
