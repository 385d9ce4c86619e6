//! Sign-ins: beginning, renewing and ending them.

use crate::CommandError;
use crate::auth::{REFRESH_TOKEN_GRACE, REFRESH_TOKEN_LIFETIME, RefreshToken, SecretText, Session};
use crate::command::{Command, Handled, PasswordWork, Sender};
use crate::failure::Fault;
use crate::fields::Fields;
use crate::rows::{self, refresh_token, session, user};
use crate::unit_of_work::{Handling, PasswordFinding, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::{AllSessionsEnded, SessionEnded};
use millrace_events::values::{Email, Password};
use millrace_events::{Event, SessionId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};
use serde::{Deserialize, Serialize};

/// The most refresh tokens of one sign-in that are good at the same time: those of twins.
const TOKENS_MAX: usize = 32;
const NOT_SIGNED_IN: &str = "E-mail address and password do not fit together.";
const NOT_REFRESHED: &str = "This refresh token is not valid. Sign in again.";

/// Signs in with e-mail address and password.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "SignInInput")]
#[serde(rename_all = "camelCase")]
pub struct SignIn {
    /// E-mail address of the account; upper and lower case make no difference.
    pub email: String,
    /// The account's password.
    pub password: SecretText,
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
        Ok(Credentials { email, password })
    }

    fn password_work(valid: &Credentials) -> PasswordWork<'_> {
        PasswordWork::Verify { email: &valid.email, password: &valid.password }
    }

    async fn handle(_: &Credentials, unit: &mut UnitOfWork) -> Handling<Handled<SignedIn>> {
        let PasswordFinding::Matches { user_id, hash } = unit.password().clone() else {
            return Err(CommandError::invalid_credentials(NOT_SIGNED_IN).into());
        };
        let found = user::relied_on(unit.db(), user_id.0).await?;
        let Some(user) = found.filter(|user| user.password_hash == hash) else {
            return Err(CommandError::invalid_credentials(NOT_SIGNED_IN).into());
        };
        let session = open(unit, user_id).await?;
        Ok(Handled::new(SignedIn { user: user_id }).at(user_id, rows::version(user.version)).with_session(session))
    }
}

/// Begins a sign-in of a person whose account is locked or new.
pub(crate) async fn open(unit: &mut UnitOfWork, user_id: UserId) -> Handling<Session> {
    let (now, session_id) = (unit.clock().await?, SessionId::generate());
    let row = session::Model {
        id: session_id.0,
        user_id: user_id.0,
        created_at: now.moment(),
        expires_at: now.moment() + REFRESH_TOKEN_LIFETIME,
        ended_at: None,
    };
    rows::insert(unit.db(), row).await?;
    issue(unit, user_id, session_id, now).await
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

/// Renews a sign-in. Each refresh token is good for one use (a lost answer may be asked for again within 20 seconds); using an older one
/// ends the sign-in, because then somebody else has it too.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "RefreshSessionInput")]
#[serde(rename_all = "camelCase")]
pub struct RefreshSession {
    /// The newest refresh token of the sign-in.
    pub refresh_token: SecretText,
}

/// Whose sign-in was renewed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRefreshed {
    /// The person.
    pub user: UserId,
}

impl Command for RefreshSession {
    const NAME: &'static str = "refreshSession";
    const SENDER: Sender = Sender::Anyone;
    const SECRET_FIELDS: &'static [&'static str] = &["refreshToken"];
    type Valid = RefreshToken;
    type Outcome = SessionRefreshed;

    fn validate(&self) -> Result<RefreshToken, Vec<CommandError>> {
        let token = RefreshToken::parse(self.refresh_token.expose());
        token.ok_or_else(|| vec![CommandError::invalid_credentials(NOT_REFRESHED)])
    }

    async fn handle(token: &RefreshToken, unit: &mut UnitOfWork) -> Handling<Handled<SessionRefreshed>> {
        let refused = || CommandError::invalid_credentials(NOT_REFRESHED);
        let session_id = token.session();
        let owner = session::owner(unit.db(), session_id.0).await?.ok_or_else(refused)?;
        let user = user::locked_for_change(unit.db(), owner).await?.ok_or_else(refused)?;
        let session = session::locked(unit.db(), session_id.0).await?.ok_or_else(refused)?;
        let now = unit.clock().await?;
        if !session.is_live(now.moment()) {
            return Err(refused().into());
        }
        let tokens = refresh_token::of_session(unit.db(), session_id.0).await?;
        let handled = Handled::new(SessionRefreshed { user: UserId(owner) });
        match decide_refresh(&tokens, &token.hash(), now) {
            Refresh::Stolen => {
                let version = end(unit, &user, session_id, now).await?;
                return Ok(handled.at(UserId(owner), version).but_rejected(refused()));
            }
            Refresh::TooOften => return Err(Fault::TooManyRefreshTokens.into()),
            Refresh::Next => refresh_token::replace_all(unit.db(), session_id.0, now.moment()).await?,
            Refresh::Twin => {}
        }
        refresh_token::forget(unit.db(), session_id.0, now.moment() - REFRESH_TOKEN_GRACE).await?;
        session::prolong(unit.db(), session_id.0, now.moment() + REFRESH_TOKEN_LIFETIME).await?;
        let session = issue(unit, UserId(owner), session_id, now).await?;
        Ok(handled.at(UserId(owner), rows::version(user.version)).with_session(session))
    }
}

/// What a refresh token that names a live sign-in is good for.
#[derive(Debug, PartialEq, Eq)]
enum Refresh {
    /// It is unused: the next one replaces it, and all others of the sign-in.
    Next,
    /// It was used a moment ago: another one is given beside the first.
    Twin,
    /// So many twins come of no lost answers.
    TooOften,
    /// It was used before, or never given: somebody else has the sign-in's tokens.
    Stolen,
}

fn decide_refresh(tokens: &[refresh_token::Model], hash: &[u8], now: Timestamp) -> Refresh {
    let Some(token) = tokens.iter().find(|token| token.hash == hash) else { return Refresh::Stolen };
    match token.replaced_at {
        None => Refresh::Next,
        Some(replaced_at) if now.moment() >= replaced_at + REFRESH_TOKEN_GRACE => Refresh::Stolen,
        Some(_) if tokens.len() >= TOKENS_MAX => Refresh::TooOften,
        Some(_) => Refresh::Twin,
    }
}

fn is_live(session: Option<&session::Model>, user_id: UserId, now: Timestamp) -> bool {
    session.is_some_and(|session| session.user_id == user_id.0 && session.is_live(now.moment()))
}

/// Ends a locked sign-in of a locked account. Answers the account's new version.
async fn end(unit: &mut UnitOfWork, user: &user::Model, session_id: SessionId, now: Timestamp) -> Handling<u32> {
    session::end(unit.db(), session_id.0, now.moment()).await?;
    let version = user::advance(unit.db(), user, user::ActiveModel::default(), now.moment()).await?;
    let ended = SessionEnded { user_id: UserId(user.id), session_id };
    unit.record(user.id, version, Event::SessionEnded(ended));
    Ok(version)
}

/// Ends the sign-in that the access token belongs to. Ending it twice is no error.
#[derive(Debug, Clone, Default, InputObject, Serialize, Deserialize)]
#[graphql(name = "SignOutInput")]
#[serde(rename_all = "camelCase")]
pub struct SignOut {
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
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
        if !is_live(session.as_ref(), user_id, now) {
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
        let (user_id, session_id) = (unit.user_id()?, unit.person()?.session_id);
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        let handled = Handled::new(SignedOut { user: user_id });
        let session = session::locked(unit.db(), session_id.0).await?;
        // After the lock: a sign-in that is committed by now has its token from before this moment.
        let now = unit.clock().await?;
        if !is_live(session.as_ref(), user_id, now) {
            return Ok(handled.at(user_id, rows::version(user.version)));
        }
        session::end_all(unit.db(), user_id.0, now.moment()).await?;
        let version = user::advance(unit.db(), &user, user::ActiveModel::default(), now.moment()).await?;
        unit.record(user_id.0, version, Event::AllSessionsEnded(AllSessionsEnded { user_id, issued_until: now }));
        Ok(handled.at(user_id, version))
    }
}

/// Deletes sign-ins that ended or expired so long ago that no access token of theirs is left, at most `rows_max`.
pub(crate) async fn sweep(db: &impl ConnectionTrait, rows_max: u64) -> Result<u64, DbErr> {
    const SWEEP: &str = "
        DELETE FROM sessions WHERE id IN (
            SELECT id FROM sessions
            WHERE ended_at < clock_timestamp() - interval '1 day' OR expires_at < clock_timestamp() - interval '1 day'
            LIMIT $1 FOR UPDATE SKIP LOCKED)";
    let values = [i64::try_from(rows_max).unwrap_or(i64::MAX).into()];
    Ok(db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, SWEEP, values)).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::{Duration, OffsetDateTime};
    use uuid::Uuid;

    fn now() -> Timestamp {
        Timestamp::new(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap())
    }

    fn token(hash: u8, replaced_before: Option<Duration>) -> refresh_token::Model {
        refresh_token::Model {
            hash: vec![hash],
            session_id: Uuid::nil(),
            issued_at: now().moment() - Duration::hours(1),
            replaced_at: replaced_before.map(|ago| now().moment() - ago),
        }
    }

    #[test]
    fn an_unused_token_gives_the_next_one() {
        assert_eq!(decide_refresh(&[token(1, None)], &[1], now()), Refresh::Next);
    }

    #[test]
    fn a_token_used_a_moment_ago_gives_a_twin() {
        let tokens = [token(1, Some(Duration::milliseconds(19_999))), token(2, None)];
        assert_eq!(decide_refresh(&tokens, &[1], now()), Refresh::Twin);
        assert_eq!(decide_refresh(&tokens, &[2], now()), Refresh::Next);
    }

    #[test]
    fn a_token_used_before_that_or_never_given_means_theft() {
        let tokens = [token(1, Some(Duration::seconds(20))), token(2, None)];
        assert_eq!(decide_refresh(&tokens, &[1], now()), Refresh::Stolen);
        assert_eq!(decide_refresh(&tokens, &[3], now()), Refresh::Stolen);
    }

    #[test]
    fn twins_are_bounded() {
        let mut tokens = vec![token(0, Some(Duration::seconds(1)))];
        tokens.extend((1..32).map(|hash| token(hash, None)));
        assert_eq!(decide_refresh(&tokens, &[0], now()), Refresh::TooOften);
    }
}
