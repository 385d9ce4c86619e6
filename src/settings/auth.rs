//! `auth`: tokens and passwords.

use super::numbers::at_least_one;
use millrace_command::auth::PasswordLimits;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// Keys of access tokens, and the command side's secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Ed25519 private key, PEM (command role).
    pub signing_key_file: PathBuf,
    /// Ed25519 public key, PEM (query role).
    pub verify_key_file: PathBuf,
    /// How long an access token is good, in seconds (command role). A refresh token gets the next one.
    pub access_token_s: u32,
    /// Memory of one password hash (argon2id), in KiB (command role). OWASP asks for 19,456 at least.
    pub password_memory_kib: u32,
    /// Passwords that are hashed or compared at once (command role); 0: as many as there are cores.
    pub password_hashes_at_once_max: usize,
    /// Passwords that wait for their turn (command role); more are turned away. New passwords have half of all places at the most: the other
    /// half is left to whoever has one.
    pub password_hashes_waiting_max: usize,
    /// How long one of them waits, in milliseconds (command role).
    #[serde(deserialize_with = "at_least_one")]
    pub password_wait_ms_max: u64,
    /// At least 32 random bytes for idempotency keys (command role); also what query and command roles know each other by.
    pub secret_file: PathBuf,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            signing_key_file: PathBuf::from("keys/signing-key.pem"),
            verify_key_file: PathBuf::from("keys/verify-key.pem"),
            access_token_s: 300,
            password_memory_kib: 19_456,
            password_hashes_at_once_max: 0,
            password_hashes_waiting_max: 64,
            password_wait_ms_max: 2_000,
            secret_file: PathBuf::from("keys/secret"),
        }
    }
}

impl AuthSettings {
    /// How much of the machine passwords may take.
    pub fn password_limits(&self) -> PasswordLimits {
        let usual = PasswordLimits::default();
        PasswordLimits {
            at_once_max: match self.password_hashes_at_once_max {
                0 => usual.at_once_max,
                at_once_max => at_once_max,
            },
            waiting_max: self.password_hashes_waiting_max,
            wait_max: Duration::from_millis(self.password_wait_ms_max),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn passwords_take_what_is_set_of_the_machine_or_all_its_cores() {
        assert_eq!(AuthSettings::default().password_limits(), PasswordLimits::default());
        let set = [("hashes_at_once", "1"), ("hashes_waiting", "2"), ("wait_ms", "3")];
        let set = set.map(|(key, value)| (format!("auth.password_{key}_max"), value.to_owned()));
        let limits = Settings::load(None, &set).unwrap().auth.password_limits();
        assert_eq!(limits, PasswordLimits { at_once_max: 1, waiting_max: 2, wait_max: Duration::from_millis(3) });
    }
}
