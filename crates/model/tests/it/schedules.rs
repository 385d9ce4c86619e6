//! With all rules on nothing breaks.

use std::ops::Range;

use millrace_model::run::{Manner, run};
use millrace_model::world::Counts;

/// As many as half a minute of one core allows for. `millrace-model run` goes on from there.
const SCHEDULES: Range<u64> = 0..600;

#[track_caller]
fn none_breaks(harsh: bool) -> Counts {
    let mut sum = Counts::default();
    for seed in SCHEDULES {
        let outcome = run(seed, Manner { harsh, is_told: false });
        assert_eq!(outcome.broken, None, "schedule {seed}, harsh: {harsh}");
        sum.add(&outcome.counts);
    }
    sum
}

#[test]
fn no_schedule_breaks() {
    let counts = none_breaks(false);
    assert_eq!(counts.never(), [""; 0], "what never happened was not tried");
}

#[test]
fn no_schedule_breaks_where_faults_strike_harder() {
    none_breaks(true);
}

#[test]
fn a_seed_is_a_schedule() {
    let counts = |seed| run(seed, Manner { harsh: true, is_told: false }).counts;
    assert_eq!(counts(7), counts(7));
    assert_ne!(counts(7), counts(8));
}
