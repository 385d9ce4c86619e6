//! `mail`: mails to people.

use super::SecretUrl;
use serde::{Deserialize, Serialize};

/// Mails to people.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailSettings {
    /// The server that takes mails: `smtps://user:password@mail.example`, or `smtp://mail.example:587?tls=required`. Empty: mails wait,
    /// and are forgotten after a week, those for a forgotten password once they could not be used any more.
    pub smtp_url: SecretUrl,
    /// From whom they come: `Name <address>`.
    pub from: String,
    /// The page of an application that calls `verifyEmail`; the token is appended. Empty: mails hold the bare token.
    pub verify_url: String,
    /// The page of an application that calls `resetPassword`; the token is appended. Empty: mails hold the bare token.
    pub reset_url: String,
    /// How long a mail that verifies an address can be used, in seconds.
    pub verify_within_s: u32,
    /// How long a mail for a forgotten password can be used, in seconds.
    pub reset_within_s: u32,
    /// Mails that one mailbox gets within a day, under all its names with a plus, while nobody has shown that mail to it reaches them. An
    /// account that is opened with it after that gets its mail by asking again later.
    pub unproven_per_day_max: u32,
    /// For development: without a server, mails are shown at `/dev/mails` on the operators' port instead of being sent. The
    /// last hundred stay in memory until the process ends, whoever is erased meanwhile.
    pub development_page: bool,
}

impl Default for MailSettings {
    fn default() -> Self {
        Self {
            smtp_url: SecretUrl(String::new()),
            from: "millrace <no-reply@millrace.example>".into(),
            verify_url: String::new(),
            reset_url: String::new(),
            verify_within_s: 48 * 3_600,
            reset_within_s: 30 * 60,
            unproven_per_day_max: 20,
            development_page: false,
        }
    }
}
