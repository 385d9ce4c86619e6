//! The command role: handles commands, in this process or for query roles elsewhere.

mod expiry;
mod mails;
mod sweep;

use super::servers::{Wanted, look_for};
use super::{RoleError, Starting, connect_log, log_that_may_come};
use crate::http::command_api::{CommandApi, routes};
use crate::http::operations::Check;
use crate::http::server::{ConnectionLimits, Port};
use crate::keys;
use crate::openid;
use crate::settings::{
    AttemptSettings, ExportSettings, HttpSettings, MailSettings, OpenIdSettings, PaymentSettings, PostgresSettings,
    Settings, ShopSettings,
};
use millrace_command::auth::{
    AccessTokenSigner, Attempts, Auth, ExportLinkRules, ExportLinks, PasswordCost, PasswordLimits, Passwords,
};
use millrace_command::mail::{MailCounts, MailLimits};
use millrace_command::wallet::{SIGNATURE_HEADER, WebhookSecret};
use millrace_command::{AccountRules, Commands, ExportLimits, PaymentNotice, ServerSecret, ShopRules, WalletRules};
use millrace_events::Timestamp;
use millrace_log::Log;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;

const PROBE_INTERVAL: Duration = Duration::from_secs(2);
/// How often the provider of the development set-up looks for top-ups, and how long it waits for the webhook.
const DEVELOPMENT_PAYMENT_INTERVAL: Duration = Duration::from_millis(250);
const WEBHOOK_WAIT: Duration = Duration::from_secs(5);
/// PostgreSQL that takes longer than this for a row that it has in memory is as good as away.
const PROBE_WAIT: Duration = Duration::from_secs(2);

/// What handling commands may use: nothing of the stream and of the read side.
#[derive(Debug, Clone, Copy)]
pub struct CommandRoleSettings<'a> {
    /// The write side's database.
    pub postgres: &'a PostgresSettings,
    /// Limits of the internal API.
    pub http: &'a HttpSettings,
    /// Where the internal API listens.
    pub listen: SocketAddr,
    /// How long a command's transaction may take.
    pub transaction_wait_max: Duration,
    /// The private key of access tokens.
    pub signing_key_file: &'a Path,
    /// What query roles are known by, and idempotency keys are hashed with.
    pub secret_file: &'a Path,
    /// How long an access token is good, in seconds.
    pub access_token_s: u32,
    /// Memory of one password hash.
    pub password_memory_kib: u32,
    /// How much of the machine passwords may take.
    pub password_limits: PasswordLimits,
    /// How often strangers may try.
    pub attempts: &'a AttemptSettings,
    /// The rules of the shop.
    pub shop: &'a ShopSettings,
    /// The payment provider.
    pub payments: &'a PaymentSettings,
    /// Exports of one's own data.
    pub exports: &'a ExportSettings,
    /// Mails to people.
    pub mail: &'a MailSettings,
    /// OpenID providers.
    pub openid: &'a OpenIdSettings,
}

/// Keys of settings that handling commands reads.
pub const KEYS: &[&str] = &[
    "http.",
    "logs.",
    "postgres.",
    "command.listen",
    "command.transaction_ms_max",
    "auth.signing_key_file",
    "auth.secret_file",
    "auth.access_token_s",
    "auth.password_memory_kib",
    "auth.password_hashes_at_once_max",
    "auth.password_hashes_waiting_max",
    "auth.password_wait_ms_max",
    "attempts.",
    "shop.",
    "payments.",
    "exports.",
    "mail.",
    "openid.",
];

impl<'a> CommandRoleSettings<'a> {
    /// The part of the settings that handling commands may use.
    pub fn of(settings: &'a Settings) -> Self {
        Self {
            postgres: &settings.postgres,
            http: &settings.http,
            listen: settings.command.listen,
            transaction_wait_max: Duration::from_millis(settings.command.transaction_ms_max),
            signing_key_file: &settings.auth.signing_key_file,
            secret_file: &settings.auth.secret_file,
            access_token_s: settings.auth.access_token_s,
            password_memory_kib: settings.auth.password_memory_kib,
            password_limits: settings.auth.password_limits(),
            attempts: &settings.attempts,
            shop: &settings.shop,
            payments: &settings.payments,
            exports: &settings.exports,
            mail: &settings.mail,
            openid: &settings.openid,
        }
    }
}

/// Commands over the log and the keys of the settings, for an operator. PostgreSQL must be there.
pub async fn commands(settings: CommandRoleSettings<'_>) -> Result<Commands, RoleError> {
    let log = connect_log(settings.postgres, "command").await?;
    over(log, settings)
}

fn over(log: Log, settings: CommandRoleSettings<'_>) -> Result<Commands, RoleError> {
    let webhook_secret = webhook_secret(settings.payments)?;
    let shop = ShopRules {
        pay_within: time::Duration::seconds(settings.shop.pay_within_s.into()),
        unpaid_orders_max: settings.shop.unpaid_orders_max,
        delivery_working_days: settings.shop.delivery_working_days,
    };
    let wallets = WalletRules { top_up_waits: time::Duration::seconds(settings.payments.top_up_waits_s.into()) };
    let exports = ExportLimits {
        at_once_max: settings.exports.at_once_max,
        time_max: settings.exports.time_max(),
        piece_wait_max: Duration::from_millis(settings.exports.piece_ms_max),
    };
    let accounts = account_rules(settings.mail);
    let secret = keys::read_secret(settings.secret_file)?;
    let secret = ServerSecret::new(secret.as_bytes()).map_err(|error| cannot_start(error.into()))?;
    let transaction_wait_max = settings.transaction_wait_max;
    let limits = millrace_command::Settings {
        transaction_wait_max,
        shop,
        wallets,
        exports,
        accounts,
        webhook_secret,
        ..millrace_command::Settings::new(secret)
    };
    Ok(Commands::new(log, auth(settings)?, limits))
}

fn auth(settings: CommandRoleSettings<'_>) -> Result<Auth, RoleError> {
    let cost = PasswordCost { memory_kib: settings.password_memory_kib, ..PasswordCost::default() };
    let passwords = Passwords::new(cost, settings.password_limits);
    let signer = keys::read(settings.signing_key_file, AccessTokenSigner::from_pem)?;
    let links = keys::read(settings.signing_key_file, |key| ExportLinks::from_pem(key, link_rules(settings.exports)))?;
    Ok(Auth {
        passwords: passwords.map_err(|error| cannot_start(error.into()))?,
        signer: signer.with_lifetime(time::Duration::seconds(settings.access_token_s.into())),
        attempts: Attempts::new(settings.attempts.sign_ins()),
        resets: Attempts::new(settings.attempts.resets()),
        mails: MailCounts::new(MailLimits { unproven_per_day_max: settings.mail.unproven_per_day_max }),
        new_passwords: Attempts::new(settings.attempts.new_passwords()),
        id_tokens: openid::id_tokens(settings.openid).map_err(|error| cannot_start(error.into()))?,
        refused_id_tokens: Attempts::new(settings.attempts.id_tokens()),
        exports: links,
    })
}

fn cannot_start(source: Box<dyn std::error::Error + Send + Sync>) -> RoleError {
    RoleError::Start { part: "commands", source }
}

fn account_rules(settings: &MailSettings) -> AccountRules {
    AccountRules {
        verify_within: time::Duration::seconds(settings.verify_within_s.into()),
        reset_within: time::Duration::seconds(settings.reset_within_s.into()),
        verify_url: settings.verify_url.clone(),
        reset_url: settings.reset_url.clone(),
    }
}

fn link_rules(settings: &ExportSettings) -> ExportLinkRules {
    ExportLinkRules { url: settings.url.clone(), good_for: time::Duration::seconds(settings.link_s.into()) }
}

fn webhook_secret(settings: &PaymentSettings) -> Result<Option<WebhookSecret>, RoleError> {
    if settings.webhook_secret_file.as_os_str().is_empty() {
        return Ok(None);
    }
    let secret = keys::read_secret(&settings.webhook_secret_file)?;
    Ok(WebhookSecret::new(secret.as_bytes()))
}

/// Starts handling commands; with `listens` also for query roles elsewhere.
pub async fn start(
    starting: &mut Starting<'_>,
    settings: CommandRoleSettings<'_>,
    listens: bool,
) -> Result<Commands, RoleError> {
    look_for(starting, [Wanted::postgres(settings.postgres)]);
    let log = log_that_may_come(settings.postgres, "command").await?;
    let commands = over(log.clone(), settings)?;
    watch(starting, log);
    sweep::sweep(starting, commands.clone());
    expiry::expire(starting, commands.clone());
    answer_top_ups(starting, settings.payments, commands.clone())?;
    mails::send(starting, settings.mail, commands.clone())?;
    if listens {
        listen(starting, settings, commands.clone()).await?;
    }
    Ok(commands)
}

/// Readiness: whether PostgreSQL answered the last time it was asked. Before the first answer it may be away.
fn watch(starting: &mut Starting<'_>, log: Log) {
    let answers = Arc::new(AtomicBool::new(false));
    let (seen, shutdown) = (Arc::clone(&answers), starting.shutdown.clone());
    starting.probes.push(Arc::new(move || {
        let ready = seen.load(Ordering::Relaxed);
        let detail = (!ready).then(|| "PostgreSQL does not answer".to_owned());
        Check { name: "commands".into(), ready, detail }
    }));
    starting.spawn("command probe", async move {
        let mut ticks = tokio::time::interval(PROBE_INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let answered = timeout(PROBE_WAIT, log.head()).await.is_ok_and(|head| head.is_ok());
            answers.store(answered, Ordering::Relaxed);
        }
    });
}

/// The provider of the development set-up: it answers each top-up by calling the webhook, as a real one would.
fn answer_top_ups(
    starting: &mut Starting<'_>,
    settings: &PaymentSettings,
    commands: Commands,
) -> Result<(), RoleError> {
    let url = settings.development_webhook_url.clone();
    let Some(secret) = webhook_secret(settings)?.filter(|_| !url.is_empty()) else { return Ok(()) };
    let shutdown = starting.shutdown.clone();
    // The webhook is ours, and no proxy stands before it.
    let client = reqwest::Client::builder().no_proxy().build();
    let client = client.map_err(|error| RoleError::Start { part: "development payments", source: error.into() })?;
    starting.spawn("development payments", async move {
        let mut ticks = tokio::time::interval(DEVELOPMENT_PAYMENT_INTERVAL);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let open = commands.open_top_ups().await.unwrap_or_default();
            for notice in open {
                if let Err(error) = call_webhook(&client, &url, &secret, &notice).await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the webhook was not reached");
                }
            }
        }
    });
    Ok(())
}

async fn call_webhook(
    client: &reqwest::Client,
    url: &str,
    secret: &WebhookSecret,
    notice: &PaymentNotice,
) -> Result<(), reqwest::Error> {
    let body = serde_json::to_vec(notice).unwrap_or_default();
    let signature = secret.sign(Timestamp::new(time::OffsetDateTime::now_utc()), &body);
    let request = client.post(url).header(SIGNATURE_HEADER, signature).body(body);
    request.timeout(WEBHOOK_WAIT).send().await.map(|_| ())
}

async fn listen(
    starting: &mut Starting<'_>,
    settings: CommandRoleSettings<'_>,
    commands: Commands,
) -> Result<(), RoleError> {
    let listener = starting.listen("commands", settings.listen, "command.listen").await?;
    let secret = keys::read_secret(settings.secret_file)?;
    let api = CommandApi { commands, secret };
    let (router, limits) = (routes(api, settings.http), ConnectionLimits::of(settings.http));
    let port = Port { name: "commands", listener, router, limits };
    starting.spawn("internal API", port.serve(starting.shutdown.clone()));
    Ok(())
}
