//! Schedules in every run of the tests: a bounded number with all rules on, and for each rule the one that breaks without it.

mod all_rules;
#[cfg(feature = "mutants")]
mod mutants;
