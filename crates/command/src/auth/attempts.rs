//! Failed sign-ins are counted, so that passwords cannot be tried by the thousand.
//!
//! Counted per account and address together, so that a stranger cannot lock an owner out, and per address. In this process only: it
//! bounds guessing, it decides nothing.

use millrace_events::Timestamp;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many failed sign-ins are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimits {
    /// To one account from one address, within the window.
    pub per_account_max: u32,
    /// To any accounts from one address, within the window.
    pub per_address_max: u32,
    /// After this time a count begins anew.
    pub window: Duration,
    /// Counts that are kept. When there are more, the oldest half is forgotten.
    pub counts_max: usize,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self { per_account_max: 5, per_address_max: 20, window: Duration::from_secs(15 * 60), counts_max: 100_000 }
    }
}

/// Counts failed sign-ins.
#[derive(Debug)]
pub struct Attempts {
    limits: AttemptLimits,
    counts: Mutex<HashMap<Whose, Count>>,
}

/// An account is known by its address in the form in which addresses are compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Account(String, Option<IpAddr>),
    Address(IpAddr),
}

#[derive(Debug, Clone, Copy)]
struct Count {
    failed: u32,
    since_ms: i64,
}

impl Attempts {
    /// With these limits.
    pub fn new(limits: AttemptLimits) -> Self {
        Self { limits, counts: Mutex::default() }
    }

    /// True if one more attempt is allowed.
    pub fn allows(&self, account: &str, address: Option<IpAddr>, now: Timestamp) -> bool {
        let counts = self.counts();
        self.limited(account, address)
            .into_iter()
            .flatten()
            .all(|(whose, max)| counts.get(&whose).is_none_or(|count| count.failed < max || self.is_over(*count, now)))
    }

    /// Counts a failed attempt.
    pub fn failed(&self, account: &str, address: Option<IpAddr>, now: Timestamp) {
        let mut counts = self.counts();
        for (whose, _) in self.limited(account, address).into_iter().flatten() {
            let fresh = Count { failed: 0, since_ms: now.unix_ms() };
            let count = counts.entry(whose).or_insert(fresh);
            if self.is_over(*count, now) {
                *count = fresh;
            }
            count.failed = count.failed.saturating_add(1);
        }
        if counts.len() > self.limits.counts_max {
            forget_oldest_half(&mut counts);
        }
    }

    /// Forgets the failures of an account from this address: its owner is here.
    pub fn succeeded(&self, account: &str, address: Option<IpAddr>) {
        self.counts().remove(&Whose::Account(account.to_owned(), address));
    }

    fn limited(&self, account: &str, address: Option<IpAddr>) -> [Option<(Whose, u32)>; 2] {
        [
            Some((Whose::Account(account.to_owned(), address), self.limits.per_account_max)),
            address.map(|address| (Whose::Address(address), self.limits.per_address_max)),
        ]
    }

    fn is_over(&self, count: Count, now: Timestamp) -> bool {
        let window_ms = i64::try_from(self.limits.window.as_millis()).unwrap_or(i64::MAX);
        now.unix_ms().saturating_sub(count.since_ms) >= window_ms
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Whose, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn forget_oldest_half(counts: &mut HashMap<Whose, Count>) {
    let mut begun: Vec<i64> = counts.values().map(|count| count.since_ms).collect();
    let middle = begun.len() / 2;
    let (_, median, _) = begun.select_nth_unstable(middle);
    let median = *median;
    counts.retain(|_, count| count.since_ms > median);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use time::OffsetDateTime;

    const LIMITS: AttemptLimits =
        AttemptLimits { per_account_max: 2, per_address_max: 3, window: Duration::from_secs(60), counts_max: 10 };

    fn at(seconds: i64) -> Timestamp {
        Timestamp::new(OffsetDateTime::from_unix_timestamp(1_800_000_000 + seconds).unwrap())
    }

    fn from(last: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(127, 0, 0, last).into())
    }

    #[test]
    fn after_some_failures_an_account_must_wait_for_the_next_window() {
        let attempts = Attempts::new(LIMITS);
        attempts.failed("a", from(1), at(0));
        assert!(attempts.allows("a", from(1), at(1)));
        attempts.failed("a", from(1), at(1));
        assert!(!attempts.allows("a", from(1), at(59)));
        assert!(attempts.allows("a", from(1), at(60)));
    }

    #[test]
    fn a_stranger_does_not_lock_the_owner_out() {
        let attempts = Attempts::new(LIMITS);
        (0..9).for_each(|n| attempts.failed("a", from(1), at(n)));
        assert!(attempts.allows("a", from(2), at(9)));
    }

    #[test]
    fn an_address_that_tries_many_accounts_must_wait_too() {
        let attempts = Attempts::new(LIMITS);
        ["a", "b", "c"].iter().for_each(|account| attempts.failed(account, from(1), at(0)));
        assert!(!attempts.allows("d", from(1), at(1)));
        assert!(attempts.allows("d", None, at(1)));
    }

    #[test]
    fn success_forgets_the_failures_of_the_account() {
        let attempts = Attempts::new(LIMITS);
        (0..2).for_each(|n| attempts.failed("a", from(1), at(n)));
        attempts.succeeded("a", from(1));
        assert!(attempts.allows("a", from(1), at(2)));
    }

    #[test]
    fn counts_are_bounded() {
        let attempts = Attempts::new(LIMITS);
        (0..100).for_each(|n| attempts.failed(&format!("account {n}"), None, at(n)));
        assert!(attempts.counts().len() <= LIMITS.counts_max);
        assert!(attempts.counts().contains_key(&Whose::Account("account 99".into(), None)));
    }
}
