//! `auth`: tokens and passwords.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
    /// New passwords from one client's address within 15 minutes, such as those of accounts that are opened (command role). Behind a proxy
    /// that `http.trusted_proxies` does not name, all clients share it.
    pub new_passwords_per_address_max: u32,
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
            new_passwords_per_address_max: 500,
            secret_file: PathBuf::from("keys/secret"),
        }
    }
}
