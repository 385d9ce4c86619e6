//! The rules of wallets that their operator sets.

use time::Duration;

/// What is asked of people with wallets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WalletRules {
    /// How long a top-up that the payment provider does not answer counts among those of its wallet that wait.
    pub top_up_waits: Duration,
}

impl Default for WalletRules {
    fn default() -> Self {
        Self { top_up_waits: Duration::hours(24) }
    }
}
