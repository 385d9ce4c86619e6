//! Rules of the protocol, by name, so that the model can prove that each is needed: it switches one off and finds the schedule that
//! breaks. Without the feature `mutants` a rule is the constant `true` and costs nothing.

/// True: the rule holds. Only a mutant of the model is told otherwise.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub const fn rule(_name: &'static str) -> bool {
    true
}

#[cfg(feature = "mutants")]
pub use switched::{breaks_without, rule, switch_off};

#[cfg(feature = "mutants")]
mod switched {
    use std::cell::RefCell;
    use std::collections::BTreeSet;
    use std::panic::catch_unwind;

    thread_local! {
        static OFF: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
    }

    /// True unless the rule is switched off in this thread.
    pub fn rule(name: &'static str) -> bool {
        OFF.with_borrow(|off| !off.contains(name))
    }

    /// Switches exactly these rules off in this thread.
    pub fn switch_off(names: &[&str]) {
        OFF.with_borrow_mut(|off| *off = names.iter().map(|name| (*name).to_owned()).collect());
    }

    /// Runs a test without this rule. One that holds all the same would not notice if the rule were missing.
    pub fn breaks_without(name: &str, test: fn()) {
        switch_off(&[name]);
        let ended = catch_unwind(test);
        switch_off(&[]);
        assert!(ended.is_err(), "it holds without {name}");
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        const NAME: &str = "any";
        const ANOTHER: &str = "another";

        #[test]
        fn a_test_that_needs_the_rule_breaks_without_it() {
            breaks_without(NAME, || assert!(rule(NAME)));
            assert!(rule(NAME), "it is on again");
        }

        #[test]
        #[should_panic(expected = "it holds without any")]
        fn a_test_that_does_not_need_it_is_told() {
            breaks_without(NAME, || assert!(rule(ANOTHER)));
        }
    }
}
