//! Accounts: another e-mail address, and showing that mail to it arrives.

use super::password::own_password;
use crate::CommandError;
use crate::auth::{MailToken, SecretText};
use crate::command::{Command, Handled, KeyOwner, PasswordWork, Sender};
use crate::fault::Fault;
use crate::fields::{Fields, check_room, check_version};
use crate::frame::PasswordFinding;
use crate::mail::{self, TOKENS_MAX};
use crate::rows::mail::Kind;
use crate::rows::mail_token::{self, Purpose};
use crate::rows::{self, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::user::{EmailChangeRequested, EmailChangeWithdrawn, EmailVerified};
use millrace_events::values::{Email, Password};
use millrace_events::{Event, Personal, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use uuid::Uuid;

/// What the limits of these mails are called.
const MAILS: &str = "mails to verify an address";
const MAILED_ENOUGH: &str = "So many mails are on their way or not read yet. Try again later.";

/// Asks for another e-mail address. A mail goes there, and one that tells of it to the address that you have; until `verifyEmail` has the
/// first one's token, the account keeps its address. Naming an address that waits for that already, or your own one while it is not
/// verified, sends the mail anew. Naming your own one while another waits withdraws that; a change of the password does so too.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "ChangeEmailInput")]
#[serde(rename_all = "camelCase")]
pub struct ChangeEmail {
    /// The address that you want. No other account may have it; upper and lower case make no difference.
    pub new_email: String,
    /// Your password. Wrong ones count like failed sign-ins.
    pub password: SecretText,
    /// The version that your account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Whose address changes, or has changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailWanted {
    /// The person.
    pub user: UserId,
}

/// Address and password, parsed.
#[derive(Debug, Clone)]
pub struct Wanted {
    email: Email,
    password: Option<Password>,
    expected_version: Option<u32>,
}

impl Command for ChangeEmail {
    const NAME: &'static str = "changeEmail";
    const SECRET_FIELDS: &'static [&'static str] = &["password"];
    type Valid = Wanted;
    type Outcome = EmailWanted;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<Wanted, Vec<CommandError>> {
        let mut fields = Fields::default();
        let email = fields.take("newEmail", Email::parse(&self.new_email));
        let (password, expected_version) = (own_password(&self.password), self.expected_version);
        fields.finish(email.map(|email| Wanted { email, password, expected_version }))
    }

    fn password_work(valid: &Wanted) -> PasswordWork<'_> {
        PasswordWork::Confirm(valid.password.as_ref())
    }

    async fn handle(valid: &Wanted, unit: &mut UnitOfWork) -> Handling<Handled<EmailWanted>> {
        let user_id = unit.user_id()?;
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        confirmed(unit.password(), &user)?;
        check_version(valid.expected_version, rows::version(user.version))?;
        let handled = Handled::new(EmailWanted { user: user_id });
        let owner = user::id_by_email(unit.db(), &valid.email.canonical()).await?;
        let step = decide_change(&user, &valid.email, owner.is_some_and(|owner| owner != user.id))?;
        match step {
            Step::Nothing => return Ok(handled.at(user_id, rows::version(user.version))),
            Step::Withdraw => return Ok(handled.at(user_id, withdraw(unit, &user).await?)),
            Step::MailAgain | Step::Ask => {}
        }
        check_mails(unit, &user).await?;
        if !mail::write_unproven(unit, Kind::VerifyEmail, user.id, valid.email.as_str()).await? {
            let max = unit.auth().mails.limits().unproven_per_day_max;
            return Err(CommandError::limit_reached(MAILED_ENOUGH, MAILS, max).into());
        }
        if step == Step::MailAgain {
            return Ok(handled.at(user_id, rows::version(user.version)));
        }
        // Whoever has the address that counts is told while the change can still be stopped.
        mail::tell(unit, Kind::EmailChangeRequested, &user).await?;
        let wanted = valid.email.as_str().to_owned();
        let changed = user::ActiveModel { pending_email: Set(Some(wanted.clone())), ..Default::default() };
        let version = user::advance(unit.db(), &user, changed, unit.at().moment()).await?;
        let event = EmailChangeRequested { user_id, new_email: Personal::known(user_id, wanted) };
        unit.record(user_id.0, version, Event::EmailChangeRequested(event));
        Ok(handled.at(user_id, version))
    }
}

/// The password must still be the one that was compared.
pub(super) fn confirmed(finding: &PasswordFinding, user: &user::Model) -> Result<(), CommandError> {
    match finding {
        PasswordFinding::Matches { user_id, hash } if user_id.0 == user.id && user.has_password(hash) => Ok(()),
        PasswordFinding::HasNone => Err(CommandError::password_not_set("password")),
        _ => Err(CommandError::wrong_password("password")),
    }
}

/// What wanting an address means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It is the account's, and verified.
    Nothing,
    /// It is the account's, and stays so: another one that was asked for is wanted no longer.
    Withdraw,
    /// It waits for being verified already.
    MailAgain,
    /// It is another one.
    Ask,
}

fn decide_change(user: &user::Model, wanted: &Email, is_taken: bool) -> Result<Step, CommandError> {
    if is_taken {
        return Err(CommandError::email_taken("newEmail"));
    }
    let (is_own, is_pending) = (user.email == wanted.as_str(), user.pending_email.as_deref() == Some(wanted.as_str()));
    Ok(match (is_own, is_pending) {
        (true, false) if user.pending_email.is_some() => Step::Withdraw,
        (true, false) if user.email_verified_at.is_some() => Step::Nothing,
        (false, false) => Step::Ask,
        _ => Step::MailAgain,
    })
}

/// The account keeps its address. Answers the version.
async fn withdraw(unit: &mut UnitOfWork, user: &user::Model) -> Handling<u32> {
    mail_token::void_of_others(unit.db(), user, unit.at().moment()).await?;
    let changed = user::ActiveModel { pending_email: Set(None), ..Default::default() };
    let version = user::advance(unit.db(), user, changed, unit.at().moment()).await?;
    let event = EmailChangeWithdrawn { user_id: UserId(user.id) };
    unit.record(user.id, version, Event::EmailChangeWithdrawn(event));
    Ok(version)
}

/// Nobody fills mailboxes by way of this: what was withdrawn counts for as long as it would have been good.
async fn check_mails(unit: &UnitOfWork, user: &user::Model) -> Handling<()> {
    let mut mails: BTreeSet<Uuid> =
        rows::mail::waiting_for(unit.db(), user.id, Kind::VerifyEmail).await?.into_iter().collect();
    mails.extend(mail_token::counted(unit.db(), user.id, Purpose::VerifyEmail, unit.at().moment()).await?);
    Ok(check_room(mails.len() as u64, TOKENS_MAX, MAILS, MAILED_ENOUGH)?)
}

/// Shows, with the token out of a mail, that mail to an address arrives. An address that was asked for becomes the account's.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "VerifyEmailInput")]
#[serde(rename_all = "camelCase")]
pub struct VerifyEmail {
    /// The token out of the mail. It is good once, and for some time. Nobody needs to be signed in.
    pub token: SecretText,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

impl Command for VerifyEmail {
    const NAME: &'static str = "verifyEmail";
    const SENDER: Sender = Sender::Anyone;
    const SECRET_FIELDS: &'static [&'static str] = &["token"];
    type Valid = MailToken;
    type Outcome = EmailWanted;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<MailToken, Vec<CommandError>> {
        MailToken::parse(self.token.expose()).ok_or_else(|| vec![CommandError::invalid_token()])
    }

    fn key_owner(valid: &MailToken) -> Option<KeyOwner> {
        Some(KeyOwner::Token(valid.hash()))
    }

    async fn handle(valid: &MailToken, unit: &mut UnitOfWork) -> Handling<Handled<EmailWanted>> {
        let (refused, hash) = (CommandError::invalid_token, valid.hash());
        let owner = mail_token::owner(unit.db(), &hash).await?.ok_or_else(refused)?;
        let user = user::locked_alone(unit.db(), owner).await?.ok_or_else(refused)?;
        let token = mail_token::locked(unit.db(), &hash).await?.ok_or_else(refused)?;
        if !token.is_good(Purpose::VerifyEmail, unit.clock().await?.moment()) {
            return Err(refused().into());
        }
        let verified = decide_verified(&user, &token.email_canonical).ok_or_else(refused)?;
        user::claim_address(unit.db(), &token.email_canonical).await?;
        let taken = user::id_by_email(unit.db(), &token.email_canonical).await?.is_some_and(|owner| owner != user.id);
        if taken {
            return Err(CommandError::email_taken("token").into());
        }
        mail_token::void(unit.db(), user.id, Purpose::VerifyEmail, &token.email_canonical).await?;
        let version = verify(unit, &user, &token.email_canonical, verified).await?;
        let handled = Handled::new(EmailWanted { user: UserId(user.id) }).at(UserId(user.id), version);
        let is_left = user.email_canonical != token.email_canonical;
        Ok(if is_left { handled.leaving(user.email_canonical) } else { handled })
    }

    fn of_person(outcome: &EmailWanted) -> Option<UserId> {
        Some(outcome.user)
    }
}

/// An address that mail arrives at.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Verified {
    /// It is the account's.
    Own,
    /// It takes the other's place.
    Next(String),
}

/// What it means that mail to this address arrives; none if the account has nothing to do with it any more.
fn decide_verified(user: &user::Model, email_canonical: &str) -> Option<Verified> {
    let next = user.pending_email.as_ref();
    if let Some(next) = next.filter(|next| Email::parse(next).is_ok_and(|email| email.canonical() == email_canonical)) {
        return Some(Verified::Next(next.clone()));
    }
    (user.email_canonical == email_canonical).then_some(Verified::Own)
}

async fn verify(unit: &mut UnitOfWork, user: &user::Model, email_canonical: &str, verified: Verified) -> Handling<u32> {
    let (user_id, at) = (UserId(user.id), unit.at().moment());
    let mut changed = user::ActiveModel { email_verified_at: Set(Some(at)), ..Default::default() };
    let email = match verified {
        Verified::Own => user.email.clone(),
        Verified::Next(email) => {
            mail::tell(unit, Kind::EmailChanged, user).await?;
            // Nothing leads from the account to this address any more, so an erasure would not find them.
            rows::mail::forget_nameless(unit.db(), &user.email_canonical).await?;
            changed.email = Set(email.clone());
            changed.email_canonical = Set(email_canonical.to_owned());
            changed.pending_email = Set(None);
            email
        }
    };
    let version = user::advance(unit.db(), user, changed, at).await?;
    let event = EmailVerified { user_id, email: Personal::known(user_id, email) };
    unit.record(user.id, version, Event::EmailVerified(event));
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CommandErrorCode;
    use time::OffsetDateTime;

    fn account(is_verified: bool, pending: Option<&str>) -> user::Model {
        user::Model {
            email_verified_at: is_verified.then_some(OffsetDateTime::UNIX_EPOCH),
            pending_email: pending.map(str::to_owned),
            ..user::tests::model("Ada@example.org")
        }
    }

    fn step(user: &user::Model, wanted: &str) -> Step {
        decide_change(user, &Email::parse(wanted).unwrap(), false).unwrap()
    }

    #[test]
    fn another_address_is_asked_for_and_one_that_waits_gets_its_mail_again() {
        let (fresh, verified) = (account(false, None), account(true, None));
        assert_eq!([&fresh, &verified].map(|user| step(user, "ada@new.example")), [Step::Ask, Step::Ask]);
        assert_eq!([&fresh, &verified].map(|user| step(user, "Ada@example.org")), [Step::MailAgain, Step::Nothing]);
        assert_eq!(step(&verified, "ada@example.org"), Step::Ask, "spelt another way");
        let waiting = account(true, Some("ada@new.example"));
        assert_eq!(step(&waiting, "ada@new.example"), Step::MailAgain);
        assert_eq!(step(&waiting, "ada@newer.example"), Step::Ask);
        let fresh_waiting = account(false, Some("ada@new.example"));
        assert_eq!([&waiting, &fresh_waiting].map(|user| step(user, "Ada@example.org")), [Step::Withdraw; 2]);
        assert_eq!(step(&waiting, "ada@example.org"), Step::Ask, "spelt another way");
        let taken = decide_change(&verified, &Email::parse("bob@example.org").unwrap(), true).unwrap_err();
        assert_eq!(taken.kind(), CommandErrorCode::EmailTaken);
    }

    #[test]
    fn a_token_counts_for_the_address_that_it_went_to() {
        let waiting = account(false, Some("Ada@New.example"));
        assert_eq!(decide_verified(&waiting, "ada@new.example"), Some(Verified::Next("Ada@New.example".into())));
        assert_eq!(decide_verified(&waiting, "ada@example.org"), Some(Verified::Own));
        assert_eq!(decide_verified(&waiting, "ada@older.example"), None);
    }

    #[test]
    fn a_password_that_was_changed_meanwhile_confirms_nothing() {
        let user = account(true, None);
        let matches = |hash: &str| PasswordFinding::Matches { user_id: UserId(user.id), hash: hash.into() };
        assert_eq!(confirmed(&matches("hash"), &user), Ok(()));
        assert!(confirmed(&matches("another"), &user).is_err());
        assert!(confirmed(&PasswordFinding::Differs, &user).is_err());
        assert_eq!(confirmed(&PasswordFinding::HasNone, &user), Err(CommandError::password_not_set("password")));
        let of_bob = PasswordFinding::Matches { user_id: UserId::generate(), hash: "hash".into() };
        assert!(confirmed(&of_bob, &user).is_err());
    }
}
