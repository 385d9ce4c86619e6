//! Passwords, outside of transactions: hashing and comparing take their time.

use crate::auth::Session;
use crate::command::PasswordWork;
use crate::fault::Fault;
use crate::frame::{Frame, PasswordFinding};
use crate::pipeline::Pipeline;
use crate::rows;
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::{CommandError, Request, session};
use millrace_events::values::{Email, Password};
use millrace_events::{Timestamp, UserId};
use time::OffsetDateTime;

impl Pipeline {
    /// Another password is another input.
    pub async fn sign_in_again(&self, frame: &Frame, user_id: UserId, password: &Password) -> Handling<Session> {
        let hash = rows::user::password_hash(self.log.database(), user_id.0).await?;
        if !self.auth.passwords.matches(password.clone(), hash.clone()).await? {
            return Err(CommandError::idempotency_key_reused().into());
        }
        let mut unit = UnitOfWork::begin(self.log.database(), frame.clone()).await?;
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
            PasswordWork::Verify { email, password } => self.verify(email, password, request).await,
        }
    }

    /// A known and an unknown address take the same path.
    async fn verify(&self, email: &Email, password: &Password, request: &Request) -> Result<PasswordFinding, Fault> {
        let (account, address) = (email.canonical(), request.client_address);
        let now = Timestamp::new(OffsetDateTime::now_utc());
        if !self.auth.attempts.allows(&account, address, now) {
            return Err(Fault::TooManyAttempts);
        }
        let found = rows::user::credentials(self.log.database(), &account).await?;
        let hash = found.as_ref().map(|(_, hash)| hash.clone());
        let same = self.auth.passwords.matches(password.clone(), hash).await?;
        match found {
            Some((id, hash)) if same => {
                self.auth.attempts.succeeded(&account, address);
                Ok(PasswordFinding::Matches { user_id: UserId(id), hash })
            }
            _ => {
                self.auth.attempts.failed(&account, address, now);
                Ok(PasswordFinding::Differs)
            }
        }
    }
}
