//! Accounts: other ways in.

use super::email::confirmed;
use super::password::own_password;
use crate::auth::SecretText;
use crate::auth::openid::{Identity, PresentedIdToken};
use crate::command::{Command, Handled, PasswordWork};
use crate::fault::Fault;
use crate::fields::check_version;
use crate::rows::mail::Kind;
use crate::rows::{self, identity, unlinked_provider, user};
use crate::session::{link, linked_event};
use crate::unit_of_work::{Handling, UnitOfWork};
use crate::{CommandError, mail};
use async_graphql::InputObject;
use millrace_events::user::IdentityUnlinked;
use millrace_events::values::Password;
use millrace_events::{Event, SessionId, UserId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// Links an account that you have with an OpenID provider: from now on you can sign in by it, too. One account of each provider can be
/// linked. A mail tells you of it.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "LinkProviderInput")]
#[serde(rename_all = "camelCase")]
pub struct LinkProvider {
    /// The ID token, as the provider gave it to your application.
    pub id_token: SecretText,
    /// The nonce that your application had the provider write into the token; another one in it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Your password, so that a stolen token is not enough for a lasting way in. Wrong ones count like failed sign-ins.
    pub password: SecretText,
    /// The version that your account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once, while the ID token is good. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What linking did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLinked {
    /// The person.
    pub user: UserId,
}

/// Token and password, parsed.
#[derive(Debug, Clone)]
pub struct Link {
    id_token: SecretText,
    nonce: Option<String>,
    password: Option<Password>,
    expected_version: Option<u32>,
}

impl Command for LinkProvider {
    const NAME: &'static str = "linkProvider";
    const SECRET_FIELDS: &'static [&'static str] = &["idToken", "nonce", "password"];
    type Valid = Link;
    type Outcome = ProviderLinked;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Link, Vec<CommandError>> {
        let (id_token, nonce) = (self.id_token.clone(), self.nonce.clone());
        Ok(Link { id_token, nonce, password: own_password(&self.password), expected_version: self.expected_version })
    }

    fn id_token(valid: &Link) -> Option<PresentedIdToken<'_>> {
        Some(PresentedIdToken { token: valid.id_token.expose(), nonce: valid.nonce.as_deref() })
    }

    fn password_work(valid: &Link) -> PasswordWork<'_> {
        PasswordWork::Confirm(valid.password.as_ref())
    }

    async fn handle(valid: &Link, unit: &mut UnitOfWork) -> Handling<Handled<ProviderLinked>> {
        let (user_id, identity) = (unit.user_id()?, unit.identity()?.clone());
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        confirmed(unit.password(), &user)?;
        check_version(valid.expected_version, rows::version(user.version))?;
        let handled = Handled::new(ProviderLinked { user: user_id });
        let linked = link(&identity, user_id, void_until(unit, &user, &identity).await?, unit);
        if !linked.takes(identity.issued_at.moment()) {
            tracing::debug!("an ID token was refused: it was void before it was linked");
            return Err(CommandError::invalid_id_token().into());
        }
        let owner = identity::owner(unit.db(), &identity.issuer, &identity.subject).await?;
        let own = identity::of_user(unit.db(), user.id).await?;
        if !decide_link(&identity, owner, user.id, &own)? {
            return Ok(handled.at(user_id, rows::version(user.version)));
        }
        // Whoever links it at the same moment waits here, or is waited for: the second one is tried again, and finds whose it is.
        identity::insert(unit.db(), linked.clone()).await?;
        mail::tell(unit, Kind::ProviderLinked, &user).await?;
        let version = user::advance(unit.db(), &user, user::ActiveModel::default(), unit.at().moment()).await?;
        unit.record(user.id, version, Event::IdentityLinked(linked_event(&linked)));
        Ok(handled.at(user_id, version))
    }
}

/// What the provider issued by then was void before, and stays so: all sign-ins were ended then, or it was unlinked. The account is locked.
async fn void_until(unit: &UnitOfWork, user: &user::Model, identity: &Identity) -> Handling<Option<OffsetDateTime>> {
    let unlinked_at = unlinked_provider::last(unit.db(), user.id, &identity.issuer).await?;
    Ok(user.outside_void_until.max(unlinked_at))
}

/// True if it is to be linked; false if it is already.
fn decide_link(
    identity: &Identity,
    owner: Option<Uuid>,
    user_id: Uuid,
    own: &[identity::Model],
) -> Result<bool, CommandError> {
    match owner {
        Some(owner) if owner == user_id => Ok(false),
        Some(_) => Err(CommandError::identity_taken()),
        None if own.iter().any(|one| one.issuer == identity.issuer) => Err(CommandError::provider_already_linked()),
        None => Ok(true),
    }
}

/// Ends that you can sign in by a provider. Sign-ins that have begun so go on. Changes nothing if it is not linked.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UnlinkProviderInput")]
#[serde(rename_all = "camelCase")]
pub struct UnlinkProvider {
    /// The provider: what its ID tokens say in `iss`.
    pub issuer: String,
    /// The version that your account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What unlinking did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderUnlinked {
    /// The person.
    pub user: UserId,
}

impl Command for UnlinkProvider {
    const NAME: &'static str = "unlinkProvider";
    type Valid = Self;
    type Outcome = ProviderUnlinked;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Self, Vec<CommandError>> {
        Ok(self.clone())
    }

    async fn handle(valid: &Self, unit: &mut UnitOfWork) -> Handling<Handled<ProviderUnlinked>> {
        let user_id = unit.user_id()?;
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        check_version(valid.expected_version, rows::version(user.version))?;
        let handled = Handled::new(ProviderUnlinked { user: user_id });
        let own = identity::of_user(unit.db(), user.id).await?;
        let Some(identity) = decide_unlink(&valid.issuer, user.password_hash.is_some(), &own)? else {
            return Ok(handled.at(user_id, rows::version(user.version)));
        };
        identity::remove(unit.db(), identity).await?;
        // After the lock: whoever signed in with a token by now has it from before this moment.
        let now = unit.clock().await?;
        // What was void before stays so: PostgreSQL's clock may have been set back since.
        let unlinked_at = identity.void_until.map_or(now.moment(), |until| until.max(now.moment()));
        unlinked_provider::remember(unit.db(), user.id, &identity.issuer, unlinked_at).await?;
        let version = user::advance(unit.db(), &user, user::ActiveModel::default(), unit.at().moment()).await?;
        let unlinked = IdentityUnlinked { user_id, session_id: SessionId(identity.session_id) };
        unit.record(user.id, version, Event::IdentityUnlinked(unlinked));
        Ok(handled.at(user_id, version))
    }
}

/// Which one is to go, if it is there. A way in must be left.
fn decide_unlink<'a>(
    issuer: &str,
    has_password: bool,
    own: &'a [identity::Model],
) -> Result<Option<&'a identity::Model>, CommandError> {
    match own.iter().find(|one| one.issuer == issuer) {
        Some(_) if !has_password && own.len() == 1 => Err(CommandError::only_way_in()),
        found => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::Timestamp;

    const ADA: Uuid = Uuid::from_u128(1);
    const BEN: Uuid = Uuid::from_u128(2);

    fn row(issuer: &str, subject: &str) -> identity::Model {
        let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
        let (linked_at, session_id) = (OffsetDateTime::UNIX_EPOCH, Uuid::nil());
        identity::Model { issuer, subject, user_id: ADA, linked_at, session_id, void_until: None }
    }

    fn shown(issuer: &str) -> Identity {
        let (issuer, subject) = (issuer.to_owned(), "1".to_owned());
        let issued_at = Timestamp::new(OffsetDateTime::UNIX_EPOCH);
        Identity { issuer, subject, issued_at, verified_email: None, first_name: None, last_name: None }
    }

    #[test]
    fn an_identity_is_one_persons_and_a_person_has_one_of_each_provider() {
        let own = [row("https://a.example", "2")];
        assert_eq!(decide_link(&shown("https://b.example"), None, ADA, &own), Ok(true));
        assert_eq!(decide_link(&shown("https://a.example"), Some(ADA), ADA, &own), Ok(false));
        let taken = Err(CommandError::identity_taken());
        assert_eq!(decide_link(&shown("https://b.example"), Some(BEN), ADA, &own), taken);
        let already = Err(CommandError::provider_already_linked());
        assert_eq!(decide_link(&shown("https://a.example"), None, ADA, &own), already);
    }

    #[test]
    fn a_providers_tokens_from_before_the_end_of_all_sign_ins_are_void() {
        let at = |seconds| OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(seconds);
        let voided = identity::Model { void_until: Some(at(10)), ..row("https://a.example", "1") };
        assert_eq!([voided.takes(at(9)), voided.takes(at(10)), voided.takes(at(11))], [false, false, true]);
        assert!(row("https://a.example", "1").takes(at(0)));
    }

    #[test]
    fn a_way_in_is_left() {
        let two = [row("https://a.example", "1"), row("https://b.example", "1")];
        assert_eq!(decide_unlink("https://a.example", false, &two[..1]), Err(CommandError::only_way_in()));
        assert_eq!(decide_unlink("https://a.example", true, &two[..1]), Ok(Some(&two[0])));
        assert_eq!(decide_unlink("https://b.example", false, &two), Ok(Some(&two[1])));
        assert_eq!(decide_unlink("https://c.example", false, &two[..1]), Ok(None));
    }
}
