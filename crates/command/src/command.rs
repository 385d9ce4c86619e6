//! What a command is: an input, rules, a handler, an outcome of ids. Each noun's file has its commands.

use crate::auth::MailToken;
use crate::auth::openid::PresentedIdToken;
use crate::{CommandError, DataExport, HandlerError, Session, UnitOfWork};
use async_graphql::{ID, InputType};
use millrace_events::UserId;
use millrace_events::values::{Email, Password};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::future::Future;
use std::time::Duration;

/// The most bytes of an idempotency key.
pub const IDEMPOTENCY_KEY_BYTES_MAX: usize = 64;

/// Who may send a command at all. What they may do it to is the handler's to decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Everybody, signed in or not.
    Anyone,
    /// A person whose sign-in has not ended.
    SignedIn,
    /// A person with a valid access token, also if the sign-in has ended by now: signing out twice is no error.
    SignedInOrOut,
    /// A person who is staff, or an admin.
    Staff,
    /// A person who is an admin.
    Admin,
    /// The system itself, such as a process manager. No client can send it.
    System,
}

impl Sender {
    /// True if a person who sends it must be signed in.
    pub(crate) fn is_signed_in(self) -> bool {
        matches!(self, Self::SignedIn | Self::Staff | Self::Admin)
    }
}

/// A command: the GraphQL input is the command itself.
///
/// The pipeline calls these in order: `validate`, `id_token` and `password_work` (done outside the transaction, where they may take their time), then
/// `handle` in a transaction, which may be rolled back and tried again: it does nothing but use its unit of work.
pub trait Command: InputType + Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// The mutation's name, such as `addComment`. It scopes idempotency keys.
    const NAME: &'static str;
    /// Who may send it.
    const SENDER: Sender = Sender::SignedIn;
    /// Input fields that no store may hold, not even as a hash: they are left out when inputs are compared.
    const SECRET_FIELDS: &'static [&'static str] = &[];
    /// True if a replay is handled again, for an answer that is not kept: it must change nothing.
    const IS_HANDLED_AGAIN: bool = false;
    /// How much longer than those of others its transaction may take.
    const LONGER: Duration = Duration::ZERO;
    /// The input once its fields are parsed.
    type Valid: Send + Sync;
    /// The ids of what it touched, kept for replays. Field names are those of the payload.
    type Outcome: Serialize + DeserializeOwned + Clone + Send + Sync + 'static;

    /// The client's key, under which the command takes effect once.
    fn idempotency_key(&self) -> Option<&str> {
        None
    }

    /// Parses all fields; tells all that is wrong with them.
    fn validate(&self) -> Result<Self::Valid, Vec<CommandError>>;

    /// What to do with a password before the transaction.
    fn password_work(_valid: &Self::Valid) -> PasswordWork<'_> {
        PasswordWork::Nothing
    }

    /// An ID token to verify before the transaction.
    fn id_token(_valid: &Self::Valid) -> Option<PresentedIdToken<'_>> {
        None
    }

    /// Whose idempotency key it is, if not the sender's.
    fn key_owner(_valid: &Self::Valid) -> Option<KeyOwner> {
        None
    }

    /// Locks, loads, decides, writes rows and records events.
    fn handle(
        valid: &Self::Valid,
        unit: &mut UnitOfWork,
    ) -> impl Future<Output = Result<Handled<Self::Outcome>, HandlerError>> + Send;

    /// The person whose password must be this one by now, if a replay shall tell that it was set: inputs are compared without secrets.
    fn replay_has_set<'a>(_valid: &'a Self::Valid, _outcome: &Self::Outcome) -> Option<(UserId, &'a Password)> {
        None
    }

    /// Whom a kept answer is about, where nobody needs to be signed in: it goes when they are erased.
    fn of_person(_outcome: &Self::Outcome) -> Option<UserId> {
        None
    }

    /// The person who signs in, if a replay gives a fresh session: its password must match, as nobody has shown who they are.
    fn replay_signs_in<'a>(_valid: &'a Self::Valid, _outcome: &Self::Outcome) -> Option<(UserId, &'a Password)> {
        None
    }
}

/// What to do with a password before the transaction.
#[derive(Debug)]
pub enum PasswordWork<'a> {
    /// There is none.
    Nothing,
    /// Hash the one that an account with this address would have. That is counted.
    Open {
        /// Whose account.
        email: &'a Email,
        /// The first one.
        password: &'a Password,
    },
    /// Hash a new one for whoever has read the mail with this token, if there was one. That is counted.
    Reset {
        /// Out of the mail.
        token: &'a MailToken,
        /// The next one.
        password: &'a Password,
    },
    /// Compare it with that of the account with this address, if there is one.
    Verify {
        /// Whose password.
        email: &'a Email,
        /// As typed.
        password: &'a Password,
    },
    /// There is none: the owner of this address, if there is one, forgot it. That is counted.
    Forgotten(&'a Email),
    /// Compare it with that of the signed-in sender, as typed; none if no account can have it.
    Confirm(Option<&'a Password>),
    /// Compare one with that of the signed-in sender, and hash the one that takes its place.
    Replace {
        /// As typed; none if no account can have it.
        current: Option<&'a Password>,
        /// The next one.
        new: &'a Password,
    },
}

/// Whose idempotency key it is: two owners may use the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOwner {
    /// No key can be used.
    Nobody,
    /// A signed-in person's.
    Person(UserId),
    /// Of somebody who is not known yet, by e-mail address.
    Email(String),
    /// Of whoever has read a mail, by the hash of the token in it.
    Token(Vec<u8>),
    /// The operator's, on the command line.
    System,
}

/// What a handler answers when its changes shall stand.
#[derive(Debug, Clone)]
pub struct Handled<O> {
    pub(crate) outcome: O,
    pub(crate) aggregate_id: Option<ID>,
    pub(crate) version: Option<u32>,
    pub(crate) session: Option<Session>,
    pub(crate) export: Option<DataExport>,
    pub(crate) rejection: Option<CommandError>,
    pub(crate) owner: Option<String>,
    pub(crate) left: Option<String>,
}

impl<O> Handled<O> {
    /// Accepted, with the ids of what was touched.
    pub fn new(outcome: O) -> Self {
        Self {
            outcome,
            aggregate_id: None,
            version: None,
            session: None,
            export: None,
            rejection: None,
            owner: None,
            left: None,
        }
    }

    /// The aggregate that the receipt tells about, and its version now.
    pub fn at(self, aggregate_id: impl Into<AggregateGlobalId>, version: u32) -> Self {
        Self { aggregate_id: Some(aggregate_id.into().0), version: Some(version), ..self }
    }

    /// The version now of an aggregate that has no id of its own in GraphQL.
    pub fn at_version(self, version: u32) -> Self {
        Self { version: Some(version), ..self }
    }

    /// Credentials for the client. They are not kept.
    pub fn with_session(self, session: Session) -> Self {
        Self { session: Some(session), ..self }
    }

    /// A link for the client. It is not kept.
    pub fn with_export(self, export: DataExport) -> Self {
        Self { export: Some(export), ..self }
    }

    /// Sent by the owner of the account with this address, as compared: what they got wrong before counts no longer.
    pub(crate) fn by_owner(self, email_canonical: String) -> Self {
        Self { owner: Some(email_canonical), ..self }
    }

    /// No account has this address any more, as compared: what was known of its sign-ins is forgotten.
    pub(crate) fn leaving(self, email_canonical: String) -> Self {
        Self { left: Some(email_canonical), ..self }
    }

    /// The answer is no all the same; what was changed stands, such as the end of a sign-in whose refresh token was stolen.
    pub fn but_rejected(self, error: CommandError) -> Self {
        Self { rejection: Some(error), ..self }
    }
}

/// The opaque id of an aggregate, as a receipt tells it.
#[derive(Debug, Clone)]
pub struct AggregateGlobalId(ID);

macro_rules! global_ids {
    ($($id:ident),+) => { $(
        impl From<millrace_events::$id> for AggregateGlobalId {
            fn from(id: millrace_events::$id) -> Self {
                Self(ID(id.to_global()))
            }
        }
    )+ };
}

global_ids!(UserId, PostId, CommentId, ProductId, OrderId, WalletId);
