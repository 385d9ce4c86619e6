//! Pairs of Ed25519 keys, in the PEM form that other tools read too.

use super::access_token::{AccessTokenSigner, KeyError};
use base64::{Engine, engine::general_purpose::STANDARD};
use rand::RngCore;

/// A new pair of keys in PEM form.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyPair {
    /// For the command role, and nobody else.
    pub private_pem: String,
    /// For whoever verifies tokens.
    pub public_pem: String,
}

impl std::fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyPair").field("public_pem", &self.public_pem).finish_non_exhaustive()
    }
}

/// What stands before the 32 bytes of an Ed25519 key in DER (RFC 8410).
const PRIVATE_PREFIX: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
pub(super) const PUBLIC_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// A new random pair of keys.
pub fn generate_key_pair() -> Result<KeyPair, KeyError> {
    let mut seed = [0; 32];
    rand::rng().fill_bytes(&mut seed);
    let private_pem = pem("PRIVATE KEY", &PRIVATE_PREFIX, &seed);
    let public_pem = AccessTokenSigner::from_pem(&private_pem)?.public_pem()?;
    Ok(KeyPair { private_pem, public_pem })
}

/// Both forms fit into one line of 64 characters or two.
pub(super) fn pem(tag: &str, prefix: &[u8], key: &[u8]) -> String {
    let body = STANDARD.encode([prefix, key].concat());
    format!("-----BEGIN {tag}-----\n{body}\n-----END {tag}-----\n")
}
