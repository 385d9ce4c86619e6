//! What mails say: pure.

use super::Mail;
use crate::AccountRules;
use crate::auth::MailToken;
use crate::rows::mail::{Kind, Model};
use time::Duration;

/// To whom a mail goes.
#[derive(Clone, Copy)]
pub(super) struct Addressee<'a> {
    pub address: &'a str,
    /// None if the address may be somebody else's: who that is gets no words of a stranger.
    pub first_name: Option<&'a str>,
}

/// The mail to a person. Kinds that carry a token say nothing without one.
pub(super) fn write(row: &Model, to: Addressee<'_>, token: Option<&MailToken>, rules: &AccountRules) -> Mail {
    let link = |url: &str| token.map(|token| format!("{url}{}", token.expose())).unwrap_or_default();
    let (subject, words) = match row.kind {
        Kind::VerifyEmail => ("Confirm your e-mail address", verify(&link(&rules.verify_url), rules.verify_within)),
        Kind::ResetPassword => ("Set a new password", reset(&link(&rules.reset_url), rules.reset_within)),
        Kind::PasswordChanged => ("Your password was changed", PASSWORD_CHANGED.to_owned()),
        Kind::EmailChangeRequested => ("Another e-mail address for your account", EMAIL_CHANGE_REQUESTED.to_owned()),
        Kind::ProviderLinked => ("Another way to sign in to your account", PROVIDER_LINKED.to_owned()),
        Kind::EmailChanged => ("Your e-mail address was changed", EMAIL_CHANGED.to_owned()),
    };
    let name = to.first_name.map(|name| format!(" {name}")).unwrap_or_default();
    Mail { id: row.id, to: to.address.to_owned(), subject, text: format!("Hello{name},\n\n{words}\n") }
}

const PASSWORD_CHANGED: &str = "\
the password of your account was changed, and your other sessions have ended.

If that was not you, set a new password now: ask for a mail by \"forgotten password\".";

const EMAIL_CHANGE_REQUESTED: &str = "\
somebody, most likely you, wants another e-mail address for your account. It stays as it is until mail to the other one is confirmed.

If that was not you, change your password now: then nothing comes of it, and all other sessions end.";

const PROVIDER_LINKED: &str = "\
an account that you have elsewhere was linked to your account: whoever signs in there is signed in here, too.

If that was not you, unlink it and change your password now.";

const EMAIL_CHANGED: &str = "\
your account has another e-mail address from now on. Mails go there.

If that was not you, write to whoever runs this site.";

fn verify(link: &str, within: Duration) -> String {
    format!(
        "please confirm that this is your e-mail address:\n\n{link}\n\n\
        This is good for {}. If you know nothing of it, do nothing.",
        span(within)
    )
}

fn reset(link: &str, within: Duration) -> String {
    format!(
        "somebody, most likely you, wants to set a new password for your account:\n\n{link}\n\n\
        This is good for {}, and once. If it was not you, do nothing: your password stays as it is.",
        span(within)
    )
}

/// A length of time as people say it, in whole hours or minutes.
fn span(time: Duration) -> String {
    match (time.whole_hours(), time.whole_minutes().max(1)) {
        (1, 60) => "1 hour".to_owned(),
        (hours @ 2.., minutes) if minutes % 60 == 0 => format!("{hours} hours"),
        (_, 1) => "1 minute".to_owned(),
        (_, minutes) => format!("{minutes} minutes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;
    use uuid::Uuid;

    const ADA: Addressee<'_> = Addressee { address: "ada@example.org", first_name: Some("Ada") };

    fn row(kind: Kind) -> Model {
        let at = OffsetDateTime::UNIX_EPOCH;
        Model {
            id: Uuid::nil(),
            kind,
            user_id: None,
            address: "ada@example.org".to_owned(),
            address_canonical: "ada@example.org".to_owned(),
            written_at: at,
            attempts: 0,
            unanswered: 0,
            due_at: at,
            dead_at: None,
        }
    }

    #[test]
    fn a_token_stands_behind_the_applications_address_or_alone() {
        let token = MailToken::parse(&"Q".repeat(43)).unwrap();
        let rules = AccountRules { verify_url: "https://app.example/verify?t=".into(), ..AccountRules::default() };
        let verify = write(&row(Kind::VerifyEmail), ADA, Some(&token), &rules);
        assert!(verify.text.starts_with("Hello Ada,\n\n") && verify.text.contains("good for 48 hours"));
        let stranger = Addressee { first_name: None, ..ADA };
        assert!(write(&row(Kind::VerifyEmail), stranger, Some(&token), &rules).text.starts_with("Hello,\n\nplease"));
        assert!(verify.text.contains(&format!("\nhttps://app.example/verify?t={}\n", token.expose())));
        let reset = write(&row(Kind::ResetPassword), ADA, Some(&token), &rules);
        assert!(reset.text.contains(&format!("\n{}\n", token.expose())) && reset.text.contains("30 minutes"));
        assert_eq!((reset.to.as_str(), reset.subject), ("ada@example.org", "Set a new password"));
    }

    #[test]
    fn a_mail_shows_nothing_of_itself_in_debug_output() {
        let token = MailToken::parse(&"Q".repeat(43)).unwrap();
        let mail = write(&row(Kind::ResetPassword), ADA, Some(&token), &AccountRules::default());
        let shown = format!("{mail:?} {:?}", row(Kind::ResetPassword));
        assert!(!shown.contains("ada@") && !shown.contains(&token.expose()), "{shown}");
    }

    #[test]
    fn spans_are_told_in_words() {
        let told = [1, 60, 90, 1_800, 3_600, 5_400, 172_800].map(|seconds| span(Duration::seconds(seconds)));
        let wanted = ["1 minute", "1 minute", "1 minute", "30 minutes", "1 hour", "90 minutes", "48 hours"];
        assert_eq!(told, wanted);
    }
}
