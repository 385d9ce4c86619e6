//! Mails that somebody else's mailbox may be filled with are counted, and so are those that say the same again.
//!
//! In this process only, like failed sign-ins: it bounds, it decides nothing.

use super::canonical;
use crate::auth::{Asked, AttemptLimits, Attempts};
use crate::rows::mail::Kind;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millrace_events::Timestamp;
use sha2::{Digest, Sha256};
use std::time::Duration;
use uuid::Uuid;

/// How long a mail to an address that nobody has shown to be theirs counts.
const UNPROVEN_WINDOW: Duration = Duration::from_secs(24 * 3_600);
/// Within the usual window an owner is told once of each kind of thing.
const NOTICES_OF_A_KIND_MAX: u32 = 1;

/// How many mails may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailLimits {
    /// To one mailbox within a day, while nobody has shown that mail to it reaches them.
    pub unproven_per_day_max: u32,
}

impl Default for MailLimits {
    fn default() -> Self {
        Self { unproven_per_day_max: 20 }
    }
}

/// Counts mails.
#[derive(Debug)]
pub struct MailCounts {
    limits: MailLimits,
    unproven: Attempts,
    notices: Attempts,
    /// Whose mailbox it is, nobody reads out of memory.
    salt: [u8; 32],
}

impl MailCounts {
    /// With these limits.
    pub fn new(limits: MailLimits) -> Self {
        let unproven = AttemptLimits { window: UNPROVEN_WINDOW, ..of_accounts(limits.unproven_per_day_max) };
        let notices = of_accounts(NOTICES_OF_A_KIND_MAX);
        Self { limits, unproven: Attempts::new(unproven), notices: Attempts::new(notices), salt: rand::random() }
    }

    /// Forgets what counts no longer.
    pub(crate) fn age(&self, now: Timestamp) {
        self.unproven.age(now);
        self.notices.age(now);
    }

    /// The limits.
    pub(crate) fn limits(&self) -> MailLimits {
        self.limits
    }

    /// Counts a mail to a mailbox that may be anybody's. False if it has had enough.
    pub(super) fn count_unproven(&self, address: &str, now: Timestamp) -> bool {
        let mut hash = Sha256::new_with_prefix(self.salt);
        hash.update(mailbox(&canonical(address)));
        is_within(&self.unproven, &URL_SAFE_NO_PAD.encode(hash.finalize()), now)
    }

    /// Counts a notice of this kind to a person. False if they have had one just now.
    pub(super) fn count_notice(&self, kind: Kind, person: Uuid, now: Timestamp) -> bool {
        is_within(&self.notices, &format!("{kind:?} {person}"), now)
    }
}

/// Whoever asks, from wherever: what counts is whom it goes to.
fn of_accounts(per_account_max: u32) -> AttemptLimits {
    AttemptLimits {
        per_account_and_address_max: u32::MAX,
        per_account_max,
        per_address_max: u32::MAX,
        overall_max: u32::MAX,
        ..AttemptLimits::default()
    }
}

fn is_within(counts: &Attempts, whose: &str, now: Timestamp) -> bool {
    counts.ask(whose, None, now) == Ok(Asked::Within)
}

/// Where mail to an address ends up: most servers take what follows a plus for a note of the owner's.
fn mailbox(email_canonical: &str) -> String {
    match email_canonical.rsplit_once('@') {
        Some((name, host)) => format!("{}@{host}", name.split('+').next().unwrap_or_default()),
        None => email_canonical.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn at(hours: i64) -> Timestamp {
        Timestamp::new(OffsetDateTime::from_unix_timestamp(1_800_000_000 + hours * 3_600).unwrap())
    }

    #[test]
    fn a_mailbox_has_enough_until_the_next_day_under_all_its_names() {
        let counts = MailCounts::new(MailLimits { unproven_per_day_max: 2 });
        let count = |address: &str, hours| counts.count_unproven(address, at(hours));
        assert!(count("Ada@example.org", 0) && count("ada+shop@example.org", 1));
        assert!(!count("ada@example.org", 2) && !count("ada+x+y@example.org", 23));
        assert!(count("ada@example.com", 2) && count("a+da@example.org", 2) && count("ada@example.org", 24));
    }

    #[test]
    fn a_person_is_told_of_a_thing_once_within_the_window() {
        let counts = MailCounts::new(MailLimits::default());
        let count = |kind, person, hours| counts.count_notice(kind, Uuid::from_u128(person), at(hours));
        assert!(count(Kind::PasswordChanged, 1, 0) && !count(Kind::PasswordChanged, 1, 0));
        assert!(count(Kind::EmailChanged, 1, 0) && count(Kind::PasswordChanged, 2, 0));
        assert!(count(Kind::PasswordChanged, 1, 1));
    }

    #[test]
    fn no_address_lies_in_memory() {
        let counts = MailCounts::new(MailLimits::default());
        assert!(counts.count_unproven("ada@example.org", at(0)));
        assert!(!format!("{counts:?}").contains("ada@example.org"));
    }
}
