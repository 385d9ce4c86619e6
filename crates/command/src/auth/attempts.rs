//! Sign-ins are counted until they succeed, so that passwords cannot be tried by the thousand. The same counts bound what else strangers
//! may ask for: mails for forgotten passwords, and new passwords.
//!
//! Counted per account and address together, per account, per address, and overall. An address from which an account's owner has
//! signed in before is held to the first of these alone: whatever strangers try, they do not lock the owner out. In this process
//! only: it bounds guessing, it decides nothing.

use millrace_events::Timestamp;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How many failed sign-ins are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttemptLimits {
    /// To one account from one address, within the window.
    pub per_account_and_address_max: u32,
    /// To one account from all addresses that are not its owner's, within the window.
    pub per_account_max: u32,
    /// To any accounts from one address, within the window.
    pub per_address_max: u32,
    /// To any accounts from anywhere, within the window.
    pub overall_max: u32,
    /// After this time a count begins anew.
    pub window: Duration,
    /// Counts that are kept. When there are more, the oldest half is forgotten.
    pub counts_max: usize,
    /// Pairs of account and address that are remembered as the owner's. When there are more, the oldest half is forgotten.
    pub familiar_max: usize,
    /// How long such a pair is remembered since the owner signed in from there last.
    pub familiar_for: Duration,
}

impl Default for AttemptLimits {
    fn default() -> Self {
        Self {
            per_account_and_address_max: 5,
            per_account_max: 100,
            per_address_max: 20,
            overall_max: 5_000,
            window: Duration::from_secs(15 * 60),
            counts_max: 100_000,
            familiar_max: 100_000,
            familiar_for: Duration::from_secs(90 * 24 * 3_600),
        }
    }
}

impl AttemptLimits {
    /// How many mails for forgotten passwords may be asked for. Each fills somebody's mailbox, so an account has few of them, whoever
    /// asks.
    pub fn of_resets() -> Self {
        Self { per_account_max: 10, ..Self::default() }
    }

    /// How many ID tokens from one address may be refused. Nobody guesses one, so this bounds work. Whom a token is about is not known
    /// before it is verified, so no address is known to be an owner's: a count over all addresses would hold back everybody for what
    /// strangers bring from elsewhere.
    pub fn of_id_tokens() -> Self {
        let limits = Self::default();
        Self {
            per_account_and_address_max: limits.per_address_max,
            per_account_max: u32::MAX,
            overall_max: u32::MAX,
            ..limits
        }
    }

    /// How many new passwords may be set by whoever has none yet, has forgotten theirs, or sets another: each costs a hash. An account
    /// is not held back for what strangers do in its name.
    pub fn of_new_passwords() -> Self {
        Self {
            per_account_and_address_max: 100,
            per_account_max: u32::MAX,
            per_address_max: 500,
            overall_max: 20_000,
            ..Self::default()
        }
    }
}

/// What was asked for in an account's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// It is to be done.
    Within,
    /// It was done so often that it is enough.
    Enough,
}

/// Counts sign-ins that have not succeeded.
#[derive(Debug)]
pub struct Attempts {
    limits: AttemptLimits,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    counts: HashMap<Whose, Count>,
    /// When an account's owner signed in from an address last.
    familiar: HashMap<Pair, i64>,
}

/// An account is known by its e-mail address in the form in which those are compared.
type Pair = (String, Option<IpAddr>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Pair(Pair),
    Account(String),
    Address(IpAddr),
    Everybody,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    tried: u32,
    since_ms: i64,
}

impl Attempts {
    /// With these limits.
    pub fn new(limits: AttemptLimits) -> Self {
        Self { limits, known: Mutex::default() }
    }

    /// Begins an attempt, which counts as failed until it has succeeded: many at once are no way around the limits. Refused, it
    /// answers after what time one is allowed again.
    pub fn begin(&self, account: &str, address: Option<IpAddr>, now: Timestamp) -> Result<(), Duration> {
        let (pair, mut known) = (pair(account, address), self.known());
        let is_familiar = known.familiar.contains_key(&pair);
        let all = self.limited(&pair);
        let held_to = if is_familiar { &all[..1] } else { &all[..] };
        if let Some(wait) = held_to.iter().filter_map(|limited| self.wait(&known, limited, now)).max() {
            return Err(wait);
        }
        self.count(&mut known, all, now);
        Ok(())
    }

    /// The same for what strangers may ask for in an account's name: that the account has had enough refuses nobody, or they could have
    /// its owner refused. Answers whether it has.
    pub fn ask(&self, account: &str, address: Option<IpAddr>, now: Timestamp) -> Result<Asked, Duration> {
        let (pair, mut known) = (pair(account, address), self.known());
        let is_accounts = |(whose, _): &(Whose, u32)| matches!(whose, Whose::Account(_));
        let (accounts, others): (Vec<_>, Vec<_>) = self.limited(&pair).into_iter().partition(is_accounts);
        if let Some(wait) = others.iter().filter_map(|limited| self.wait(&known, limited, now)).max() {
            return Err(wait);
        }
        let has_enough = accounts.iter().any(|limited| self.wait(&known, limited, now).is_some());
        self.count(&mut known, accounts.into_iter().chain(others), now);
        Ok(if has_enough { Asked::Enough } else { Asked::Within })
    }

    fn count(&self, known: &mut Known, all: impl IntoIterator<Item = (Whose, u32)>, now: Timestamp) {
        for (whose, _) in all {
            let fresh = Count { tried: 0, since_ms: now.unix_ms() };
            let count = known.counts.entry(whose).or_insert(fresh);
            if self.left_ms(*count, now) == 0 {
                *count = fresh;
            }
            count.tried = count.tried.saturating_add(1);
        }
        if known.counts.len() > self.limits.counts_max {
            forget_oldest_half(&mut known.counts, |count| count.since_ms);
        }
    }

    /// The attempt succeeded: the account's owner is here, and their earlier failures are forgotten.
    pub fn succeeded(&self, account: &str, address: Option<IpAddr>, now: Timestamp) {
        self.withdrawn(account, address);
        self.proved(account, address, now);
    }

    /// The account's owner has shown in another way that they are here: their earlier failures are forgotten.
    pub fn proved(&self, account: &str, address: Option<IpAddr>, now: Timestamp) {
        let (pair, mut known) = (pair(account, address), self.known());
        known.counts.remove(&Whose::Pair(pair.clone()));
        known.familiar.insert(pair, now.unix_ms());
        if known.familiar.len() > self.limits.familiar_max {
            forget_oldest_half(&mut known.familiar, |since_ms| *since_ms);
        }
    }

    /// The attempt came to nothing: nobody could tell whether the password was right.
    pub fn withdrawn(&self, account: &str, address: Option<IpAddr>) {
        let (pair, mut known) = (pair(account, address), self.known());
        for (whose, _) in self.limited(&pair) {
            if let Some(count) = known.counts.get_mut(&whose) {
                count.tried = count.tried.saturating_sub(1);
            }
        }
    }

    /// The account is no more, or has another address: whoever has this one next inherits nothing.
    pub fn forget(&self, account: &str) {
        let mut known = self.known();
        known.familiar.retain(|(of, _), _| of != account);
        known.counts.retain(|whose, _| match whose {
            Whose::Pair((of, _)) | Whose::Account(of) => of != account,
            Whose::Address(_) | Whose::Everybody => true,
        });
    }

    /// Forgets what counts no longer. To be called now and then.
    pub fn age(&self, now: Timestamp) {
        let familiar_ms = i64::try_from(self.limits.familiar_for.as_millis()).unwrap_or(i64::MAX);
        let mut known = self.known();
        known.counts.retain(|_, count| self.left_ms(*count, now) > 0);
        known.familiar.retain(|_, since_ms| now.unix_ms().saturating_sub(*since_ms) < familiar_ms);
    }

    /// Everything that an attempt counts for, its pair first.
    fn limited(&self, pair: &Pair) -> Vec<(Whose, u32)> {
        let (account, address) = pair;
        let limits = &self.limits;
        let of_address = address.map(|address| (Whose::Address(address), limits.per_address_max));
        let all = [
            Some((Whose::Pair(pair.clone()), limits.per_account_and_address_max)),
            Some((Whose::Account(account.clone()), limits.per_account_max)),
            of_address,
            Some((Whose::Everybody, limits.overall_max)),
        ];
        all.into_iter().flatten().collect()
    }

    fn wait(&self, known: &Known, (whose, max): &(Whose, u32), now: Timestamp) -> Option<Duration> {
        let count = known.counts.get(whose).filter(|count| count.tried >= *max)?;
        match self.left_ms(*count, now) {
            0 => None,
            left_ms => Some(Duration::from_millis(left_ms)),
        }
    }

    /// How long the count still counts.
    fn left_ms(&self, count: Count, now: Timestamp) -> u64 {
        let window_ms = i64::try_from(self.limits.window.as_millis()).unwrap_or(i64::MAX);
        let left_ms = window_ms.saturating_sub(now.unix_ms().saturating_sub(count.since_ms));
        u64::try_from(left_ms).unwrap_or_default()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn pair(account: &str, address: Option<IpAddr>) -> Pair {
    (account.to_owned(), address.map(network))
}

/// What one client may choose its addresses from: of IPv6 that is a network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

fn forget_oldest_half<K: Eq + std::hash::Hash, V>(kept: &mut HashMap<K, V>, since_ms: impl Fn(&V) -> i64) {
    let mut begun: Vec<i64> = kept.values().map(&since_ms).collect();
    let middle = begun.len() / 2;
    let (_, median, _) = begun.select_nth_unstable(middle);
    let median = *median;
    kept.retain(|_, value| since_ms(value) > median);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use time::OffsetDateTime;

    const LIMITS: AttemptLimits = AttemptLimits {
        per_account_and_address_max: 2,
        per_account_max: 4,
        per_address_max: 3,
        overall_max: 20,
        window: Duration::from_secs(60),
        counts_max: 1_000,
        familiar_max: 1_000,
        familiar_for: Duration::from_secs(3_600),
    };
    const FEW: usize = 10;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::new(OffsetDateTime::from_unix_timestamp(1_800_000_000 + seconds).unwrap())
    }

    fn from(last: u8) -> Option<IpAddr> {
        Some(Ipv4Addr::new(127, 0, 0, last).into())
    }

    fn failed(attempts: &Attempts, account: &str, address: Option<IpAddr>, seconds: i64) -> Result<(), u64> {
        attempts.begin(account, address, at(seconds)).map_err(|wait| wait.as_secs())
    }

    fn succeeds(attempts: &Attempts, account: &str, address: Option<IpAddr>, seconds: i64) -> Result<(), u64> {
        failed(attempts, account, address, seconds)?;
        attempts.succeeded(account, address, at(seconds));
        Ok(())
    }

    #[test]
    fn after_some_failures_an_account_must_wait_for_the_next_window() {
        let attempts = Attempts::new(LIMITS);
        assert_eq!(failed(&attempts, "a", from(1), 0), Ok(()));
        assert_eq!(failed(&attempts, "a", from(1), 1), Ok(()));
        assert_eq!(failed(&attempts, "a", from(1), 2), Err(58));
        assert_eq!(failed(&attempts, "a", from(1), 59), Err(1), "what is refused does not count");
        assert_eq!(failed(&attempts, "a", from(1), 60), Ok(()));
    }

    #[test]
    fn an_attempt_counts_while_it_is_under_way() {
        let attempts = Attempts::new(LIMITS);
        let at_once: Vec<_> = (0..5).map(|_| failed(&attempts, "a", from(1), 0)).collect();
        assert_eq!(at_once.iter().filter(|begun| begun.is_ok()).count(), 2);
    }

    #[test]
    fn strangers_from_everywhere_are_stopped_and_do_not_lock_the_owner_out() {
        let attempts = Attempts::new(LIMITS);
        assert_eq!(succeeds(&attempts, "a", from(9), 0), Ok(()));
        let tried = (1..=8).map(|stranger| failed(&attempts, "a", from(stranger), 1)).filter(Result::is_ok).count();
        assert_eq!(tried, 4);
        assert_eq!(failed(&attempts, "a", None, 2), Err(58), "also who comes from nowhere");
        assert_eq!(succeeds(&attempts, "a", from(9), 2), Ok(()));
    }

    #[test]
    fn an_address_that_tries_many_accounts_must_wait_too() {
        let attempts = Attempts::new(LIMITS);
        assert_eq!(succeeds(&attempts, "owner", from(1), 0), Ok(()));
        for account in ["a", "b", "c"] {
            assert_eq!(failed(&attempts, account, from(1), 0), Ok(()));
        }
        assert_eq!(failed(&attempts, "d", from(1), 1), Err(59));
        assert_eq!(failed(&attempts, "d", from(2), 1), Ok(()));
        assert_eq!(succeeds(&attempts, "owner", from(1), 1), Ok(()), "who shares an address with a guesser gets in");
    }

    #[test]
    fn an_account_that_has_had_enough_refuses_nobody() {
        let attempts = Attempts::new(LIMITS);
        let ask = |account: &str, last: u8, seconds| attempts.ask(account, from(last), at(seconds));
        let asked: Vec<_> = (1..=6).map(|stranger| ask("a", stranger, 0)).collect();
        assert_eq!(asked[..4], [Ok(Asked::Within); 4]);
        assert_eq!(asked[4..], [Ok(Asked::Enough); 2]);
        assert_eq!((ask("a", 9, 1), ask("b", 9, 1)), (Ok(Asked::Enough), Ok(Asked::Within)));
        assert_eq!(ask("a", 9, 60), Ok(Asked::Within));
        assert_eq!(ask("c", 9, 60), Err(Duration::from_secs(1)), "an address that asks for many is held back");
    }

    #[test]
    fn guessing_is_bounded_overall() {
        let attempts = Attempts::new(LIMITS);
        assert_eq!(succeeds(&attempts, "owner", from(200), 0), Ok(()));
        let tried = (0..100).filter(|n| failed(&attempts, &format!("account {n}"), from(*n), 0).is_ok()).count();
        assert_eq!(tried, 20);
        assert_eq!(succeeds(&attempts, "owner", from(200), 1), Ok(()));
        assert_eq!(failed(&attempts, "other", from(201), 1), Err(59));
    }

    #[test]
    fn refused_id_tokens_from_elsewhere_hold_nobody_back() {
        let attempts = Attempts::new(AttemptLimits::of_id_tokens());
        for n in 0..5_001_u32 {
            let elsewhere = Ipv4Addr::from(0x0a00_0000 + n);
            assert_eq!(failed(&attempts, "", Some(elsewhere.into()), 0), Ok(()));
        }
        let refused = (0..21).filter(|_| failed(&attempts, "", from(1), 1).is_err()).count();
        assert_eq!(refused, 1, "an address has 20 of its own");
    }

    #[test]
    fn success_forgets_the_failures_of_the_account_from_there() {
        let attempts = Attempts::new(LIMITS);
        assert_eq!(failed(&attempts, "a", from(1), 0), Ok(()));
        assert_eq!(succeeds(&attempts, "a", from(1), 0), Ok(()));
        assert_eq!((0..2).map(|n| failed(&attempts, "a", from(1), n)).filter(Result::is_ok).count(), 2);
        assert_eq!(failed(&attempts, "a", from(1), 2), Err(58), "the owner's address is no way around it");
    }

    #[test]
    fn who_has_set_a_new_password_by_mail_signs_in_with_it_at_once() {
        let attempts = Attempts::new(LIMITS);
        while failed(&attempts, "a", from(1), 0).is_ok() {}
        while failed(&attempts, "a", from(2), 0).is_ok() {}
        attempts.proved("a", from(1), at(1));
        assert_eq!(succeeds(&attempts, "a", from(1), 1), Ok(()));
        assert_eq!(failed(&attempts, "a", from(2), 1), Err(59), "whoever else has guessed waits");
    }

    #[test]
    fn what_could_not_be_compared_does_not_count() {
        let attempts = Attempts::new(LIMITS);
        for _ in 0..9 {
            assert_eq!(failed(&attempts, "a", from(1), 0), Ok(()));
            attempts.withdrawn("a", from(1));
        }
    }

    #[test]
    fn all_addresses_of_an_ipv6_network_are_one_and_a_mapped_address_is_what_it_maps() {
        let address = |text: &str| Some(text.parse().unwrap());
        let attempts = Attempts::new(LIMITS);
        assert_eq!(failed(&attempts, "a", address("2001:db8::1"), 0), Ok(()));
        assert_eq!(failed(&attempts, "a", address("2001:db8::2:3"), 0), Ok(()));
        assert_eq!(failed(&attempts, "a", address("2001:db8::ffff:1:2"), 0), Err(60));
        assert_eq!(failed(&attempts, "a", address("2001:db8:0:1::1"), 0), Ok(()));
        assert_eq!(pair("a", address("::ffff:127.0.0.1")), pair("a", from(1)));
    }

    #[test]
    fn who_is_forgotten_leaves_nothing_to_whoever_comes_next() {
        let attempts = Attempts::new(LIMITS);
        assert_eq!(succeeds(&attempts, "a", from(1), 0), Ok(()));
        assert_eq!(succeeds(&attempts, "b", from(1), 0), Ok(()));
        assert_eq!(failed(&attempts, "a", from(2), 0), Ok(()));
        attempts.forget("a");
        let known = format!("{:?}", attempts.known());
        assert!(!known.contains("\"a\"") && known.contains("\"b\""), "{known}");
        assert_eq!(attempts.known().counts[&Whose::Address(from(2).unwrap())].tried, 1, "the guesser is still known");
    }

    #[test]
    fn what_counts_no_longer_is_forgotten() {
        let attempts = Attempts::new(LIMITS);
        assert_eq!(succeeds(&attempts, "a", from(1), 0), Ok(()));
        assert_eq!(failed(&attempts, "b", from(2), 10), Ok(()));
        attempts.age(at(69));
        assert!(attempts.known().counts.contains_key(&Whose::Account("b".into())));
        attempts.age(at(70));
        assert!(attempts.known().counts.is_empty() && attempts.known().familiar.len() == 1);
        attempts.age(at(3_600));
        assert!(attempts.known().familiar.is_empty());
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let attempts =
            Attempts::new(AttemptLimits { overall_max: u32::MAX, counts_max: FEW, familiar_max: FEW, ..LIMITS });
        for n in 0..100 {
            let account = format!("account {n}");
            assert_eq!(failed(&attempts, &account, None, n), Ok(()));
            assert_eq!(succeeds(&attempts, &format!("other {n}"), None, n), Ok(()));
        }
        let known = attempts.known();
        assert!(known.counts.len() <= FEW && known.familiar.len() <= FEW);
        assert!(known.counts.contains_key(&Whose::Account("account 99".into())));
        assert!(known.familiar.contains_key(&("other 99".into(), None)));
    }
}
