//! Mails over SMTP.

use crate::settings::MailSettings;
use lettre::address::AddressError;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use millrace_command::{Mail, MailError, Mailer};
use std::error::Error as _;
use std::time::Duration;

/// How long connecting to the server may take. Sending as a whole has its limit where mails are taken in hand.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Why no mails can be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// Setting `mail.smtp_url` is no address of a mail server.
    #[error("setting mail.smtp_url")]
    Url(#[from] smtp::Error),
    /// Setting `mail.from` is no sender.
    #[error("setting mail.from")]
    From(#[from] AddressError),
}

/// Hands mails to a mail server, each over a connection of its own.
#[derive(Debug, Clone)]
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// The server and the sender of these settings. Nothing is connected yet.
    pub fn new(settings: &MailSettings) -> Result<Self, SmtpError> {
        let from = settings.from.parse()?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(settings.smtp_url.expose())?;
        Ok(Self { transport: builder.timeout(Some(CONNECT_WAIT)).build(), from })
    }

    /// The same id at each attempt, so that a mail that arrives twice can be told.
    fn message(&self, mail: &Mail) -> Result<Message, MailError> {
        let to = mail.to.parse().map_err(|_| MailError::Refused("not an address".into()))?;
        let id = format!("<{}@{}>", mail.id.simple(), self.from.email.domain());
        let builder = Message::builder().from(self.from.clone()).to(Mailbox::new(None, to)).subject(mail.subject);
        let message = builder.message_id(Some(id)).header(ContentType::TEXT_PLAIN).body(mail.text.clone());
        message.map_err(|_| MailError::Refused("not a message".into()))
    }
}

impl Mailer for Smtp {
    /// Ends when the server has said goodbye. One that takes a mail and then says nothing more gets it again, with the same id.
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let message = self.message(mail)?;
        self.transport.send(message).await.map(|_| ()).map_err(|error| judge(&error))
    }
}

/// Servers repeat addresses in their answers, so of an answer only its number is told.
fn judge(error: &smtp::Error) -> MailError {
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    match error.status() {
        Some(code) if is_about_mail(code.into(), &words) => MailError::Refused(format!("the server answered {code}")),
        Some(code) => MailError::NotSent(format!("the server answered {code}")),
        None if error.is_timeout() => MailError::Slow,
        None => MailError::NotSent(error.to_string()),
    }
}

/// True if the answer is about this mail, its recipient or what it says. All else is about the server, its rules or this sender's
/// password, which whoever runs it may put right: no mail is given up for that.
fn is_about_mail(code: u16, words: &str) -> bool {
    let detail = words.split_whitespace().next().unwrap_or_default();
    // RFC 3463: a detail of 5.7 is about permission, 5.1.7 and 5.1.8 about the sender.
    let is_about_sender = detail.starts_with("5.7.") || ["5.1.7", "5.1.8"].contains(&detail);
    matches!(code, 550..=553 | 556) && !is_about_sender
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SecretUrl;
    use uuid::Uuid;

    fn settings(url: &str, from: &str) -> MailSettings {
        MailSettings { smtp_url: SecretUrl(url.into()), from: from.into(), ..MailSettings::default() }
    }

    #[test]
    fn wrong_settings_are_told_at_start() {
        let good = "Mill <no-reply@mill.example>";
        assert!(Smtp::new(&settings("smtps://user:secret@mail.example", good)).is_ok());
        assert!(Smtp::new(&settings("smtp://mail.example:587?tls=required", good)).is_ok());
        assert!(matches!(Smtp::new(&settings("http://mail.example", good)), Err(SmtpError::Url(_))));
        assert!(matches!(Smtp::new(&settings("smtp://mail.example", "nobody")), Err(SmtpError::From(_))));
    }

    #[test]
    fn only_what_is_about_the_mail_gives_it_up() {
        for about_mail in
            ["550 no such user", "550 5.1.1 who?", "551 gone", "552 5.3.4 too big", "553 5.1.3 what?", "556 5.1.10"]
        {
            assert!(told(about_mail), "{about_mail}");
        }
        let others =
            ["421 closing", "451 later", "454 4.7.0 later", "500 what?", "530 5.7.0 sign in", "534 5.7.9 too weak"];
        let more =
            ["535 5.7.8 wrong", "538 5.7.11", "554 no service here", "550 5.7.1 no relaying", "553 5.1.8 who are you?"];
        for another in others.into_iter().chain(more) {
            assert!(!told(another), "{another}");
        }
    }

    fn told(answer: &str) -> bool {
        let (code, words) = answer.split_once(' ').unwrap();
        is_about_mail(code.parse().unwrap(), words)
    }

    #[test]
    fn a_message_has_the_mails_id_and_cannot_smuggle_headers() {
        let smtp = Smtp::new(&settings("smtp://127.0.0.1:9", "Mill <no-reply@mill.example>")).unwrap();
        let id = Uuid::now_v7();
        let mail = |to: &str| Mail { id, to: to.into(), subject: "Hello", text: "Words.\n".into() };
        let text = String::from_utf8(smtp.message(&mail("ada@example.org")).unwrap().formatted()).unwrap();
        assert!(text.contains(&format!("Message-ID: <{}@mill.example>\r\n", id.simple())), "{text}");
        assert!(text.contains("To: ada@example.org\r\n") && text.ends_with("\r\n\r\nWords.\r\n"), "{text}");
        assert!(smtp.message(&mail("ada@example.org\r\nBcc: eve@example.org")).is_err());
    }
}
