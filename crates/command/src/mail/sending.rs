//! The process manager of mails: any number of processes may do this. Each mail is in the hands of one of them at a time; one that dies
//! with a mail in hand leaves it to be sent again, so that a mail goes out at least once, or is given up.

use super::text::Addressee;
use super::{Mail, MailError, Mailer, canonical, text};
use crate::auth::MailToken;
use crate::fault::Fault;
use crate::pipeline::Pipeline;
use crate::rows::mail::{self, Kind};
use crate::rows::mail_token::{self, Purpose};
use crate::rows::user;
use crate::{AccountRules, ServerSecret};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr, TransactionTrait};
use std::time::Duration as StdDuration;
use time::{Duration, OffsetDateTime};

/// How many processes in a row may die with a mail in hand before it is given up.
pub const UNANSWERED_MAX: i32 = 8;
/// How long a mail is tried that carries no token.
const NOTICE_WITHIN: Duration = Duration::days(2);
/// The most tokens of one kind that one person can have, those that are void among them: no more mails go out until some are over.
pub(crate) const TOKENS_MAX: u32 = 20;
/// The most mails that a process has in hand.
const AT_ONCE_MAX: u64 = 8;
const SEND_WAIT: StdDuration = StdDuration::from_secs(30);
/// Whoever has had a mail in hand for so long is taken for dead. Longer than sending it takes, unless PostgreSQL is silent before and after:
/// then the mail may go out twice.
const IN_HAND_MAX: Duration = Duration::minutes(2);
const RETRY_DELAY: Duration = Duration::seconds(10);
const RETRY_DELAY_MAX: Duration = Duration::minutes(10);

/// What one look at the mails did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mailed {
    /// Mails that went out.
    pub sent: u64,
    /// Mails that are tried again later.
    pub put_off: u64,
    /// Mails that were given up.
    pub dead: u64,
    /// Mails that nobody waits for any more, or that there is nobody for.
    pub dropped: u64,
}

impl Mailed {
    /// True if there may be more to send right now.
    pub fn hit_limit(&self) -> bool {
        self.sent + self.put_off + self.dead + self.dropped >= AT_ONCE_MAX
    }

    fn count(&mut self, fate: Fate) {
        *match fate {
            Fate::Sent => &mut self.sent,
            Fate::Again(_) => &mut self.put_off,
            Fate::Dead => &mut self.dead,
        } += 1;
    }
}

/// What lies there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailQueue {
    /// Mails that are not sent yet.
    pub waiting: u64,
    /// Mails that were given up; they are kept for a week, unless they name nobody.
    pub dead: u64,
}

/// Whoever sends mails.
pub(crate) struct Sender<'a, M> {
    pub pipeline: &'a Pipeline,
    pub mailer: &'a M,
}

impl<M: Mailer> Sender<'_, M> {
    /// Sends mails that are due, a bounded number of them.
    pub async fn send_due(&self) -> Result<Mailed, Fault> {
        let Pipeline { log, settings, .. } = self.pipeline;
        let taken = take(log.database(), &settings.accounts, &settings.server_secret);
        let (mut mailed, in_hand) = self.pipeline.in_time(taken).await?;
        for fate in join_all(in_hand.iter().map(|(row, mail)| self.deliver(row, mail))).await {
            mailed.count(fate?);
        }
        Ok(mailed)
    }

    async fn deliver(&self, row: &mail::Model, mail: &Mail) -> Result<Fate, Fault> {
        let sent = tokio::time::timeout(SEND_WAIT, self.mailer.send(mail)).await.unwrap_or(Err(MailError::Slow));
        let (attempt, now) = (row.attempts + 1, OffsetDateTime::now_utc());
        let fate = decide_fate(attempt, &sent, end(row, &self.pipeline.settings.accounts) - now);
        if let Err(error) = sent {
            tracing::warn!(mail = %row.id, kind = ?row.kind, attempt, %error, "a mail was not sent");
        }
        self.pipeline.in_time(self.note(row, fate, now)).await?;
        Ok(fate)
    }

    async fn note(&self, row: &mail::Model, fate: Fate, now: OffsetDateTime) -> Result<(), DbErr> {
        let database = self.pipeline.log.database();
        match fate {
            Fate::Sent => mail::remove(database, row.id).await,
            Fate::Again(delay) => mail::put_off(database, row.id, now + delay).await,
            Fate::Dead => mail::give_up(database, row, now).await,
        }
    }
}

/// Takes mails in hand, and makes their texts. Tokens are kept before they go out: one that arrives is good.
async fn take(
    database: &DatabaseConnection,
    rules: &AccountRules,
    secret: &ServerSecret,
) -> Result<(Mailed, Vec<(mail::Model, Mail)>), Fault> {
    let (mut mailed, mut in_hand) = (Mailed::default(), Vec::new());
    let (transaction, now) = (database.begin().await?, OffsetDateTime::now_utc());
    for row in mail::due(&transaction, now, AT_ONCE_MAX).await? {
        match compose(&transaction, rules, secret, &row, now).await? {
            Composed::Mail(mail) => {
                mail::begin(&transaction, &row, now + IN_HAND_MAX).await?;
                in_hand.push((row, mail));
            }
            Composed::NotWanted => {
                mail::remove(&transaction, row.id).await?;
                mailed.dropped += 1;
            }
            Composed::TooLate => {
                mail::give_up(&transaction, &row, now).await?;
                mailed.dead += 1;
            }
            Composed::Enough => {
                mail::put_off(&transaction, row.id, now + RETRY_DELAY_MAX).await?;
                mailed.put_off += 1;
            }
            Composed::NotNow => {}
        }
    }
    transaction.commit().await?;
    Ok((mailed, in_hand))
}

/// A mail that is due.
enum Composed {
    /// As it goes out.
    Mail(Mail),
    /// It has no reader, or nothing to say any more.
    NotWanted,
    /// It has waited, or cost processes their lives, for so long that it is given up.
    TooLate,
    /// Its reader has so many of the kind by now that this one waits.
    Enough,
    /// Its reader's account is ending or getting another address at this moment, which may yet fail: the next look tells.
    NotNow,
}

async fn compose(
    db: &impl ConnectionTrait,
    rules: &AccountRules,
    secret: &ServerSecret,
    row: &mail::Model,
    now: OffsetDateTime,
) -> Result<Composed, Fault> {
    let reader = match row.user_id {
        Some(user_id) => user::find(db, user_id).await?,
        None => user::find_by_email(db, &row.address_canonical).await?,
    };
    let Some(reader) = reader.filter(|reader| is_wanted(row, reader)) else {
        return Ok(Composed::NotWanted);
    };
    if row.unanswered >= UNANSWERED_MAX || now >= end(row, rules) {
        return Ok(Composed::TooLate);
    }
    // Or a token could come to be behind the back of who erases its person.
    if !user::stays(db, reader.id).await? {
        return Ok(Composed::NotNow);
    }
    let Some((purpose, within)) = carries(row.kind, rules) else {
        return Ok(Composed::Mail(text::write(row, addressee(row, &reader), None, rules)));
    };
    let counted = mail_token::counted(db, reader.id, purpose, now).await?;
    if counted.into_iter().filter(|mail_id| *mail_id != row.id).count() >= TOKENS_MAX as usize {
        return Ok(Composed::Enough);
    }
    let token = keep_token(db, secret, row, &reader, (purpose, now + within)).await?;
    Ok(Composed::Mail(text::write(row, addressee(row, &reader), Some(&token), rules)))
}

/// The token of this mail, good for this until then.
async fn keep_token(
    db: &impl ConnectionTrait,
    secret: &ServerSecret,
    row: &mail::Model,
    reader: &user::Model,
    (purpose, expires_at): (Purpose, OffsetDateTime),
) -> Result<MailToken, Fault> {
    let token = MailToken::of_mail(row.id, secret)?;
    let kept = mail_token::Model {
        hash: token.hash(),
        purpose,
        user_id: reader.id,
        mail_id: row.id,
        written_at: row.written_at,
        email_canonical: canonical(addressee(row, reader).address),
        expires_at,
        voided_at: None,
    };
    mail_token::keep(db, kept).await?;
    Ok(token)
}

/// A forgotten password's mail goes to the account's own address, never to the one that was typed: addresses that count as the same
/// here may be different mailboxes elsewhere. A name goes only where mail to the person has arrived before: anybody may sign up with
/// somebody else's address, and any words for a name.
fn addressee<'a>(row: &'a mail::Model, reader: &'a user::Model) -> Addressee<'a> {
    let address = if row.kind == Kind::ResetPassword { &reader.email } else { &row.address };
    let is_known = *address == reader.email && reader.email_verified_at.is_some();
    Addressee { address, first_name: is_known.then_some(reader.first_name.as_str()) }
}

/// What kind of token such a mail carries, and how long it is good.
fn carries(kind: Kind, rules: &AccountRules) -> Option<(Purpose, Duration)> {
    match kind {
        Kind::VerifyEmail => Some((Purpose::VerifyEmail, rules.verify_within)),
        Kind::ResetPassword => Some((Purpose::ResetPassword, rules.reset_within)),
        Kind::PasswordChanged | Kind::EmailChangeRequested | Kind::EmailChanged | Kind::ProviderLinked => None,
    }
}

/// When a mail says nothing new to anybody any more.
fn end(row: &mail::Model, rules: &AccountRules) -> OffsetDateTime {
    row.written_at + carries(row.kind, rules).map_or(NOTICE_WITHIN, |(_, within)| within)
}

/// A mail may have waited for long: an address may be verified or given up by now, a person may have found their password again.
fn is_wanted(row: &mail::Model, reader: &user::Model) -> bool {
    match row.kind {
        Kind::VerifyEmail => {
            let is_pending = reader.pending_email.as_deref() == Some(row.address.as_str());
            is_pending || (reader.email == row.address && reader.email_verified_at.is_none())
        }
        Kind::ResetPassword => reader.is_reset_by(row.written_at),
        Kind::PasswordChanged | Kind::EmailChangeRequested | Kind::EmailChanged | Kind::ProviderLinked => true,
    }
}

/// What becomes of a mail after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Sent,
    Again(Duration),
    Dead,
}

/// A mail is given up by its age alone: a mail server may be away for hours.
fn decide_fate(attempt: i32, sent: &Result<(), MailError>, left: Duration) -> Fate {
    match sent {
        Ok(()) => Fate::Sent,
        Err(MailError::Refused(_)) => Fate::Dead,
        Err(_) if retry_delay(attempt) >= left => Fate::Dead,
        Err(_) => Fate::Again(retry_delay(attempt)),
    }
}

/// Twice as long after each attempt, up to a limit.
fn retry_delay(attempt: i32) -> Duration {
    (1..attempt).fold(RETRY_DELAY, |delay: Duration, _| delay.saturating_mul(2).min(RETRY_DELAY_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn row(kind: Kind, address: &str) -> mail::Model {
        mail::Model {
            id: Uuid::nil(),
            kind,
            user_id: None,
            address: address.to_owned(),
            address_canonical: canonical(address),
            written_at: NOW,
            attempts: 0,
            unanswered: 0,
            due_at: NOW,
            dead_at: None,
        }
    }

    fn reader(email: &str, is_verified: bool, pending: Option<&str>) -> user::Model {
        user::Model {
            email_verified_at: is_verified.then_some(NOW),
            pending_email: pending.map(str::to_owned),
            ..user::tests::model(email)
        }
    }

    #[test]
    fn a_mail_is_tried_less_and_less_often_until_it_is_too_late() {
        let (failed, hour) = (Err(MailError::NotSent("no connection".into())), Duration::HOUR);
        let seconds = |attempt| match decide_fate(attempt, &failed, hour) {
            Fate::Again(delay) => delay.whole_seconds(),
            other => panic!("{other:?}"),
        };
        assert_eq!([1, 2, 3, 6, 7, 200].map(seconds), [10, 20, 40, 320, 600, 600]);
        assert_eq!(decide_fate(7, &failed, Duration::minutes(10)), Fate::Dead);
        assert_eq!(decide_fate(1, &Err(MailError::Refused("550".into())), hour), Fate::Dead);
        assert_eq!(decide_fate(7, &Ok(()), Duration::ZERO), Fate::Sent);
    }

    #[test]
    fn only_an_address_that_is_verified_is_told_a_name() {
        let named = |kind, to: &str, is_verified| {
            let (row, ada) = (row(kind, to), reader("ada@example.org", is_verified, Some("ada@new.example")));
            addressee(&row, &ada).first_name.map(str::to_owned)
        };
        assert_eq!(named(Kind::PasswordChanged, "ada@example.org", true).as_deref(), Some("Ada"));
        assert_eq!(named(Kind::ResetPassword, "ADA@example.org", true).as_deref(), Some("Ada"));
        assert_eq!(named(Kind::VerifyEmail, "ada@example.org", false), None);
        assert_eq!(named(Kind::ResetPassword, "ada@example.org", false), None);
        assert_eq!(named(Kind::VerifyEmail, "ada@new.example", true), None);
        assert_eq!(named(Kind::EmailChanged, "ada@old.example", true), None);
    }

    #[test]
    fn an_address_is_to_be_verified_only_while_it_is_the_persons() {
        let mail = row(Kind::VerifyEmail, "ada@new.example");
        let wanted = |reader: user::Model| is_wanted(&mail, &reader);
        assert!(wanted(reader("ada@new.example", false, None)));
        assert!(wanted(reader("ada@old.example", true, Some("ada@new.example"))));
        assert!(!wanted(reader("ada@new.example", true, None)), "it is verified by now");
        assert!(!wanted(reader("ada@old.example", true, Some("ada@newer.example"))), "another one is wanted by now");
    }

    #[test]
    fn a_mail_is_tried_for_as_long_as_what_it_carries_is_good() {
        let rules = AccountRules { verify_within: Duration::hours(5), ..AccountRules::default() };
        let hours = |kind| (end(&row(kind, "ada@example.org"), &rules) - NOW).as_seconds_f64() / 3_600.0;
        assert_eq!([Kind::ResetPassword, Kind::VerifyEmail].map(hours), [0.5, 5.0]);
        assert_eq!([Kind::PasswordChanged, Kind::EmailChanged].map(hours), [48.0, 48.0]);
    }

    #[test]
    fn who_has_found_a_password_again_waits_for_no_mail() {
        let (mail, ada) = (row(Kind::ResetPassword, "ada@example.org"), reader("ada@example.org", true, None));
        assert!(is_wanted(&mail, &ada));
        let set = |at| user::Model { password_set_at: Some(at), ..ada.clone() };
        assert!(is_wanted(&mail, &set(NOW - Duration::SECOND)));
        assert!(!is_wanted(&mail, &set(NOW)), "they have found their password again");
    }
}
