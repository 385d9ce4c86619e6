//! Accounts: signing up.

mod deactivation;
mod email;
mod erase;
mod export;
mod identity;
mod password;
mod profile;
mod reset;
mod role;

use crate::auth::SecretText;
use crate::command::{Command, Handled, KeyOwner, PasswordWork, Sender};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::frame::PasswordFinding;
use crate::rows::mail::Kind;
use crate::rows::{self, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::{CommandError, mail, session};
use async_graphql::InputObject;
use millrace_events::user::UserCreated;
use millrace_events::values::{Email, Password, PersonName};
use millrace_events::{Event, Personal, Timestamp, UserId};
use serde::{Deserialize, Serialize};

pub use self::deactivation::{DeactivateAccount, Deactivated};
pub use self::email::{ChangeEmail, EmailWanted, VerifyEmail};
pub use self::erase::{AccountErased, EraseAccount, EraseAgain, ErasedAgain};
pub use self::export::{DataExported, ExportMyData};
pub use self::identity::{LinkProvider, ProviderLinked, ProviderUnlinked, UnlinkProvider};
pub use self::password::{ChangePassword, PasswordSet};
pub use self::profile::{ProfileChanged, UpdateProfile};
pub use self::reset::{PasswordReset, RequestPasswordReset, ResetPassword, ResetRequested};
pub use self::role::{GrantRole, RevokeRole, RoleGranted, RoleRevoked};

/// Opens an account and signs in.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "SignUpInput")]
#[serde(rename_all = "camelCase")]
pub struct SignUp {
    /// First name, up to 80 characters.
    pub first_name: String,
    /// Last name, up to 80 characters.
    pub last_name: String,
    /// E-mail address. There can be one account for it; upper and lower case make no difference.
    pub email: String,
    /// At least 10 characters, at most 128 bytes.
    pub password: SecretText,
    /// Makes repetitions harmless: within 24 hours the same key and input give the same account, with a fresh session,
    /// until the account has another password. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What signing up did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedUp {
    /// The new person.
    pub user: UserId,
}

/// A sign-up whose fields are parsed.
#[derive(Debug, Clone)]
pub struct NewAccount {
    first_name: PersonName,
    last_name: PersonName,
    email: Email,
    password: Password,
}

impl Command for SignUp {
    const NAME: &'static str = "signUp";
    const SENDER: Sender = Sender::Anyone;
    const SECRET_FIELDS: &'static [&'static str] = &["password"];
    type Valid = NewAccount;
    type Outcome = SignedUp;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<NewAccount, Vec<CommandError>> {
        let mut fields = Fields::default();
        let first_name = fields.take("firstName", PersonName::parse(&self.first_name));
        let last_name = fields.take("lastName", PersonName::parse(&self.last_name));
        let email = fields.take("email", Email::parse(&self.email));
        let password = fields.take("password", Password::parse(self.password.expose()));
        let account = first_name.zip(last_name).zip(email.zip(password));
        fields.finish(account.map(|((first_name, last_name), (email, password))| NewAccount {
            first_name,
            last_name,
            email,
            password,
        }))
    }

    fn password_work(valid: &NewAccount) -> PasswordWork<'_> {
        PasswordWork::Open { email: &valid.email, password: &valid.password }
    }

    fn key_owner(valid: &NewAccount) -> Option<KeyOwner> {
        Some(KeyOwner::Email(valid.email.canonical()))
    }

    async fn handle(valid: &NewAccount, unit: &mut UnitOfWork) -> Handling<Handled<SignedUp>> {
        let email_canonical = valid.email.canonical();
        user::claim_address(unit.db(), &email_canonical).await?;
        if user::id_by_email(unit.db(), &email_canonical).await?.is_some() {
            return Err(CommandError::email_taken("email").into());
        }
        let user_id = UserId::generate();
        rows::insert(unit.db(), account_row(valid, user_id, unit)?).await?;
        unit.create_key(user_id).await?;
        unit.record(user_id.0, 1, Event::UserCreated(created(valid, user_id)));
        // A mailbox that has had enough gets none: the account is opened all the same, and `changeEmail` asks for the mail later.
        let _is_mailed = mail::write_unproven(unit, Kind::VerifyEmail, user_id.0, valid.email.as_str()).await?;
        let session = session::open(unit, user_id, None).await?;
        Ok(Handled::new(SignedUp { user: user_id }).at(user_id, 1).with_session(session))
    }

    fn of_person(outcome: &SignedUp) -> Option<UserId> {
        Some(outcome.user)
    }

    fn replay_signs_in<'a>(valid: &'a NewAccount, outcome: &SignedUp) -> Option<(UserId, &'a Password)> {
        Some((outcome.user, &valid.password))
    }
}

/// Whoever may send a command once more after it has ended their sign-in gets the answer that is kept; to take effect it wants a sign-in
/// that is live. The account must be locked. Answers the moment after the locks: a sign-in that is committed by now has its token from
/// before it.
async fn still_signed_in(unit: &UnitOfWork) -> Handling<Timestamp> {
    let (now, is_live) = session::is_live(unit).await?;
    if is_live { Ok(now) } else { Err(Fault::NotSignedIn.into()) }
}

fn account_row(account: &NewAccount, user_id: UserId, unit: &UnitOfWork) -> Result<user::Model, Fault> {
    let PasswordFinding::Hashed(password_hash) = unit.password() else { return Err(Fault::Missing("the hash")) };
    let at = unit.at().moment();
    Ok(user::Model {
        id: user_id.0,
        version: 1,
        email: account.email.as_str().to_owned(),
        email_canonical: account.email.canonical(),
        password_hash: Some(password_hash.clone()),
        first_name: account.first_name.as_str().to_owned(),
        last_name: account.last_name.as_str().to_owned(),
        avatar_url: None,
        bio: None,
        email_verified_at: None,
        pending_email: None,
        password_set_at: None,
        deactivated_at: None,
        outside_void_until: None,
        created_at: at,
        updated_at: at,
        erased_at: None,
    })
}

fn created(account: &NewAccount, user_id: UserId) -> UserCreated {
    UserCreated {
        user_id,
        first_name: Personal::known(user_id, account.first_name.as_str().to_owned()),
        last_name: Personal::known(user_id, account.last_name.as_str().to_owned()),
        email: Personal::known(user_id, account.email.as_str().to_owned()),
    }
}
