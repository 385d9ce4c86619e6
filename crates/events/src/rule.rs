//! Rules of the protocol, by name, so that the model can prove that each is needed: it switches one off and finds the schedule that
//! breaks. Without the feature `mutants` a rule is the constant `true` and costs nothing.

/// True: the rule holds. Only a mutant of the model is told otherwise.
#[cfg(not(feature = "mutants"))]
#[inline(always)]
pub const fn rule(_name: &'static str) -> bool {
    true
}

#[cfg(feature = "mutants")]
pub use switched::{rule, switch_off};

#[cfg(feature = "mutants")]
mod switched {
    use std::cell::RefCell;
    use std::collections::BTreeSet;

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
}
