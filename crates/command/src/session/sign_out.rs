//! Sign-ins: ending them.

use crate::CommandError;
use crate::command::{Command, Handled, Sender};
use crate::fault::Fault;
use crate::rows::{self, identity, session, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::{AllSessionsEnded, SessionEnded};
use millrace_events::{Event, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Ends the sign-in that the access token belongs to. Ending it twice is no error.
#[derive(Debug, Clone, Default, InputObject, Serialize, Deserialize)]
#[graphql(name = "SignOutInput")]
#[serde(rename_all = "camelCase")]
pub struct SignOut {
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Who signed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOut {
    /// The person.
    pub user: UserId,
}

impl Command for SignOut {
    const NAME: &'static str = "signOut";
    const SENDER: Sender = Sender::SignedInOrOut;
    type Valid = ();
    type Outcome = SignedOut;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<(), Vec<CommandError>> {
        Ok(())
    }

    async fn handle((): &(), unit: &mut UnitOfWork) -> Handling<Handled<SignedOut>> {
        let (user_id, session_id) = (unit.user_id()?, unit.person()?.session_id);
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        let handled = Handled::new(SignedOut { user: user_id });
        let session = session::locked(unit.db(), session_id.0).await?;
        let now = unit.clock().await?;
        if !session.is_some_and(|session| session.user_id == user_id.0 && session.is_live(now.moment())) {
            return Ok(handled.at(user_id, rows::version(user.version)));
        }
        let version = end(unit, &user, session_id, now).await?;
        Ok(handled.at(user_id, version))
    }
}

/// Ends all your sign-ins, this one included.
#[derive(Debug, Clone, Default, InputObject, Serialize, Deserialize)]
#[graphql(name = "SignOutEverywhereInput")]
#[serde(rename_all = "camelCase")]
pub struct SignOutEverywhere {
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl Command for SignOutEverywhere {
    const NAME: &'static str = "signOutEverywhere";
    const SENDER: Sender = Sender::SignedInOrOut;
    type Valid = ();
    type Outcome = SignedOut;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<(), Vec<CommandError>> {
        Ok(())
    }

    /// A token whose sign-in has ended ends nothing: it may be in a thief's hands.
    async fn handle((): &(), unit: &mut UnitOfWork) -> Handling<Handled<SignedOut>> {
        let user_id = unit.user_id()?;
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        let handled = Handled::new(SignedOut { user: user_id });
        // After the lock: a sign-in that is committed by now has its token from before this moment.
        let (now, is_live) = is_live(unit).await?;
        if !is_live {
            return Ok(handled.at(user_id, rows::version(user.version)));
        }
        let issued_until = session::end_all(unit.db(), &user, now.moment()).await?;
        let version = user::advance(unit.db(), &user, user::ActiveModel::default(), now.moment()).await?;
        unit.record(user_id.0, version, Event::AllSessionsEnded(AllSessionsEnded { user_id, issued_until }));
        Ok(handled.at(user_id, version))
    }
}

/// Whether the sender's sign-in has not ended, or a provider's token stands for one, and since when that is known. The account must be
/// locked.
pub(crate) async fn is_live(unit: &UnitOfWork) -> Handling<(Timestamp, bool)> {
    let person = unit.person()?;
    let session = session::locked(unit.db(), person.session_id.0).await?;
    let now = unit.clock().await?;
    let is_live = match session {
        Some(session) => session.user_id == person.user_id.0 && session.is_live(now.moment()),
        None => identity::by_session(unit.db(), person.session_id.0)
            .await?
            .is_some_and(|identity| identity.user_id == person.user_id.0 && identity.takes(person.issued_at.moment())),
    };
    Ok((now, is_live))
}

/// Ends a locked sign-in of a locked account. Answers the account's new version.
pub(super) async fn end(
    unit: &mut UnitOfWork,
    user: &user::Model,
    session_id: SessionId,
    now: Timestamp,
) -> Handling<u32> {
    session::end(unit.db(), session_id.0, now.moment()).await?;
    let version = user::advance(unit.db(), user, user::ActiveModel::default(), now.moment()).await?;
    let ended = SessionEnded { user_id: UserId(user.id), session_id };
    unit.record(user.id, version, Event::SessionEnded(ended));
    Ok(version)
}
