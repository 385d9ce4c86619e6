//! Mails of the development set-up: kept in memory, and shown at `/dev/mails` on the operators' port.

use axum::extract::State;
use axum::http::header;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use millrace_command::{Mail, MailError, Mailer};
use millrace_events::Timestamp;
use serde::Serialize;
use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::OffsetDateTime;

/// Where they are shown; with `.json` behind it for programs.
pub const PATH: &str = "/dev/mails";
const JSON_PATH: &str = "/dev/mails.json";
/// The most mails that are kept; then the oldest one goes.
const KEPT_MAX: usize = 100;
/// No script, nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// A mail that would have been sent.
#[derive(Debug, Clone, Serialize)]
struct Shown {
    to: String,
    subject: &'static str,
    text: String,
    at: Timestamp,
}

/// The newest mails first, as long as this process lives.
#[derive(Debug, Clone, Default)]
pub struct DevelopmentMails {
    kept: Arc<Mutex<VecDeque<Shown>>>,
}

impl Mailer for DevelopmentMails {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let at = Timestamp::new(OffsetDateTime::now_utc());
        let shown = Shown { to: mail.to.clone(), subject: mail.subject, text: mail.text.clone(), at };
        let mut kept = self.kept();
        kept.push_front(shown);
        kept.truncate(KEPT_MAX);
        Ok(())
    }
}

impl DevelopmentMails {
    /// The routes of the page.
    pub fn routes(self) -> Router {
        Router::new().route(PATH, get(page)).route(JSON_PATH, get(json)).with_state(self)
    }

    fn kept(&self) -> MutexGuard<'_, VecDeque<Shown>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn json(State(mails): State<DevelopmentMails>) -> Response {
    let kept: Vec<Shown> = mails.kept().iter().cloned().collect();
    Json(kept).into_response()
}

async fn page(State(mails): State<DevelopmentMails>) -> Response {
    let page = render(mails.kept().iter());
    ([(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)], Html(page)).into_response()
}

fn render<'a>(mails: impl Iterator<Item = &'a Shown>) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Mails</title>\n\
        <style>body { font: 16px/1.5 sans-serif; max-width: 45em; margin: 2em auto; padding: 0 1em }\n\
        pre { white-space: pre-wrap; overflow-wrap: anywhere } article { border-top: 1px solid #999 }</style>\n\
        <h1>Mails</h1>\n<p>In development mails are not sent: here they are, the newest first.</p>\n",
    );
    for mail in mails {
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "<article>\n<h2>{}</h2>\n<p>to {}, {}</p>\n<pre>{}</pre>\n</article>",
            escaped(mail.subject),
            escaped(&mail.to),
            mail.at,
            escaped(&mail.text)
        );
    }
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn mail(text: &str) -> Mail {
        Mail { id: Uuid::nil(), to: "\"<b>\"@example.org".into(), subject: "Hello", text: text.into() }
    }

    #[tokio::test]
    async fn nothing_in_a_mail_becomes_a_part_of_the_page() {
        let mails = DevelopmentMails::default();
        mails.send(&mail("<script>alert('x')</script> & more")).await.unwrap();
        let page = render(mails.kept().iter());
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; more"), "{page}");
    }

    #[tokio::test]
    async fn the_newest_are_kept() {
        let mails = DevelopmentMails::default();
        for n in 0..=KEPT_MAX {
            mails.send(&mail(&n.to_string())).await.unwrap();
        }
        let kept: Vec<String> = mails.kept().iter().map(|shown| shown.text.clone()).collect();
        assert_eq!((kept.len(), kept[0].as_str(), kept[KEPT_MAX - 1].as_str()), (KEPT_MAX, "100", "1"));
    }
}
