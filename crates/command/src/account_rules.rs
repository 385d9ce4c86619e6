//! The rules of accounts that their operator sets.

use time::Duration;

/// What mails about accounts say, and how long they are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRules {
    /// How long a mail that shows whose address it is can be used.
    pub verify_within: Duration,
    /// How long a mail for a forgotten password can be used.
    pub reset_within: Duration,
    /// Where an application takes the token of `verifyEmail`, which is appended. Empty: the mail holds the bare token.
    pub verify_url: String,
    /// Where an application takes the token of `resetPassword`, which is appended. Empty: the mail holds the bare token.
    pub reset_url: String,
}

impl Default for AccountRules {
    fn default() -> Self {
        Self {
            verify_within: Duration::hours(48),
            reset_within: Duration::minutes(30),
            verify_url: String::new(),
            reset_url: String::new(),
        }
    }
}
