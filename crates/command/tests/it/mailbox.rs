//! Where a test's mails go: into a box, unless it is told to refuse them.

use crate::world::World;
use millrace_command::{Mail, MailError, Mailed, Mailer};
use std::sync::Mutex;

/// Takes mails as a server would.
#[derive(Default)]
pub struct Mailbox {
    taken: Mutex<Vec<Mail>>,
    failure: Mutex<Option<MailError>>,
}

impl Mailer for Mailbox {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let failure = self.failure.lock().unwrap().clone();
        self.taken.lock().unwrap().push(mail.clone());
        failure.map_or(Ok(()), Err)
    }
}

impl Mailbox {
    /// From now on mails are answered so.
    pub fn answers(&self, failure: Option<MailError>) {
        *self.failure.lock().unwrap() = failure;
    }

    /// Sends all that is due. Answers what became of it.
    pub async fn fill(&self, world: &World) -> Mailed {
        let mut all = Mailed::default();
        loop {
            let mailed = world.commands.send_mails(self).await.unwrap();
            all = Mailed {
                sent: all.sent + mailed.sent,
                put_off: all.put_off + mailed.put_off,
                dead: all.dead + mailed.dead,
                dropped: all.dropped + mailed.dropped,
            };
            if !mailed.hit_limit() {
                return all;
            }
        }
    }

    /// All mails that came to an address, with this subject, the oldest first.
    pub fn mails(&self, to: &str, subject: &str) -> Vec<Mail> {
        let taken = self.taken.lock().unwrap();
        taken.iter().filter(|mail| mail.to == to && mail.subject == subject).cloned().collect()
    }

    /// The token in the last mail to an address with this subject.
    pub fn token(&self, to: &str, subject: &str) -> String {
        let mails = self.mails(to, subject);
        let mail = mails.last().unwrap_or_else(|| panic!("no mail to {to} with {subject}"));
        token_in(&mail.text)
    }
}

/// The line that is nothing but a token.
pub fn token_in(text: &str) -> String {
    let is_token = |line: &&str| line.len() == 43 && !line.contains(' ');
    text.lines().find(is_token).unwrap_or_else(|| panic!("no token in {text}")).to_owned()
}
