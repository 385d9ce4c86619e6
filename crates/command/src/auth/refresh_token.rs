//! Refresh tokens: opaque, good for one use. PostgreSQL keeps their SHA-256 only.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use millrace_events::SessionId;
use rand::RngCore;
use sha2::{Digest, Sha256};
use time::Duration;
use uuid::Uuid;

/// How long an unused refresh token is good for. Each use gives a new one.
pub const REFRESH_TOKEN_LIFETIME: Duration = Duration::days(30);
/// How long a used one stays good, for answers that were lost and for twins sent at the same moment.
pub const REFRESH_TOKEN_GRACE: Duration = Duration::seconds(20);
const SECRET_BYTES: usize = 32;
const ID_BYTES: usize = 16;

/// A refresh token as its owner holds it: the sign-in's id, so that any wrong use is put down to that, and 32 random bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    session: SessionId,
    secret: [u8; SECRET_BYTES],
}

impl RefreshToken {
    /// A new one for this sign-in.
    pub fn generate(session: SessionId) -> Self {
        let mut secret = [0; SECRET_BYTES];
        rand::rng().fill_bytes(&mut secret);
        Self { session, secret }
    }

    /// Reads the text that a client sends; `None` if it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let bytes: [u8; ID_BYTES + SECRET_BYTES] = bytes.try_into().ok()?;
        let (id, secret) = bytes.split_at(ID_BYTES);
        Some(Self { session: SessionId(Uuid::from_slice(id).ok()?), secret: secret.try_into().ok()? })
    }

    /// The text that the client gets.
    pub fn expose(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.session.0.as_bytes().as_slice(), &self.secret].concat())
    }

    /// The sign-in that it names.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// What is kept of it. The secret is random, so a plain hash cannot be guessed back.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::new().chain_update(self.session.0.as_bytes()).chain_update(self.secret).finalize().to_vec()
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RefreshToken").field("session", &self.session).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_has_a_hash_of_its_own() {
        let session = SessionId::generate();
        let (one, other) = (RefreshToken::generate(session), RefreshToken::generate(session));
        assert_eq!(RefreshToken::parse(&one.expose()), Some(one.clone()));
        assert_eq!(one.session(), session);
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn what_was_not_made_here_is_none() {
        let token = RefreshToken::generate(SessionId::generate()).expose();
        for text in ["", "abc", "!", &token[1..], &format!("{token}AA"), &"A".repeat(5_000)] {
            assert_eq!(RefreshToken::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_secret_does_not_show_in_debug_output() {
        let token = RefreshToken::generate(SessionId::generate());
        assert!(!format!("{token:?}").contains(&token.expose()[22..]));
    }
}
