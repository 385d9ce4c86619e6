//! Passwords, outside of transactions: hashing and comparing take their time.

use crate::auth::openid::{IdTokenError, Identity, PresentedIdToken};
use crate::auth::{Asked, MailToken, Session};
use crate::command::{PasswordWork, Sender};
use crate::fault::{Fault, within};
use crate::frame::{Frame, PasswordFinding};
use crate::pipeline::Pipeline;
use crate::rows::{self, mail_token};
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::{CommandError, Request, session};
use millrace_events::values::{Email, Password};
use millrace_events::{Timestamp, UserId};
use std::future::Future;
use std::net::IpAddr;
use time::OffsetDateTime;

/// Whose token it is, nobody knows before it is verified.
const OF_NOBODY: &str = "";

impl Pipeline {
    /// Signs in once more, for a sign-up that is repeated: with its own password, until the account has another one. Who knows the
    /// sign-up's key may be whom its owner has got rid of.
    pub async fn sign_in_again(&self, frame: &Frame, user_id: UserId, password: &Password) -> Handling<Session> {
        let user = self.in_time(rows::user::find(self.log.database(), user_id.0)).await?;
        if user.is_none_or(|user| user.password_set_at.is_some()) {
            return Err(CommandError::idempotency_key_reused().into());
        }
        let hash = self.same_password(frame, user_id, password).await?;
        let (unit, session) =
            within(self.settings.transaction_wait_max, self.begin_again(frame, user_id, &hash)).await?;
        self.commit(unit).await?;
        Ok(session)
    }

    async fn begin_again(&self, frame: &Frame, user_id: UserId, hash: &str) -> Handling<(UnitOfWork, Session)> {
        let mut unit = UnitOfWork::begin(self.log.database(), frame.clone(), Sender::Anyone).await?;
        match session::begin(&mut unit, user_id, hash).await {
            Ok((session, _)) => Ok((unit, session)),
            Err(stopped) => {
                unit.roll_back().await;
                Err(stopped)
            }
        }
    }

    /// The hash of the person's password, if it is this one. Another password is another input, and a guess like any other.
    pub async fn same_password(&self, frame: &Frame, user_id: UserId, password: &Password) -> Handling<String> {
        match self.compare_own(user_id, Some(password), frame.client_address).await? {
            PasswordFinding::Matches { hash, .. } => Ok(hash),
            _ => Err(CommandError::idempotency_key_reused().into()),
        }
    }

    /// Hashing and comparing take their time, so they are done before the transaction.
    pub async fn look_at_password(&self, work: PasswordWork<'_>, request: &Request) -> Result<PasswordFinding, Fault> {
        match work {
            PasswordWork::Nothing => Ok(PasswordFinding::Nothing),
            PasswordWork::Open { email, password } => self.hash_new(&email.canonical(), password, request).await,
            PasswordWork::Reset { token, password } => self.hash_for_reader(token, password, request).await,
            PasswordWork::Verify { email, password } => {
                let account = email.canonical();
                self.counted(&account, request.client_address, self.compare(&account, password)).await
            }
            PasswordWork::Forgotten(email) => self.count_reset(email, request),
            PasswordWork::Confirm(password) => self.confirm(password, request).await,
            PasswordWork::Replace { current, new } => self.replace(current, new, request).await,
        }
    }

    /// Counted as refused until it is verified. A token of which nobody can tell does not count.
    pub async fn look_at_id_token(
        &self,
        presented: Option<PresentedIdToken<'_>>,
        request: &Request,
    ) -> Handling<Option<Identity>> {
        let Some(presented) = presented else { return Ok(None) };
        let (now, counts) = (Timestamp::new(OffsetDateTime::now_utc()), &self.auth.refused_id_tokens);
        let address = request.client_address;
        counts.begin(OF_NOBODY, address, now).map_err(|wait| Fault::TooManyIdTokens { wait })?;
        let verified = self.auth.id_tokens.verify(presented, now).await;
        if let Err(IdTokenError::Refused(refusal)) = &verified {
            tracing::debug!(%refusal, "an ID token was refused");
            return Err(CommandError::invalid_id_token().into());
        }
        counts.withdrawn(OF_NOBODY, address);
        verified.map(Some).map_err(|error| Fault::IdToken(error).into())
    }

    /// Counted before the work is done: a hash is what costs.
    async fn hash_new(&self, whose: &str, new: &Password, request: &Request) -> Result<PasswordFinding, Fault> {
        self.count_new_password(whose, request)?;
        Ok(PasswordFinding::Hashed(self.auth.passwords.hash(new.clone()).await?))
    }

    /// Of a token that was never mailed nothing is hashed. Whether it is still good is the handler's to tell.
    async fn hash_for_reader(
        &self,
        token: &MailToken,
        new: &Password,
        request: &Request,
    ) -> Result<PasswordFinding, Fault> {
        match self.in_time(mail_token::owner(self.log.database(), &token.hash())).await? {
            Some(owner) => self.hash_new(&owner.to_string(), new, request).await,
            None => Ok(PasswordFinding::Differs),
        }
    }

    fn count_new_password(&self, whose: &str, request: &Request) -> Result<(), Fault> {
        let now = Timestamp::new(OffsetDateTime::now_utc());
        let counted = self.auth.new_passwords.ask(whose, request.client_address, now);
        counted.map(|_| ()).map_err(|wait| Fault::TooManyNewPasswords { wait })
    }

    /// Whether there is such an account makes no difference.
    fn count_reset(&self, email: &Email, request: &Request) -> Result<PasswordFinding, Fault> {
        let now = Timestamp::new(OffsetDateTime::now_utc());
        match self.auth.resets.ask(&email.canonical(), request.client_address, now) {
            Ok(Asked::Within) => Ok(PasswordFinding::Nothing),
            Ok(Asked::Enough) => Ok(PasswordFinding::MailedEnough),
            Err(wait) => Err(Fault::TooManyResets { wait }),
        }
    }

    async fn replace(
        &self,
        current: Option<&Password>,
        new: &Password,
        request: &Request,
    ) -> Result<PasswordFinding, Fault> {
        Ok(match self.confirm(current, request).await? {
            PasswordFinding::Matches { user_id, hash: was } => {
                self.count_new_password(&user_id.0.to_string(), request)?;
                PasswordFinding::Replaces { was, hash: self.auth.passwords.hash(new.clone()).await? }
            }
            refused => refused,
        })
    }

    /// Whoever got hold of an access token must not guess the password with it: it counts like a sign-in.
    async fn confirm(&self, password: Option<&Password>, request: &Request) -> Result<PasswordFinding, Fault> {
        let user_id = request.viewer.user_id().ok_or(Fault::NotSignedIn)?;
        self.compare_own(user_id, password, request.client_address).await
    }

    async fn compare_own(
        &self,
        user_id: UserId,
        password: Option<&Password>,
        client_address: Option<IpAddr>,
    ) -> Result<PasswordFinding, Fault> {
        let found = self.in_time(rows::user::own_credentials(self.log.database(), user_id.0)).await?;
        let (account, hash) = match found {
            // Nothing can be guessed there, so nothing counts as a guess.
            Some((_, None)) => return Ok(PasswordFinding::HasNone),
            Some(known) => known,
            // An account that is no more has no password that could match: a retry of what ended it still finds its answer.
            None => (user_id.to_string(), None),
        };
        let Some(password) = password else { return Ok(PasswordFinding::Differs) };
        let compare = async {
            let same = self.auth.passwords.matches(password.clone(), hash.clone()).await?;
            Ok(match hash {
                Some(hash) if same => PasswordFinding::Matches { user_id, hash },
                _ => PasswordFinding::Differs,
            })
        };
        self.counted(&account, client_address, compare).await
    }

    /// A guess counts as wrong until it was right; one that could not be compared does not count.
    async fn counted(
        &self,
        account: &str,
        address: Option<IpAddr>,
        compare: impl Future<Output = Result<PasswordFinding, Fault>>,
    ) -> Result<PasswordFinding, Fault> {
        let now = Timestamp::new(OffsetDateTime::now_utc());
        let attempts = &self.auth.attempts;
        attempts.begin(account, address, now).map_err(|wait| Fault::TooManyAttempts { wait })?;
        let compared = compare.await;
        match &compared {
            Ok(PasswordFinding::Matches { .. }) => attempts.succeeded(account, address, now),
            Ok(_) => {}
            Err(_) => attempts.withdrawn(account, address),
        }
        compared
    }

    /// A known and an unknown address take the same path, and so does an account without a password.
    async fn compare(&self, account: &str, password: &Password) -> Result<PasswordFinding, Fault> {
        let found = self.in_time(rows::user::credentials(self.log.database(), account)).await?;
        let hash = found.as_ref().and_then(|(_, hash)| hash.clone());
        let same = self.auth.passwords.matches(password.clone(), hash).await?;
        Ok(match found {
            Some((id, Some(hash))) if same => PasswordFinding::Matches { user_id: UserId(id), hash },
            _ => PasswordFinding::Differs,
        })
    }
}
