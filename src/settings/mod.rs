//! Settings: a file for each section, with its keys, their defaults, and what is checked about them.

mod attempts;
mod auth;
mod budget;
mod command;
mod exports;
mod http;
mod live;
mod loading;
mod logs;
mod mail;
mod modes;
mod mongodb;
mod nats;
mod numbers;
mod openid;
mod payments;
mod postgres;
mod proxies;
mod redis;
mod secret_url;
mod shop;
mod story;

pub use self::mongodb::MongoSettings;
pub use self::redis::RedisSettings;
pub use attempts::AttemptSettings;
pub use auth::AuthSettings;
pub use budget::BudgetSettings;
pub use command::CommandSettings;
pub use exports::ExportSettings;
pub use http::HttpSettings;
pub use live::LiveSettings;
pub use loading::SettingsError;
#[cfg(test)]
pub(crate) use loading::known_keys;
pub use logs::{LogFormat, LogSettings};
pub use mail::MailSettings;
pub use modes::{Introspection, TrustedMode};
pub use nats::{NatsSettings, NatsUser};
pub use openid::{OpenIdProvider, OpenIdProviders, OpenIdSettings};
pub use payments::PaymentSettings;
pub use postgres::PostgresSettings;
pub use proxies::{ForwardedHeader, Networks};
pub use secret_url::SecretUrl;
pub use shop::ShopSettings;
pub use story::StorySettings;

use millrace_document::Limits;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Everything that can be set. Each role is handed only the parts that it may use.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The public endpoint (query role) and the port for operators (every role).
    pub http: HttpSettings,
    /// What a request's document may hold (query role).
    pub limits: Limits,
    /// What one viewer may ask for in a while (query role).
    pub budget: BudgetSettings,
    /// Live subscriptions (query role).
    pub live: LiveSettings,
    /// The write side's database (command and relay roles).
    pub postgres: PostgresSettings,
    /// The stream (relay and projector roles).
    pub nats: NatsSettings,
    /// The documents (projector and query roles).
    pub mongodb: MongoSettings,
    /// The cache (projector and query roles).
    pub redis: RedisSettings,
    /// Tokens and passwords.
    pub auth: AuthSettings,
    /// How often passwords and tokens may be tried, and new passwords set (command role).
    pub attempts: AttemptSettings,
    /// Where commands go when they are not handled in this process.
    pub command: CommandSettings,
    /// The rules of the shop (command role).
    pub shop: ShopSettings,
    /// The payment provider (command role).
    pub payments: PaymentSettings,
    /// Exports of one's own data (command role).
    pub exports: ExportSettings,
    /// Mails to people (command role).
    pub mail: MailSettings,
    /// OpenID providers, by whose ID tokens people sign in (command role; query role if `bearer` is set).
    pub openid: OpenIdSettings,
    /// What goes on by itself in `millrace dev`.
    pub story: StorySettings,
    /// Logs.
    pub logs: LogSettings,
    /// The keys that file, environment and flags set.
    #[serde(skip)]
    pub given: BTreeSet<String>,
}
