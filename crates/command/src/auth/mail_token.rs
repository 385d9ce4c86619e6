//! Tokens that are mailed: opaque, good for one use. PostgreSQL keeps their SHA-256 only.

use crate::ServerSecret;
use crate::fault::Fault;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const SECRET_BYTES: usize = 32;

/// 32 bytes that nobody guesses. Whoever shows them has read the mail.
#[derive(Clone, PartialEq, Eq)]
pub struct MailToken([u8; SECRET_BYTES]);

impl MailToken {
    /// The one of this mail. It is the same at each attempt to send it, so that whichever copy arrives is good, and none is kept.
    pub(crate) fn of_mail(id: Uuid, secret: &ServerSecret) -> Result<Self, Fault> {
        let mac = secret.mac(&[b"mail", id.as_bytes()])?;
        Ok(Self(mac.try_into().map_err(|_| Fault::Missing("the bytes of a mailed token"))?))
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

    /// What is kept of it. It looks random, so a plain hash cannot be guessed back.
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

    fn token(mail: u128) -> MailToken {
        let secret = ServerSecret::new(*b"a secret of at least 32 bytes ...").unwrap();
        MailToken::of_mail(Uuid::from_u128(mail), &secret).unwrap()
    }

    #[test]
    fn each_mail_has_its_own_token_and_each_secret_makes_others() {
        let other = ServerSecret::new(*b"another secret of 32 bytes ......").unwrap();
        assert_eq!(token(1), token(1));
        assert_ne!(token(1), token(2));
        assert_ne!(token(1), MailToken::of_mail(Uuid::from_u128(1), &other).unwrap());
    }

    #[test]
    fn a_token_reads_back_and_has_a_hash_of_its_own() {
        let (one, other) = (token(1), token(2));
        assert_eq!(MailToken::parse(&format!(" {}\n", one.expose())), Some(one.clone()));
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn what_was_not_made_here_is_none_and_nothing_shows() {
        let token = token(1);
        for text in ["", "abc", "!", &token.expose()[1..], &format!("{}AA", token.expose()), &"A".repeat(5_000)] {
            assert_eq!(MailToken::parse(text), None, "{text}");
        }
        assert!(!format!("{token:?}").contains(&token.expose()));
    }
}
