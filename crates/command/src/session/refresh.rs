//! Sign-ins: renewing them.

use super::sign_out::end;
use super::{issue, issued_after};
use crate::CommandError;
use crate::auth::{REFRESH_TOKEN_GRACE, REFRESH_TOKEN_LIFETIME, RefreshToken, SecretText};
use crate::command::{Command, Handled, Sender};
use crate::fault::Fault;
use crate::rows::{self, refresh_token, session, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// The most refresh tokens of one sign-in that are good at the same time: those of twins.
const TOKENS_MAX: usize = 32;
const NOT_REFRESHED: &str = "This refresh token is not valid. Sign in again.";

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
        let earlier = tokens.iter().map(|token| token.issued_at).chain(user.outside_void_until);
        let session = issue(unit, UserId(owner), session_id, issued_after(now, earlier)).await?;
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
