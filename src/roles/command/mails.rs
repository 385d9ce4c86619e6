//! Mails: the process manager that sends them.

use super::{RoleError, Starting};
use crate::mail::development::DevelopmentMails;
use crate::mail::smtp::Smtp;
use crate::settings::MailSettings;
use millrace_command::{Commands, Mailed, Mailer};
use std::time::Duration;

/// How often mails are looked for that are due.
const INTERVAL: Duration = Duration::from_millis(500);
/// How often it is counted how many there are.
const COUNT_INTERVAL: Duration = Duration::from_secs(5);
const WAITING: &str = "millrace_mails_waiting";
const DEAD: &str = "millrace_mails_dead";
const TOTAL: &str = "millrace_mails_total";

/// Starts sending, if there is a way: over SMTP, or else onto the page of the development set-up. They lie in PostgreSQL, so any number
/// of processes may do this.
pub fn send(starting: &mut Starting<'_>, settings: &MailSettings, commands: Commands) -> Result<(), RoleError> {
    metrics::describe_gauge!(WAITING, "Mails that are not sent yet.");
    metrics::describe_gauge!(DEAD, "Mails that were given up in the last week.");
    metrics::describe_counter!(TOTAL, "Mails by what became of an attempt to send them.");
    count(starting, commands.clone());
    if !settings.smtp_url.expose().is_empty() {
        let smtp = Smtp::new(settings).map_err(|error| RoleError::Start { part: "mails", source: Box::new(error) })?;
        send_with(starting, commands, smtp);
    } else if settings.development_page {
        let mails = DevelopmentMails::default();
        starting.operations_routes = std::mem::take(&mut starting.operations_routes).merge(mails.clone().routes());
        send_with(starting, commands, mails);
    } else {
        tracing::info!("no mails are sent: setting mail.smtp_url is empty");
    }
    Ok(())
}

fn send_with<M: Mailer + 'static>(starting: &mut Starting<'_>, commands: Commands, mailer: M) {
    let shutdown = starting.shutdown.clone();
    starting.spawn("mails", async move {
        let mut ticks = tokio::time::interval(INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            match commands.send_mails(&mailer).await {
                Ok(mailed) => {
                    note(mailed);
                    if mailed.hit_limit() {
                        ticks.reset_immediately();
                    }
                }
                Err(failure) => tracing::warn!(%failure, "mails were not sent; the next look does it"),
            }
        }
    });
}

fn note(mailed: Mailed) {
    let Mailed { sent, put_off, dead, dropped } = mailed;
    for (result, mails) in [("sent", sent), ("put_off", put_off), ("dead", dead), ("dropped", dropped)] {
        metrics::counter!(TOTAL, "result" => result).increment(mails);
    }
}

fn count(starting: &mut Starting<'_>, commands: Commands) {
    let shutdown = starting.shutdown.clone();
    starting.spawn("count of mails", async move {
        let mut ticks = tokio::time::interval(COUNT_INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            if let Ok(queue) = commands.mail_queue().await {
                metrics::gauge!(WAITING).set(queue.waiting as f64);
                metrics::gauge!(DEAD).set(queue.dead as f64);
            }
        }
    });
}
