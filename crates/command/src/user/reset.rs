//! Accounts: a forgotten password.

use crate::CommandError;
use crate::auth::{MailToken, SecretText};
use crate::command::{Command, Handled, KeyOwner, PasswordWork, Sender};
use crate::fields::Fields;
use crate::frame::PasswordFinding;
use crate::mail;
use crate::rows::mail::Kind;
use crate::rows::mail_token::{self, Purpose};
use crate::rows::{session, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::{AllSessionsEnded, PasswordChanged};
use millrace_events::values::{Email, Password};
use millrace_events::{Event, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Asks for a mail with a token for `resetPassword`. The answer is the same whether or not there is an account with this address.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "RequestPasswordResetInput")]
#[serde(rename_all = "camelCase")]
pub struct RequestPasswordReset {
    /// E-mail address of the account; upper and lower case make no difference.
    pub email: String,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// A mail will be sent, if there is somebody to send it to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetRequested {}

impl Command for RequestPasswordReset {
    const NAME: &'static str = "requestPasswordReset";
    const SENDER: Sender = Sender::Anyone;
    type Valid = Email;
    type Outcome = ResetRequested;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Email, Vec<CommandError>> {
        let mut fields = Fields::default();
        let email = fields.take("email", Email::parse(&self.email));
        fields.finish(email)
    }

    fn password_work(valid: &Email) -> PasswordWork<'_> {
        PasswordWork::Forgotten(valid)
    }

    fn key_owner(valid: &Email) -> Option<KeyOwner> {
        Some(KeyOwner::Email(valid.canonical()))
    }

    /// Whether there is such an account is not looked up here, so neither the answer nor the time that it takes tells.
    async fn handle(valid: &Email, unit: &mut UnitOfWork) -> Handling<Handled<ResetRequested>> {
        // More mails than this would help nobody, and a refusal would tell the owner of what strangers do.
        if *unit.password() != PasswordFinding::MailedEnough {
            mail::write(unit, Kind::ResetPassword, None, valid.as_str()).await?;
        }
        Ok(Handled::new(ResetRequested {}))
    }
}

/// Sets a new password with the token out of a mail. All sign-ins of the account end; sign in with the new password. An address that
/// waits for being verified is forgotten.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "ResetPasswordInput")]
#[serde(rename_all = "camelCase")]
pub struct ResetPassword {
    /// The token out of the mail. It is good once, and for a short time.
    pub token: SecretText,
    /// At least 10 characters, at most 128 bytes.
    pub new_password: SecretText,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Whose password was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordReset {
    /// The person.
    pub user: UserId,
}

/// Token and new password, parsed.
#[derive(Debug, Clone)]
pub struct Reset {
    token: MailToken,
    new: Password,
}

impl Command for ResetPassword {
    const NAME: &'static str = "resetPassword";
    const SENDER: Sender = Sender::Anyone;
    const SECRET_FIELDS: &'static [&'static str] = &["token", "newPassword"];
    type Valid = Reset;
    type Outcome = PasswordReset;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Reset, Vec<CommandError>> {
        let mut fields = Fields::default();
        let token = fields.judge(MailToken::parse(self.token.expose()).ok_or_else(CommandError::invalid_token));
        let new = fields.take("newPassword", Password::parse(self.new_password.expose()));
        fields.finish(token.zip(new).map(|(token, new)| Reset { token, new }))
    }

    fn password_work(valid: &Reset) -> PasswordWork<'_> {
        PasswordWork::Reset { token: &valid.token, password: &valid.new }
    }

    fn key_owner(valid: &Reset) -> Option<KeyOwner> {
        Some(KeyOwner::Token(valid.token.hash()))
    }

    async fn handle(valid: &Reset, unit: &mut UnitOfWork) -> Handling<Handled<PasswordReset>> {
        let PasswordFinding::Hashed(hash) = unit.password().clone() else {
            return Err(CommandError::invalid_token().into());
        };
        let user = reader(unit, &valid.token).await?;
        let user_id = UserId(user.id);
        let now = unit.clock().await?;
        mail_token::void_with_password(unit.db(), &user, now.moment()).await?;
        mail::tell(unit, Kind::PasswordChanged, &user).await?;
        let issued_until = session::end_all(unit.db(), &user, now.moment()).await?;
        let changed = user::with_password(hash, now.moment());
        let version = user::advance_by(unit.db(), &user, 2, changed, now.moment()).await?;
        unit.record(user.id, version - 1, Event::PasswordChanged(PasswordChanged { user_id }));
        unit.record(user.id, version, Event::AllSessionsEnded(AllSessionsEnded { user_id, issued_until }));
        Ok(Handled::new(PasswordReset { user: user_id }).at(user_id, version).by_owner(user.email_canonical))
    }

    fn of_person(outcome: &PasswordReset) -> Option<UserId> {
        Some(outcome.user)
    }

    fn replay_has_set<'a>(valid: &'a Reset, outcome: &PasswordReset) -> Option<(UserId, &'a Password)> {
        Some((outcome.user, &valid.new))
    }
}

/// The locked account whose owner has read the mail with this token. It must still have the address that the mail went to.
async fn reader(unit: &UnitOfWork, token: &MailToken) -> Handling<user::Model> {
    let (refused, hash) = (CommandError::invalid_token, token.hash());
    let owner = mail_token::owner(unit.db(), &hash).await?.ok_or_else(refused)?;
    let user = user::locked_for_change(unit.db(), owner).await?.ok_or_else(refused)?;
    let token = mail_token::locked(unit.db(), &hash).await?.ok_or_else(refused)?;
    if sets_password(&token, &user, unit.clock().await?.moment()) { Ok(user) } else { Err(refused().into()) }
}

/// A mail that was asked for before the password was set sets no other one, however late it went out.
fn sets_password(token: &mail_token::Model, user: &user::Model, now: OffsetDateTime) -> bool {
    let is_to_it = token.email_canonical == user.email_canonical;
    token.is_good(Purpose::ResetPassword, now) && is_to_it && user.is_reset_by(token.written_at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::Duration;
    use uuid::Uuid;

    #[test]
    fn a_token_sets_the_password_of_its_address_unless_it_was_set_since() {
        let at = |minutes| OffsetDateTime::UNIX_EPOCH + Duration::minutes(minutes);
        let token = mail_token::Model {
            hash: vec![],
            purpose: Purpose::ResetPassword,
            user_id: Uuid::nil(),
            mail_id: Uuid::nil(),
            written_at: at(10),
            email_canonical: "ada@example.org".into(),
            expires_at: at(40),
            voided_at: None,
        };
        let set = |minutes: Option<i64>| user::Model {
            password_set_at: minutes.map(at),
            ..user::tests::model("Ada@example.org")
        };
        assert!(sets_password(&token, &set(None), at(39)) && sets_password(&token, &set(Some(9)), at(39)));
        assert!(!sets_password(&token, &set(None), at(40)), "it is over");
        assert!(!sets_password(&token, &set(Some(10)), at(11)) && !sets_password(&token, &set(Some(20)), at(21)));
        assert!(!sets_password(&token, &user::tests::model("ada@new.example"), at(11)));
    }
}
