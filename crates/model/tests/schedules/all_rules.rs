//! With all rules on nothing breaks.

use std::ops::Range;

use millrace_model::run::{Manner, run};
use millrace_model::world::Counts;

/// Each of them twice, once with faults that strike harder: half a minute of one core. `millrace-model run` goes on from there.
const SCHEDULES: Range<u64> = 0..300;

#[test]
fn no_schedule_breaks() {
    let mut sum = Counts::default();
    for (seed, harsh) in SCHEDULES.flat_map(|seed| [(seed, false), (seed, true)]) {
        let outcome = run(seed, Manner { harsh, is_told: false });
        assert_eq!(outcome.broken, None, "schedule {seed}, harsh: {harsh}");
        sum.add(&outcome.counts);
    }
    assert_eq!(sum.never(), [""; 0], "what never happened was not tried");
}

#[test]
fn a_seed_is_a_schedule() {
    let counts = |seed| run(seed, Manner { harsh: true, is_told: false }).counts;
    assert_eq!(counts(7), counts(7));
    assert_ne!(counts(7), counts(8));
}
