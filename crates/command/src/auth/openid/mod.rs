//! Outside identities: ID tokens of OpenID providers, verified with the providers' own keys.
//!
//! What a token must be is decided in pure functions (`claims.rs`, `keys.rs`, `kept.rs`); `verifier.rs` is the path that a token takes.
//! How a provider's keys are fetched is a port ([`KeySource`]): this crate opens no connection but to PostgreSQL.

mod algorithm;
mod claims;
mod kept;
mod keys;
mod verifier;

use futures_util::future::BoxFuture;
use millrace_events::Timestamp;
use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

pub use self::algorithm::SignatureAlgorithm;
pub use self::keys::{KeysError, ProviderKeys};
pub use self::verifier::IdTokens;

/// The longest ID token that is looked at. Those of large providers have about 2,000 bytes.
pub const ID_TOKEN_BYTES_MAX: usize = 16 * 1_024;

/// A provider whose ID tokens are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// What its tokens say in `iss`, byte by byte.
    pub issuer: String,
    /// Our client ids there.
    pub audience: BTreeSet<String>,
    /// What its tokens may be signed with.
    pub algorithms: BTreeSet<SignatureAlgorithm>,
    /// Where its keys are, if not where its discovery document says.
    pub jwks_url: Option<String>,
}

/// How long keys are good, and how far clocks may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IdTokenRules {
    /// How far the provider's clock and ours may be apart.
    pub clock_leeway: time::Duration,
    /// How long keys are used before they are asked for again.
    pub fresh: Duration,
    /// How long keys are used while the provider does not answer. Not less than `fresh`.
    pub kept_max: Duration,
    /// The least time between two questions for a provider's keys, whatever tokens come.
    pub refetch_min: Duration,
}

/// Fetches a provider's keys, within limits of time and size.
pub trait KeySource: Send + Sync {
    /// The keys that the provider signs with now.
    fn fetch<'a>(&'a self, provider: &'a Provider) -> BoxFuture<'a, Result<ProviderKeys, KeySourceError>>;
}

/// Why a provider's keys were not fetched. It is logged.
pub type KeySourceError = Box<dyn Error + Send + Sync>;

/// An ID token as a client brings it.
#[derive(Clone, Copy)]
pub struct PresentedIdToken<'a> {
    /// The token itself.
    pub token: &'a str,
    /// What the client had the provider write into it, if it did.
    pub nonce: Option<&'a str>,
}

/// The token lets somebody in.
impl std::fmt::Debug for PresentedIdToken<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PresentedIdToken(..)")
    }
}

/// Who somebody is with a provider, as a verified token says.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Who it is there, for ever.
    pub subject: String,
    /// When the token that says so was issued, at the earliest: the provider's clock may be ahead of ours, as far as the rules allow. So what
    /// was issued before a moment of ours is never taken for younger.
    pub issued_at: Timestamp,
    /// An address of which the provider says that mail to it reaches them.
    pub verified_email: Option<String>,
    /// First name, if it is told.
    pub first_name: Option<String>,
    /// Last name, if it is told.
    pub last_name: Option<String>,
}

/// Names and address are nobody's business in a log.
impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

/// A provider's token that stands for a sign-in itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// Who it is.
    pub identity: Identity,
    /// When the token was issued, at the earliest.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// Why an ID token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// It is not good, whatever is done.
    #[error("the ID token is refused: {0}")]
    Refused(#[from] Refusal),
    /// Nobody can tell now: the provider's keys are not known.
    #[error("the keys of {issuer} are not known")]
    KeysUnknown {
        /// Whose keys.
        issuer: String,
    },
}

/// What is wrong with an ID token, for our log. It has no source: what a parser says of a token may quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is longer than any that is taken.
    #[error("it is too long")]
    TooLong,
    /// It has no form that an ID token can have.
    #[error("it is malformed")]
    Malformed,
    /// It is of no provider that is taken.
    #[error("its issuer is not taken")]
    Issuer,
    /// It is signed in a way that is not taken from this provider, or not at all.
    #[error("its algorithm is not taken")]
    Algorithm,
    /// The provider has no such key.
    #[error("its key is not the provider's")]
    Key,
    /// It was changed, or another key signed it.
    #[error("its signature is wrong")]
    Signature,
    /// It names nobody.
    #[error("its subject is empty, too long or no text")]
    Subject,
    /// It was made for another client.
    #[error("it is for somebody else")]
    Audience,
    /// It was good once.
    #[error("it has expired")]
    Expired,
    /// It is not good yet.
    #[error("it is not valid yet")]
    NotYet,
    /// It was made for another request of the client.
    #[error("its nonce is another one")]
    Nonce,
}
