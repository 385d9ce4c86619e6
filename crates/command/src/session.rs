//! Sign-ins: beginning them.

mod provider;
mod refresh;
mod sign_out;
mod sweep;

use crate::CommandError;
use crate::auth::{REFRESH_TOKEN_LIFETIME, RefreshToken, SecretText, Session};
use crate::command::{Command, Handled, PasswordWork, Sender};
use crate::fields::Fields;
use crate::frame::PasswordFinding;
use crate::rows::{self, refresh_token, session, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::AccountReactivated;
use millrace_events::values::{Email, Password};
use millrace_events::{Event, SessionId, Timestamp, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

pub use self::provider::{SignInWithProvider, SignedInWithProvider};
pub(crate) use self::provider::{link, linked_event};
pub use self::refresh::{RefreshSession, SessionRefreshed};
pub(crate) use self::sign_out::is_live;
pub use self::sign_out::{SignOut, SignOutEverywhere, SignedOut};
pub(crate) use self::sweep::sweep;

const NOT_SIGNED_IN: &str = "E-mail address and password do not fit together.";

/// Signs in with e-mail address and password.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "SignInInput")]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// E-mail address of the account; upper and lower case make no difference.
    pub email: String,
    /// The account's password.
    pub password: SecretText,
    /// True to have an account back that was deactivated; without it such an account is not signed in to.
    #[serde(default)]
    #[graphql(default)]
    pub reactivate: bool,
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The person.
    pub user: UserId,
}

/// A sign-in whose fields are parsed.
#[derive(Debug, Clone)]
pub struct Credentials {
    email: Email,
    password: Password,
    reactivate: bool,
}

impl Command for SignIn {
    const NAME: &'static str = "signIn";
    const SENDER: Sender = Sender::Anyone;
    const SECRET_FIELDS: &'static [&'static str] = &["password"];
    type Valid = Credentials;
    type Outcome = SignedIn;

    /// A password that no account can have is as wrong as any other, and costs no hash.
    fn validate(&self) -> Result<Credentials, Vec<CommandError>> {
        let mut fields = Fields::default();
        let email = fields.take("email", Email::parse(&self.email));
        let email = fields.finish(email)?;
        let password = Password::parse(self.password.expose());
        let password = password.map_err(|_| vec![CommandError::invalid_credentials(NOT_SIGNED_IN)])?;
        Ok(Credentials { email, password, reactivate: self.reactivate })
    }

    fn password_work(valid: &Credentials) -> PasswordWork<'_> {
        PasswordWork::Verify { email: &valid.email, password: &valid.password }
    }

    async fn handle(valid: &Credentials, unit: &mut UnitOfWork) -> Handling<Handled<SignedIn>> {
        let PasswordFinding::Matches { user_id, hash } = unit.password().clone() else {
            return Err(CommandError::invalid_credentials(NOT_SIGNED_IN).into());
        };
        if valid.reactivate {
            reactivate(unit, user_id, &hash).await?;
        }
        let (session, version) = begin(unit, user_id, &hash).await?;
        Ok(Handled::new(SignedIn { user: user_id }).at(user_id, version).with_session(session))
    }
}

/// Begins a sign-in, if the password's hash is still the one that was compared. Answers the account's version too.
pub(crate) async fn begin(unit: &mut UnitOfWork, user_id: UserId, hash: &str) -> Handling<(Session, u32)> {
    let found = user::relied_on(unit.db(), user_id.0).await?;
    let Some(user) = found.filter(|user| user.has_password(hash)) else {
        return Err(CommandError::invalid_credentials(NOT_SIGNED_IN).into());
    };
    // Only who knows the password is told.
    if user.deactivated_at.is_some() {
        return Err(CommandError::account_deactivated().into());
    }
    let session = open(unit, user_id, user.outside_void_until).await?;
    Ok((session, rows::version(user.version)))
}

/// Brings a deactivated account back, if the password's hash is still the one that was compared. Changes nothing about an active one.
async fn reactivate(unit: &mut UnitOfWork, user_id: UserId, hash: &str) -> Handling<()> {
    let found = user::locked_for_change(unit.db(), user_id.0).await?;
    let Some(user) = found.filter(|user| user.has_password(hash) && user.deactivated_at.is_some()) else {
        return Ok(());
    };
    bring_back(unit, &user).await?;
    Ok(())
}

/// Ends a locked account's deactivation. Answers its version.
async fn bring_back(unit: &mut UnitOfWork, user: &user::Model) -> Handling<u32> {
    let (user_id, changed) = (UserId(user.id), user::ActiveModel { deactivated_at: Set(None), ..Default::default() });
    let version = user::advance(unit.db(), user, changed, unit.at().moment()).await?;
    unit.record(user.id, version, Event::AccountReactivated(AccountReactivated { user_id }));
    Ok(version)
}

/// Begins a sign-in of a person whose account is locked or new. What was issued to them until `void_until` is void.
pub(crate) async fn open(
    unit: &mut UnitOfWork,
    user_id: UserId,
    void_until: Option<OffsetDateTime>,
) -> Handling<Session> {
    let (now, session_id) = (unit.clock().await?, SessionId::generate());
    let row = session::Model {
        id: session_id.0,
        user_id: user_id.0,
        created_at: now.moment(),
        expires_at: now.moment() + REFRESH_TOKEN_LIFETIME,
        ended_at: None,
    };
    rows::insert(unit.db(), row).await?;
    issue(unit, user_id, session_id, issued_after(now, void_until)).await
}

/// When a token is issued that must come after all these moments: now, unless PostgreSQL's clock was set back since. So no token is void
/// from the beginning, and none of a sign-in is older than the one before it.
fn issued_after(now: Timestamp, earlier: impl IntoIterator<Item = OffsetDateTime>) -> Timestamp {
    let first = earlier.into_iter().max().map(|moment| moment + Duration::microseconds(1));
    Timestamp::new(first.map_or(now.moment(), |first| first.max(now.moment())))
}

/// New tokens for a sign-in.
async fn issue(unit: &UnitOfWork, user_id: UserId, session_id: SessionId, now: Timestamp) -> Handling<Session> {
    let token = RefreshToken::generate(session_id);
    let (hash, issued_at) = (token.hash(), now.moment());
    let row = refresh_token::Model { hash, session_id: session_id.0, issued_at, replaced_at: None };
    rows::insert(unit.db(), row).await?;
    let (access_token, expires_at) = unit.auth().signer.sign(user_id, session_id, now)?;
    Ok(Session { access_token, refresh_token: token.expose(), expires_at })
}
