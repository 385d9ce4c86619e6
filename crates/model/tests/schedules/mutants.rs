//! Without a rule something breaks, so the checks and the faults are such that they would notice.

use std::iter::once;

use millrace_model::mutants::{Hunted, MUTANTS, Mutant, hunt};

/// A change of any core shifts schedules, so that one is broken by another than the one that is noted: so many are tried then.
const SCHEDULES_MAX: u64 = 4_000;

#[test]
fn without_a_rule_a_schedule_breaks() {
    let is_missed = |mutant: &&Mutant| {
        mutant
            .schedule
            .is_some_and(|noted| matches!(hunt(mutant.rules, once(noted).chain(0..SCHEDULES_MAX)), Hunted::NotCaught))
    };
    let missed: Vec<&Mutant> = MUTANTS.iter().filter(is_missed).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}
