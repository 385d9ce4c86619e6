//! One attempt of a command: a transaction, what is known about who sent it, and the events that it records.
//!
//! Only the pipeline begins and ends it. What a handler records is sealed and written in the same transaction, as its last statement.

use crate::auth::Auth;
use crate::auth::openid::Identity;
use crate::fault::{Fault, HandlerError, sql_state};
use crate::frame::{Actor, Frame, PasswordFinding};
use crate::rows::mail::Kind;
use crate::rows::session::IS_LIVE;
use crate::{Sender, ShopRules, WalletRules};
use millrace_events::viewer::Person;
use millrace_events::{
    Aggregate, CommandId, Event, EventId, KeyState, PersonKey, Role, Timestamp, UserId, Viewer, seal,
};
use millrace_log::{NewEvent, command_ordinal, keys, outbox};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, RuntimeErr, SqlxError,
    Statement, TransactionTrait,
};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

/// What PostgreSQL knows of the transaction, and of a sender who must be signed in, read in its first statement.
#[derive(Debug, FromQueryResult)]
struct Opening {
    transaction_id: String,
    now: OffsetDateTime,
    is_live: bool,
    roles: Option<String>,
}

/// One attempt of a command.
pub struct UnitOfWork {
    transaction: DatabaseTransaction,
    transaction_id: String,
    frame: Frame,
    is_live: bool,
    roles: BTreeSet<Role>,
    at: Timestamp,
    recorded: Vec<(Aggregate, Event)>,
    new_keys: HashMap<UserId, KeyState>,
}

/// How the transaction ended.
pub(crate) enum Committed {
    /// It took effect.
    Yes,
    /// The server said that it did not.
    No(DbErr),
    /// The connection broke; the transaction's id tells what became of it.
    Unknown { transaction_id: String, error: DbErr },
}

impl UnitOfWork {
    /// Begins the transaction and reads what is true about the sender now. A `begin` that is cancelled leaves a transaction open, which
    /// only the log's own pool ends when it gets the connection back.
    ///
    /// Whoever must be signed in is locked before all else, so that they are there until the end: whatever ends the account waits for
    /// the command, or the command for it, and is refused. Who may be signed out may be here to end the account, and locks it themselves.
    pub(crate) async fn begin(database: &DatabaseConnection, frame: Frame, sender: Sender) -> Result<Self, Fault> {
        let transaction = database.begin().await?;
        let opening = open(&transaction, frame.actor.person().filter(|_| sender.is_signed_in())).await?;
        Ok(Self {
            transaction,
            transaction_id: opening.transaction_id,
            frame,
            is_live: opening.is_live,
            roles: roles(opening.roles.as_deref()),
            at: Timestamp::new(opening.now),
            recorded: Vec::new(),
            new_keys: HashMap::new(),
        })
    }

    /// Lets in whom the command is for.
    pub(crate) fn admit(&self, sender: Sender) -> Result<(), Fault> {
        match (sender, &self.frame.actor) {
            (Sender::Anyone, _) | (_, Actor::System) => Ok(()),
            (Sender::System, _) => Err(Fault::NotSystem),
            (_, Actor::Viewer(Viewer::Anonymous)) => Err(Fault::NotSignedIn),
            (Sender::SignedInOrOut, _) => Ok(()),
            _ if !self.is_live => Err(Fault::NotSignedIn),
            (Sender::Staff, _) if self.roles.is_empty() => Err(Fault::NotStaff),
            (Sender::Admin, _) if !self.roles.contains(&Role::Admin) => Err(Fault::NotAdmin),
            _ => Ok(()),
        }
    }

    /// The transaction, for rows.
    pub fn db(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// The person who sends the command.
    pub fn person(&self) -> Result<&Person, Fault> {
        self.frame.actor.person().ok_or(Fault::NotSignedIn)
    }

    /// The id of the person who sends the command.
    pub fn user_id(&self) -> Result<UserId, Fault> {
        self.person().map(|person| person.user_id)
    }

    /// True if the person is staff or an admin.
    pub fn is_staff(&self) -> bool {
        !self.roles.is_empty()
    }

    /// True if nobody sends it: the system itself acts.
    pub(crate) fn is_system(&self) -> bool {
        self.frame.actor == Actor::System
    }

    /// The rules of the shop.
    pub(crate) fn shop(&self) -> ShopRules {
        self.frame.shop
    }

    /// The rules of wallets.
    pub(crate) fn wallets(&self) -> WalletRules {
        self.frame.wallets
    }

    /// When this attempt began, by PostgreSQL's clock: one clock for all processes.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// PostgreSQL's clock now. To be read after locks, where "before" and "after" count.
    pub async fn clock(&self) -> Result<Timestamp, Fault> {
        #[derive(FromQueryResult)]
        struct Clock {
            now: OffsetDateTime,
        }
        let statement = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp() AS now");
        let clock = Clock::find_by_statement(statement).one(&self.transaction).await?;
        clock.map(|clock| Timestamp::new(clock.now)).ok_or(Fault::Missing("the clock"))
    }

    pub(crate) fn command_id(&self) -> CommandId {
        self.frame.command_id
    }

    pub(crate) fn password(&self) -> &PasswordFinding {
        &self.frame.password
    }

    /// Who the sender is with an OpenID provider, as their ID token says.
    pub(crate) fn identity(&self) -> Result<&Identity, Fault> {
        self.frame.identity.as_deref().ok_or(Fault::Missing("the identity out of an ID token"))
    }

    pub(crate) fn auth(&self) -> &Auth {
        &self.frame.auth
    }

    /// Whether the one mail of this kind that the command writes may be written; `count` is asked at the first attempt alone.
    pub(crate) fn is_granted(&self, kind: Kind, count: impl FnOnce() -> bool) -> bool {
        self.frame.mails.ask(kind, count)
    }

    /// Makes the key that seals a new person's data.
    pub async fn create_key(&mut self, user_id: UserId) -> Result<(), Fault> {
        let key: PersonKey = keys::create(&self.transaction, user_id).await?;
        self.new_keys.insert(user_id, KeyState::Live(key));
        Ok(())
    }

    /// Destroys a person's key for good: whatever it sealed, anywhere, reads as erased. Their account must be locked.
    pub async fn destroy_key(&mut self, user_id: UserId) -> Result<(), Fault> {
        Ok(keys::destroy(&self.transaction, user_id).await?)
    }

    /// Records what happened, and the version that it brought the aggregate to.
    pub fn record(&mut self, aggregate_id: Uuid, version: u32, event: Event) {
        let kind = event.kind().aggregate();
        self.recorded.push((Aggregate { kind, id: aggregate_id, version }, event));
    }

    /// True if something was recorded.
    pub(crate) fn has_recorded(&self) -> bool {
        !self.recorded.is_empty()
    }

    /// Writes the recorded events: the last statements before COMMIT.
    pub(crate) async fn write_outbox(&mut self) -> Result<(), Fault> {
        if self.recorded.is_empty() {
            return Ok(());
        }
        let payloads = self.recorded.iter().map(|(_, event)| event.payload()).collect::<Result<Vec<_>, _>>()?;
        let keys = self.keys_for(&payloads).await?;
        let ordinal = command_ordinal(&self.transaction).await?;
        let events = self.sealed(payloads, &keys, ordinal)?;
        outbox::record(&self.transaction, &events).await?;
        Ok(())
    }

    async fn keys_for(&self, payloads: &[Value]) -> Result<HashMap<UserId, KeyState>, Fault> {
        let persons: BTreeSet<UserId> = payloads.iter().flat_map(seal::persons).collect();
        let absent: Vec<UserId> = persons.into_iter().filter(|person| !self.new_keys.contains_key(person)).collect();
        let mut keys = self.new_keys.clone();
        if !absent.is_empty() {
            keys.extend(keys::load(&self.transaction, &absent).await?);
        }
        Ok(keys)
    }

    fn sealed(
        &self,
        payloads: Vec<Value>,
        keys: &HashMap<UserId, KeyState>,
        command_ordinal: i64,
    ) -> Result<Vec<NewEvent>, Fault> {
        let count = u32::try_from(payloads.len()).unwrap_or(u32::MAX);
        let mut events = Vec::with_capacity(payloads.len());
        for (index, ((aggregate, event), mut payload)) in (0..).zip(self.recorded.iter().zip(payloads)) {
            let (event_id, kind) = (EventId::generate(), event.kind());
            seal::seal(&mut payload, event_id, &|person| keys.get(&person).cloned())?;
            events.push(NewEvent {
                event_id,
                command_id: self.frame.command_id,
                command_ordinal,
                index,
                count,
                aggregate: *aggregate,
                name: kind.name(),
                schema_version: kind.schema_version(),
                actor: self.frame.actor.person().map(|person| person.user_id),
                at: self.at,
                // What its tools want to be told may hold anything, and what is in the log is there for ever.
                trace: self.frame.trace.as_ref().map(|trace| trace.parent().to_owned()),
                payload,
            });
        }
        Ok(events)
    }

    /// Commits. A connection that breaks, or says nothing for so long, leaves the outcome open.
    pub(crate) async fn commit(self, wait_max: Duration) -> Committed {
        let transaction_id = self.transaction_id;
        match timeout(wait_max, self.transaction.commit()).await.unwrap_or_else(|_| Err(silent())) {
            Ok(()) => Committed::Yes,
            Err(error) if was_refused(&error) => Committed::No(error),
            Err(error) => Committed::Unknown { transaction_id, error },
        }
    }

    /// Leaves everything as it was. A failure does no harm: a connection that breaks takes its transaction with it.
    pub(crate) async fn roll_back(self) {
        if let Err(error) = self.transaction.rollback().await {
            tracing::debug!(%error, "rolling back failed");
        }
    }
}

fn silent() -> DbErr {
    let silence = std::io::Error::new(std::io::ErrorKind::TimedOut, "PostgreSQL did not answer");
    DbErr::Conn(RuntimeErr::SqlxError(SqlxError::Io(silence).into()))
}

/// True if the server's answer to COMMIT says that nothing took effect. When it goes down it may say so after the commit.
fn was_refused(error: &DbErr) -> bool {
    sql_state(error).is_some_and(|state| !state.starts_with("57") && !state.starts_with("08"))
}

async fn open(db: &impl ConnectionTrait, person: Option<&Person>) -> Result<Opening, Fault> {
    // Who waited for the lock still sees the sign-ins of before: only the locked row itself is looked at anew.
    let opening = format!(
        "WITH me AS MATERIALIZED (
            SELECT FROM users WHERE id = $2 AND erased_at IS NULL AND deactivated_at IS NULL FOR KEY SHARE)
        SELECT EXISTS (SELECT FROM me) AND {IS_LIVE} AS is_live,
            pg_current_xact_id()::text AS transaction_id, clock_timestamp() AS now,
            (SELECT string_agg(role, ' ') FROM user_roles WHERE user_id = $2) AS roles"
    );
    let (session_id, user_id) = (person.map(|person| person.session_id.0), person.map(|person| person.user_id.0));
    let issued_at = person.map(|person| person.issued_at.moment());
    let values: [sea_orm::Value; 3] = [session_id.into(), user_id.into(), issued_at.into()];
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, opening, values);
    let opening = Opening::find_by_statement(statement).one(db).await?;
    opening.ok_or(Fault::Missing("the answer to a transaction's first statement"))
}

fn roles(joined: Option<&str>) -> BTreeSet<Role> {
    joined.unwrap_or_default().split(' ').filter_map(Role::parse).collect()
}

/// A handler stops with a fault or a rejection; both leave the transaction to be rolled back.
pub(crate) type Handling<T> = Result<T, HandlerError>;
