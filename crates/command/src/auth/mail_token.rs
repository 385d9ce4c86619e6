//! Tokens that are mailed: opaque, good for one use. PostgreSQL keeps their SHA-256 only.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::RngCore;
use sha2::{Digest, Sha256};

const SECRET_BYTES: usize = 32;

/// 32 random bytes. Whoever shows them has read the mail.
#[derive(Clone, PartialEq, Eq)]
pub struct MailToken([u8; SECRET_BYTES]);

impl MailToken {
    /// A new one.
    pub fn generate() -> Self {
        let mut secret = [0; SECRET_BYTES];
        rand::rng().fill_bytes(&mut secret);
        Self(secret)
    }

    /// Reads the text out of a mail; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.trim()).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The text in the mail.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What is kept of it. It is random, so a plain hash cannot be guessed back.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

impl std::fmt::Debug for MailToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_has_a_hash_of_its_own() {
        let (one, other) = (MailToken::generate(), MailToken::generate());
        assert_eq!(MailToken::parse(&format!(" {}\n", one.expose())), Some(one.clone()));
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn what_was_not_made_here_is_none_and_nothing_shows() {
        let token = MailToken::generate();
        for text in ["", "abc", "!", &token.expose()[1..], &format!("{}AA", token.expose()), &"A".repeat(5_000)] {
            assert_eq!(MailToken::parse(text), None, "{text}");
        }
        assert!(!format!("{token:?}").contains(&token.expose()));
    }
}
