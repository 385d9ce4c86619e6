//! Schedules in every run of the tests: a bounded number with all rules on, and for each rule the one that breaks without it.

#[cfg(feature = "mutants")]
mod mutants;
mod schedules;
