//! Who somebody is: passwords, access tokens, refresh tokens.

mod access_token;
mod attempts;
mod export_link;
mod hashing_threads;
mod key_pair;
mod mail_token;
pub mod openid;
mod passwords;
mod refresh_token;
mod secret_text;
mod session;

use crate::mail::MailCounts;
use millrace_events::Timestamp;
use openid::IdTokens;

pub use access_token::{ACCESS_TOKEN_LIFETIME, AccessTokenError, AccessTokenSigner, AccessTokenVerifier, KeyError};
pub use attempts::{Asked, AttemptLimits, Attempts};
pub use export_link::{DataExport, ExportLinkRules, ExportLinks, ExportRight};
pub use key_pair::{KeyPair, generate_key_pair};
pub use mail_token::MailToken;
pub use passwords::{PasswordCost, PasswordError, PasswordLimits, Passwords};
pub use refresh_token::{REFRESH_TOKEN_GRACE, REFRESH_TOKEN_LIFETIME, RefreshToken};
pub use secret_text::SecretText;
pub use session::Session;

/// All that the command side needs to know somebody and to give them credentials.
#[derive(Debug)]
pub struct Auth {
    /// Hashes and compares passwords.
    pub passwords: Passwords,
    /// Signs access tokens.
    pub signer: AccessTokenSigner,
    /// Counts failed sign-ins.
    pub attempts: Attempts,
    /// Makes links to exports.
    pub exports: ExportLinks,
    /// Counts mails for forgotten passwords.
    pub resets: Attempts,
    /// Counts mails that somebody else's mailbox may be filled with.
    pub mails: MailCounts,
    /// Counts new passwords.
    pub new_passwords: Attempts,
    /// Verifies ID tokens of OpenID providers.
    pub id_tokens: IdTokens,
    /// Counts ID tokens that are refused.
    pub refused_id_tokens: Attempts,
}

impl Auth {
    /// Forgets what counts no longer, and with it whose it was.
    pub(crate) fn age(&self, now: Timestamp) {
        for counts in [&self.attempts, &self.resets, &self.new_passwords, &self.refused_id_tokens] {
            counts.age(now);
        }
        self.mails.age(now);
    }
}
