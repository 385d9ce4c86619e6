//! Passwords, outside of transactions: hashing and comparing take their time.

use crate::auth::Session;
use crate::command::{PasswordWork, Sender};
use crate::fault::Fault;
use crate::frame::{Frame, PasswordFinding};
use crate::pipeline::Pipeline;
use crate::rows;
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::{CommandError, Request, session};
use millrace_events::values::Password;
use millrace_events::{Timestamp, UserId};
use time::OffsetDateTime;

impl Pipeline {
    /// Another password is another input.
    pub async fn sign_in_again(&self, frame: &Frame, user_id: UserId, password: &Password) -> Handling<Session> {
        let hash = rows::user::password_hash(self.log.database(), user_id.0).await?;
        if !self.auth.passwords.matches(password.clone(), hash.clone()).await? {
            return Err(CommandError::idempotency_key_reused().into());
        }
        let mut unit = UnitOfWork::begin(self.log.database(), frame.clone(), Sender::Anyone).await?;
        match session::begin(&mut unit, user_id, &hash.unwrap_or_default()).await {
            Ok((session, _)) => self.commit(unit).await.map(|()| session).map_err(Into::into),
            Err(stopped) => {
                unit.roll_back().await;
                Err(stopped)
            }
        }
    }

    /// Hashing and comparing take their time, so they are done before the transaction.
    pub async fn look_at_password(&self, work: PasswordWork<'_>, request: &Request) -> Result<PasswordFinding, Fault> {
        match work {
            PasswordWork::Nothing => Ok(PasswordFinding::Nothing),
            PasswordWork::Hash(password) => {
                Ok(PasswordFinding::Hashed(self.auth.passwords.hash(password.clone()).await?))
            }
            PasswordWork::VerifyOwn(password) => self.verify_own(password, request).await,
            PasswordWork::Verify { email, password } => self.verify(email.canonical(), password, request).await,
        }
    }

    /// Whoever holds a stolen token has no more guesses than whoever signs in.
    async fn verify_own(&self, password: &Password, request: &Request) -> Result<PasswordFinding, Fault> {
        let sender = request.viewer.user_id().ok_or(Fault::NotSignedIn)?;
        let address = rows::user::address(self.log.database(), sender.0).await?;
        self.verify(address.unwrap_or_else(|| sender.to_string()), password, request).await
    }

    async fn verify(&self, account: String, password: &Password, request: &Request) -> Result<PasswordFinding, Fault> {
        let address = request.client_address;
        let (attempts, now) = (&self.auth.attempts, Timestamp::new(OffsetDateTime::now_utc()));
        attempts.begin(&account, address, now).map_err(|wait| Fault::TooManyAttempts { wait })?;
        let compared = self.compare(&account, password).await;
        match &compared {
            Ok(PasswordFinding::Matches { .. }) => attempts.succeeded(&account, address, now),
            Ok(_) => {}
            Err(_) => attempts.withdrawn(&account, address),
        }
        compared
    }

    /// A known and an unknown address take the same path.
    async fn compare(&self, account: &str, password: &Password) -> Result<PasswordFinding, Fault> {
        let found = rows::user::credentials(self.log.database(), account).await?;
        let hash = found.as_ref().map(|(_, hash)| hash.clone());
        let same = self.auth.passwords.matches(password.clone(), hash).await?;
        Ok(match found {
            Some((id, hash)) if same => PasswordFinding::Matches { user_id: UserId(id), hash },
            _ => PasswordFinding::Differs,
        })
    }
}
