//! `attempts`: how often strangers may try what costs somebody something.

use super::numbers::at_least_one;
use millrace_command::auth::AttemptLimits;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What may be tried within a while, before whoever tries is told when to come back. Each command process counts for itself: N of them let
/// N times as many through. Behind a proxy that `http.trusted_proxies` does not name, all clients have one address.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AttemptSettings {
    /// After this time a count begins anew, in seconds.
    #[serde(deserialize_with = "at_least_one")]
    pub window_s: u32,
    /// Wrong passwords for one account from one address. Where an account's owner has signed in from before, they are held to this alone.
    #[serde(deserialize_with = "at_least_one")]
    pub sign_ins_per_account_and_address_max: u32,
    /// Wrong passwords for one account from all addresses that its owner has not signed in from. Many more than from one address, or
    /// strangers would easily lock out an owner who comes from somewhere new.
    #[serde(deserialize_with = "at_least_one")]
    pub sign_ins_per_account_max: u32,
    /// Wrong passwords for any accounts from one address.
    #[serde(deserialize_with = "at_least_one")]
    pub sign_ins_per_address_max: u32,
    /// Wrong passwords for any accounts from anywhere.
    #[serde(deserialize_with = "at_least_one")]
    pub sign_ins_max: u32,
    /// ID tokens of OpenID providers that are refused, from one address.
    #[serde(deserialize_with = "at_least_one")]
    pub id_tokens_per_address_max: u32,
    /// Mails for a forgotten password that one account gets. Who asks for them is held to the limits of sign-ins too.
    #[serde(deserialize_with = "at_least_one")]
    pub resets_per_account_max: u32,
    /// New passwords for one account from one address.
    #[serde(deserialize_with = "at_least_one")]
    pub new_passwords_per_account_and_address_max: u32,
    /// New passwords for any accounts from one address, such as those of accounts that are opened.
    #[serde(deserialize_with = "at_least_one")]
    pub new_passwords_per_address_max: u32,
    /// New passwords for any accounts from anywhere.
    #[serde(deserialize_with = "at_least_one")]
    pub new_passwords_max: u32,
}

impl Default for AttemptSettings {
    fn default() -> Self {
        Self {
            window_s: 15 * 60,
            sign_ins_per_account_and_address_max: 5,
            sign_ins_per_account_max: 100,
            sign_ins_per_address_max: 20,
            sign_ins_max: 5_000,
            id_tokens_per_address_max: 20,
            resets_per_account_max: 10,
            new_passwords_per_account_and_address_max: 100,
            new_passwords_per_address_max: 500,
            new_passwords_max: 20_000,
        }
    }
}

impl AttemptSettings {
    /// Of wrong passwords.
    pub fn sign_ins(&self) -> AttemptLimits {
        AttemptLimits {
            per_account_and_address_max: self.sign_ins_per_account_and_address_max,
            per_account_max: self.sign_ins_per_account_max,
            per_address_max: self.sign_ins_per_address_max,
            overall_max: self.sign_ins_max,
            window: self.window(),
            ..AttemptLimits::default()
        }
    }

    /// Of mails for forgotten passwords.
    pub fn resets(&self) -> AttemptLimits {
        AttemptLimits { per_account_max: self.resets_per_account_max, ..self.sign_ins() }
    }

    /// Of ID tokens that are refused.
    pub fn id_tokens(&self) -> AttemptLimits {
        AttemptLimits {
            per_account_and_address_max: self.id_tokens_per_address_max,
            per_address_max: self.id_tokens_per_address_max,
            window: self.window(),
            ..AttemptLimits::of_id_tokens()
        }
    }

    /// Of new passwords.
    pub fn new_passwords(&self) -> AttemptLimits {
        AttemptLimits {
            per_account_and_address_max: self.new_passwords_per_account_and_address_max,
            per_address_max: self.new_passwords_per_address_max,
            overall_max: self.new_passwords_max,
            window: self.window(),
            ..AttemptLimits::of_new_passwords()
        }
    }

    fn window(&self) -> Duration {
        Duration::from_secs(self.window_s.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn the_defaults_are_those_of_the_command_side() {
        let unset = AttemptSettings::default();
        assert_eq!(unset.sign_ins(), AttemptLimits::default());
        assert_eq!(unset.resets(), AttemptLimits::of_resets());
        assert_eq!(unset.id_tokens(), AttemptLimits::of_id_tokens());
        assert_eq!(unset.new_passwords(), AttemptLimits::of_new_passwords());
    }

    #[test]
    fn each_number_is_the_limit_that_it_names() {
        let keys = [
            "window_s",
            "sign_ins_per_account_and_address_max",
            "sign_ins_per_account_max",
            "sign_ins_per_address_max",
            "sign_ins_max",
            "id_tokens_per_address_max",
            "resets_per_account_max",
            "new_passwords_per_account_and_address_max",
            "new_passwords_per_address_max",
            "new_passwords_max",
        ];
        let numbered = keys.iter().zip(1..).map(|(key, number)| (format!("attempts.{key}"), format!("{number}")));
        let set = Settings::load(None, &numbered.collect::<Vec<_>>()).unwrap().attempts;
        let limits = |of: AttemptLimits| {
            let counts = [of.per_account_and_address_max, of.per_account_max, of.per_address_max, of.overall_max];
            (of.window.as_secs(), counts)
        };
        let any = u32::MAX;
        assert_eq!(limits(set.sign_ins()), (1, [2, 3, 4, 5]));
        assert_eq!(limits(set.resets()), (1, [2, 7, 4, 5]));
        assert_eq!(limits(set.id_tokens()), (1, [6, any, 6, any]));
        assert_eq!(limits(set.new_passwords()), (1, [8, any, 9, 10]));
    }
}
