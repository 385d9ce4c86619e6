use crate::projector::pauses::Pauses;
use crate::projector::{Obstacle, Step};
use millrace_events::Position;
use std::time::{Duration, Instant};

#[test]
fn who_stands_by_tries_less_and_less_often_until_there_is_nothing_to_be_faster_at() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    let lost: Vec<u128> = (0..6).map(|_| pauses.after(&Step::CompareLost, now).as_millis()).collect();
    assert_eq!(lost, [50, 100, 200, 400, 400, 400]);
    assert_eq!(pauses.after(&Step::Idle, now), Duration::ZERO);
    assert_eq!(pauses.after(&Step::CompareLost, now).as_millis(), 50);
}

#[test]
fn errors_are_backed_off_from_until_a_round_is_answered() {
    let (mut pauses, now) = (Pauses::default(), Instant::now());
    let grown: Vec<Duration> = (0..30).map(|_| pauses.after_error(0.5)).collect();
    assert_eq!((grown[0].as_millis(), grown[1].as_millis(), grown[29].as_millis()), (50, 75, 5_000));
    assert!(!pauses.after(&Step::Waiting(Obstacle::Hole(Position(1))), now).is_zero());
    assert_eq!(pauses.after_error(0.5).as_millis(), 50);
}

#[test]
fn under_load_a_commit_is_followed_by_a_rest_unless_it_was_a_large_one() {
    let (mut pauses, start) = (Pauses::default(), Instant::now());
    let mut after = |events, at_ms| pauses.after(&Step::Folded { events }, start + Duration::from_millis(at_ms));
    assert_eq!(after(1, 0), Duration::ZERO);
    assert_eq!(after(1, 60), Duration::ZERO);
    assert!(!after(1, 70).is_zero());
    assert!(!after(5, 90).is_zero());
    assert_eq!(after(500, 110), Duration::ZERO);
    assert_eq!(after(1, 1_000), Duration::ZERO);
}
