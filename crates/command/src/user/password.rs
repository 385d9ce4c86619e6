//! Accounts: another password.

use crate::CommandError;
use crate::auth::SecretText;
use crate::command::{Command, Handled, PasswordWork};
use crate::fault::Fault;
use crate::fields::{Fields, check_version};
use crate::frame::PasswordFinding;
use crate::mail;
use crate::rows::mail::Kind;
use crate::rows::{self, identity, mail_token, session, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::{AllSessionsEnded, OtherSessionsEnded, PasswordChanged};
use millrace_events::values::Password;
use millrace_events::{Event, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Changes your password. All your other sign-ins end; the one that sends this goes on. An address that waits for being verified is
/// forgotten.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "ChangePasswordInput")]
#[serde(rename_all = "camelCase")]
pub struct ChangePassword {
    /// The password that you have. Wrong ones count like failed sign-ins.
    pub current_password: SecretText,
    /// The password that you want: at least 10 characters, at most 128 bytes.
    pub new_password: SecretText,
    /// The version that your account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What changing the password did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {
    /// Whose password.
    pub user: UserId,
}

/// Both passwords, parsed.
#[derive(Debug, Clone)]
pub struct NewPassword {
    current: Option<Password>,
    new: Password,
    expected_version: Option<u32>,
}

impl Command for ChangePassword {
    const NAME: &'static str = "changePassword";
    const SECRET_FIELDS: &'static [&'static str] = &["currentPassword", "newPassword"];
    type Valid = NewPassword;
    type Outcome = PasswordSet;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<NewPassword, Vec<CommandError>> {
        let mut fields = Fields::default();
        let current = own_password(&self.current_password);
        let new = fields.take("newPassword", Password::parse(self.new_password.expose()));
        let expected_version = self.expected_version;
        fields.finish(new.map(|new| NewPassword { current, new, expected_version }))
    }

    fn password_work(valid: &NewPassword) -> PasswordWork<'_> {
        PasswordWork::Replace { current: valid.current.as_ref(), new: &valid.new }
    }

    async fn handle(valid: &NewPassword, unit: &mut UnitOfWork) -> Handling<Handled<PasswordSet>> {
        let (user_id, kept) = (unit.user_id()?, unit.person()?.session_id);
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        let hash = replaced(unit.password(), &user)?;
        check_version(valid.expected_version, rows::version(user.version))?;
        // After the lock: a sign-in that is committed by now has its token from before this moment.
        let now = unit.clock().await?;
        let ended = end_sign_ins(unit, &user, kept, now).await?;
        mail_token::void_with_password(unit.db(), &user, now.moment()).await?;
        mail::tell(unit, Kind::PasswordChanged, &user).await?;
        let changed = user::with_password(hash, now.moment());
        let version = user::advance_by(unit.db(), &user, 2, changed, now.moment()).await?;
        unit.record(user_id.0, version - 1, Event::PasswordChanged(PasswordChanged { user_id }));
        unit.record(user_id.0, version, ended);
        Ok(Handled::new(PasswordSet { user: user_id }).at(user_id, version))
    }

    fn replay_has_set<'a>(valid: &'a NewPassword, outcome: &PasswordSet) -> Option<(UserId, &'a Password)> {
        Some((outcome.user, &valid.new))
    }
}

/// Ends all sign-ins but the sender's. All tokens of a provider are known by one id: to keep the one that sends this would be to keep all
/// of them, a thief's too. So it ends with the others.
async fn end_sign_ins(unit: &UnitOfWork, user: &user::Model, sender: SessionId, now: Timestamp) -> Handling<Event> {
    let user_id = UserId(user.id);
    if identity::by_session(unit.db(), sender.0).await?.is_some() {
        let issued_until = session::end_all(unit.db(), user, now.moment()).await?;
        return Ok(Event::AllSessionsEnded(AllSessionsEnded { user_id, issued_until }));
    }
    let issued_until = session::end_others(unit.db(), user, sender.0, now.moment()).await?;
    let ended = OtherSessionsEnded { user_id, kept_session_id: sender, issued_until };
    Ok(Event::OtherSessionsEnded(ended))
}

/// The sender's own password as typed; none if no account can have it. That is as wrong as any other, and costs no hash; but it is not told
/// before the account was looked at, which may have no password at all.
pub(super) fn own_password(text: &SecretText) -> Option<Password> {
    Password::parse(text.expose()).ok()
}

/// The hash of the new password, if the current one is still the one that was compared.
fn replaced(finding: &PasswordFinding, user: &user::Model) -> Result<String, CommandError> {
    match finding {
        PasswordFinding::Replaces { was, hash } if user.has_password(was) => Ok(hash.clone()),
        PasswordFinding::HasNone => Err(CommandError::password_not_set("currentPassword")),
        _ => Err(CommandError::wrong_password("currentPassword")),
    }
}
