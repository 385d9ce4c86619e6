//! Mails: written down in the transaction of the command that causes them, sent later by whichever process gets to it.
//!
//! What is written down is to whom and about what. The text, with the token that it may carry, is made when the mail is sent, and lies
//! nowhere else.

mod counts;
mod sending;
mod sweep;
mod text;

use crate::fault::Fault;
use crate::rows;
use crate::rows::mail::{self, Kind};
use crate::rows::user;
use crate::unit_of_work::UnitOfWork;
use millrace_events::values::Email;
use std::future::Future;
use uuid::Uuid;

pub use self::counts::{MailCounts, MailLimits};
pub use self::sending::{MailQueue, Mailed, UNANSWERED_MAX};
pub(crate) use self::sending::{Sender, TOKENS_MAX};
pub(crate) use self::sweep::{sweep, sweep_tokens};

/// A mail as it goes out.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The same at each attempt, so that whoever receives it twice can tell.
    pub id: Uuid,
    /// To which address.
    pub to: String,
    /// What it is about.
    pub subject: &'static str,
    /// Plain text. It may hold a secret.
    pub text: String,
}

/// Neither the address nor the text is for a log.
impl std::fmt::Debug for Mail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mail").field("id", &self.id).field("subject", &self.subject).finish_non_exhaustive()
    }
}

/// Why a mail was not sent. What it says may be logged: no address, and nothing of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// It will never be taken, such as for an address that does not exist.
    #[error("refused: {0}")]
    Refused(String),
    /// It may be taken later.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The answer did not come in time.
    #[error("not answered in time")]
    Slow,
}

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Hands a mail over to whoever brings it to its reader.
    fn send(&self, mail: &Mail) -> impl Future<Output = Result<(), MailError>> + Send;
}

/// Writes a mail down. It goes out if the command takes effect.
pub(crate) async fn write(unit: &UnitOfWork, kind: Kind, user_id: Option<Uuid>, address: &str) -> Result<(), Fault> {
    let written_at = unit.at().moment();
    let mail = mail::Model {
        id: Uuid::now_v7(),
        kind,
        user_id,
        address: address.to_owned(),
        address_canonical: canonical(address),
        written_at,
        attempts: 0,
        unanswered: 0,
        due_at: written_at,
        dead_at: None,
    };
    rows::insert(unit.db(), mail).await
}

/// The same to an address of which nobody has shown that it is theirs. False, and nothing is written, if its mailbox has had enough.
pub(crate) async fn write_unproven(unit: &UnitOfWork, kind: Kind, user_id: Uuid, address: &str) -> Result<bool, Fault> {
    let counts = &unit.auth().mails;
    let is_within = unit.is_granted(kind, || counts.count_unproven(address, unit.at()));
    if is_within {
        write(unit, kind, Some(user_id), address).await?;
    } else {
        tracing::debug!(?kind, "a mailbox has had enough mails");
    }
    Ok(is_within)
}

/// Tells an account's owner what happens to it. Whoever does the same again and again tells it once; and a mailbox that may be somebody
/// else's has had enough at some time. What strangers do keeps nothing from an owner who has shown that mail reaches them.
pub(crate) async fn tell(unit: &UnitOfWork, kind: Kind, user: &user::Model) -> Result<(), Fault> {
    let counts = &unit.auth().mails;
    let may_be_told = unit.is_granted(kind, || {
        let is_news = counts.count_notice(kind, user.id, unit.at());
        is_news && (user.email_verified_at.is_some() || counts.count_unproven(&user.email, unit.at()))
    });
    if may_be_told { write(unit, kind, Some(user.id), &user.email).await } else { Ok(()) }
}

/// Addresses were parsed before they were written down.
fn canonical(address: &str) -> String {
    Email::parse(address).map(|email| email.canonical()).unwrap_or_default()
}
