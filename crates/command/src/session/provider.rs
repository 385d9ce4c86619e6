//! Sign-ins: by an account with an OpenID provider.

use super::{bring_back, open};
use crate::CommandError;
use crate::auth::SecretText;
use crate::auth::openid::{Identity, PresentedIdToken};
use crate::command::{Command, Handled, Sender};
use crate::fault::Fault;
use crate::fields::Fields;
use crate::rows::{self, identity, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::{EmailVerified, IdentityLinked, UserCreated};
use millrace_events::values::{Email, PersonName};
use millrace_events::{Event, Personal, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// Signs in with an ID token of an OpenID provider, or opens an account with it. An account that has the same e-mail address already is
/// not signed in to: sign in to it, and call `linkProvider`.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "SignInWithProviderInput")]
#[serde(rename_all = "camelCase")]
pub struct SignInWithProvider {
    /// The ID token, as the provider gave it to your application.
    pub id_token: SecretText,
    /// The nonce that your application had the provider write into the token; another one in it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// First name for a new account, in place of what the provider says. Needed if it says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name for a new account, in place of what the provider says. Needed if it says none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// True to have an account back that was deactivated; without it such an account is not signed in to.
    #[serde(default)]
    #[graphql(default)]
    pub reactivate: bool,
}

/// Who signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedInWithProvider {
    /// The person.
    pub user: UserId,
}

/// A sign-in whose fields are parsed.
#[derive(Debug, Clone)]
pub struct Presented {
    id_token: SecretText,
    nonce: Option<String>,
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
    reactivate: bool,
}

impl Command for SignInWithProvider {
    const NAME: &'static str = "signInWithProvider";
    const SENDER: Sender = Sender::Anyone;
    const SECRET_FIELDS: &'static [&'static str] = &["idToken"];
    type Valid = Presented;
    type Outcome = SignedInWithProvider;

    fn validate(&self) -> Result<Presented, Vec<CommandError>> {
        let mut fields = Fields::default();
        let first_name = fields.take_optional("firstName", self.first_name.as_deref(), PersonName::parse);
        let last_name = fields.take_optional("lastName", self.last_name.as_deref(), PersonName::parse);
        let (id_token, nonce, reactivate) = (self.id_token.clone(), self.nonce.clone(), self.reactivate);
        fields.finish(first_name.zip(last_name).map(|(first_name, last_name)| Presented {
            id_token,
            nonce,
            first_name,
            last_name,
            reactivate,
        }))
    }

    fn id_token(valid: &Presented) -> Option<PresentedIdToken<'_>> {
        Some(PresentedIdToken { token: valid.id_token.expose(), nonce: valid.nonce.as_deref() })
    }

    async fn handle(valid: &Presented, unit: &mut UnitOfWork) -> Handling<Handled<SignedInWithProvider>> {
        let identity = unit.identity()?.clone();
        let Some(owner) = identity::owner(unit.db(), &identity.issuer, &identity.subject).await? else {
            return open_account(valid, &identity, unit).await;
        };
        let user = linked(unit, &identity, UserId(owner), valid.reactivate).await?;
        let version = match user.deactivated_at {
            None => rows::version(user.version),
            Some(_) if valid.reactivate => bring_back(unit, &user).await?,
            // Only who has shown that it is theirs is told.
            Some(_) => return Err(CommandError::account_deactivated().into()),
        };
        let user_id = UserId(user.id);
        let session = open(unit, user_id, user.outside_void_until).await?;
        let handled = Handled::new(SignedInWithProvider { user: user_id }).at(user_id, version).with_session(session);
        Ok(handled.by_owner(user.email_canonical))
    }
}

/// The account, locked, if the identity is still linked to it by then, and if the token was not voided with all sign-ins: else it shows
/// nobody.
async fn linked(unit: &UnitOfWork, identity: &Identity, owner: UserId, for_change: bool) -> Handling<user::Model> {
    let db = unit.db();
    let found =
        if for_change { user::locked_for_change(db, owner.0).await } else { user::relied_on(db, owner.0).await };
    let user = found?.ok_or_else(CommandError::invalid_id_token)?;
    let link = identity::linked(db, &identity.issuer, &identity.subject).await?;
    let is_good = link.is_some_and(|link| link.user_id == owner.0 && link.takes(identity.issued_at.moment()));
    if !is_good {
        tracing::debug!("an ID token was refused: it is void, or was unlinked meanwhile");
        return Err(CommandError::invalid_id_token().into());
    }
    Ok(user)
}

/// An account without a password, whose address the provider has verified. Of two at once the second one waits for the first, is tried
/// again, and finds its rows.
async fn open_account(
    valid: &Presented,
    identity: &Identity,
    unit: &mut UnitOfWork,
) -> Handling<Handled<SignedInWithProvider>> {
    let account = NewAccount::of(valid, identity)?;
    let user_id = UserId::generate();
    let row = account.row(user_id, unit);
    let (version, email_canonical) = (rows::version(row.version), row.email_canonical.clone());
    is_free(unit, identity, &email_canonical).await?;
    rows::insert(unit.db(), row).await?;
    let linked = link(identity, user_id, None, unit);
    identity::insert(unit.db(), linked.clone()).await?;
    unit.create_key(user_id).await?;
    unit.record(user_id.0, version - 2, Event::UserCreated(account.created(user_id)));
    let email = Personal::known(user_id, account.email.into_string());
    unit.record(user_id.0, version - 1, Event::EmailVerified(EmailVerified { user_id, email }));
    unit.record(user_id.0, version, Event::IdentityLinked(linked_event(&linked)));
    let session = open(unit, user_id, None).await?;
    let handled = Handled::new(SignedInWithProvider { user: user_id }).at(user_id, version).with_session(session);
    Ok(handled.by_owner(email_canonical))
}

/// Nobody has the address; if somebody has come to have it just now by this very identity, the command is tried again.
async fn is_free(unit: &UnitOfWork, identity: &Identity, email_canonical: &str) -> Handling<()> {
    user::claim_address(unit.db(), email_canonical).await?;
    if user::id_by_email(unit.db(), email_canonical).await?.is_none() {
        return Ok(());
    }
    match identity::owner(unit.db(), &identity.issuer, &identity.subject).await? {
        Some(_) => Err(Fault::Overtaken.into()),
        None => Err(CommandError::account_not_linked().into()),
    }
}

/// The row that links an identity to a person. Tokens that were issued until `void_until` are not good through it.
pub(crate) fn link(
    identity: &Identity,
    user_id: UserId,
    void_until: Option<OffsetDateTime>,
    unit: &UnitOfWork,
) -> identity::Model {
    let (issuer, subject) = (identity.issuer.clone(), identity.subject.clone());
    let (linked_at, session_id) = (unit.at().moment(), SessionId::generate().0);
    identity::Model { issuer, subject, user_id: user_id.0, linked_at, session_id, void_until }
}

/// The event that tells of it.
pub(crate) fn linked_event(identity: &identity::Model) -> IdentityLinked {
    let user_id = UserId(identity.user_id);
    IdentityLinked {
        user_id,
        session_id: SessionId(identity.session_id),
        issuer: Personal::known(user_id, identity.issuer.clone()),
        subject: Personal::known(user_id, identity.subject.clone()),
        issued_until: identity.void_until.map(Timestamp::new),
    }
}

/// What a new account needs.
#[derive(Debug)]
struct NewAccount {
    email: Email,
    first_name: String,
    last_name: String,
}

impl NewAccount {
    /// It takes an address that the provider answers for: any other could be somebody else's.
    fn of(valid: &Presented, identity: &Identity) -> Result<Self, crate::HandlerError> {
        let email = identity.verified_email.as_deref().ok_or_else(CommandError::email_not_verified)?;
        let email = Email::parse(email).map_err(|_| CommandError::email_not_verified())?;
        let mut fields = Fields::default();
        let mut name = |field, given: &Option<PersonName>, told: &Option<String>| {
            let name = given.clone().map(PersonName::into_string).or_else(|| told.clone());
            let missing = || CommandError::invalid_text(field, format!("{field} is not told by the provider."));
            fields.judge(name.ok_or_else(missing))
        };
        let first_name = name("firstName", &valid.first_name, &identity.first_name);
        let last_name = name("lastName", &valid.last_name, &identity.last_name);
        let names = fields.finish(first_name.zip(last_name)).map_err(crate::HandlerError::Rejected)?;
        Ok(Self { email, first_name: names.0, last_name: names.1 })
    }

    /// As it is after all three events.
    fn row(&self, user_id: UserId, unit: &UnitOfWork) -> user::Model {
        let at = unit.at().moment();
        user::Model {
            id: user_id.0,
            version: 3,
            email: self.email.as_str().to_owned(),
            email_canonical: self.email.canonical(),
            password_hash: None,
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            avatar_url: None,
            bio: None,
            email_verified_at: Some(at),
            pending_email: None,
            password_set_at: None,
            deactivated_at: None,
            outside_void_until: None,
            created_at: at,
            updated_at: at,
            erased_at: None,
        }
    }

    fn created(&self, user_id: UserId) -> UserCreated {
        UserCreated {
            user_id,
            first_name: Personal::known(user_id, self.first_name.clone()),
            last_name: Personal::known(user_id, self.last_name.clone()),
            email: Personal::known(user_id, self.email.as_str().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommandErrorCode, HandlerError};

    fn presented(first: Option<&str>, last: Option<&str>) -> Presented {
        let name = |text: Option<&str>| text.map(|text| PersonName::parse(text).unwrap());
        let id_token = SecretText("token".into());
        Presented { id_token, nonce: None, first_name: name(first), last_name: name(last), reactivate: false }
    }

    fn identity(email: Option<&str>, first: Option<&str>) -> Identity {
        Identity {
            issuer: "https://id.example".into(),
            subject: "1".into(),
            issued_at: Timestamp::new(OffsetDateTime::UNIX_EPOCH),
            verified_email: email.map(str::to_owned),
            first_name: first.map(str::to_owned),
            last_name: Some("Lovelace".into()),
        }
    }

    fn refused(account: Result<NewAccount, HandlerError>) -> Vec<(CommandErrorCode, Vec<String>)> {
        let Err(HandlerError::Rejected(errors)) = account else { panic!("it is taken") };
        let told = |error: &CommandError| match error {
            CommandError::ValidationError(error) => (error.code, error.path.clone()),
            other => (other.kind(), vec![]),
        };
        errors.iter().map(told).collect()
    }

    #[test]
    fn an_account_is_made_of_what_the_provider_and_the_person_say() {
        let account = NewAccount::of(&presented(None, Some("Byron")), &identity(Some("Ada@example.org"), Some("Ada")));
        let account = account.map_err(|_| "refused").unwrap();
        assert_eq!((account.first_name.as_str(), account.last_name.as_str()), ("Ada", "Byron"));
        assert_eq!(account.email.as_str(), "Ada@example.org");
    }

    #[test]
    fn without_an_address_or_a_name_there_is_no_account() {
        let unverified = NewAccount::of(&presented(None, None), &identity(None, Some("Ada")));
        assert_eq!(refused(unverified), [(CommandErrorCode::EmailNotVerified, vec![])]);
        let nameless = NewAccount::of(&presented(None, None), &identity(Some("ada@example.org"), None));
        assert_eq!(refused(nameless), [(CommandErrorCode::ValidationError, vec!["firstName".to_owned()])]);
    }
}
