//! Settings: defaults, then the file, then the environment, then flags. A key that does not exist is an error with a suggestion.

use crate::http::exports;
use crate::http::origins::Origins;
use config::{Config, Environment, File, FileFormat, Map, Source, Value};
use ipnet::IpNet;
use millrace_command::auth::openid::SignatureAlgorithm;
use millrace_document::Limits;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

const ENVIRONMENT_PREFIX: &str = "MILLRACE";
const SEPARATOR: &str = "__";
/// Variables with our prefix that are no settings.
const NOT_SETTINGS: &[&str] = &["millrace_role", "millrace_config", "millrace_home", "millrace_fail_points"];
const NOT_SETTINGS_PREFIXES: &[&str] = &["millrace_test_", "millrace_bench_"];
const SUGGESTION_DISTANCE_MAX: usize = 6;

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

/// The public endpoint and the operators' port.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Where GraphQL is served.
    pub listen: SocketAddr,
    /// Where `/metrics`, `/livez` and `/readyz` are served.
    pub operations_listen: SocketAddr,
    /// Serve GraphiQL at `/`, and answer introspection.
    pub playground: bool,
    /// The built playground; a small page takes its place when the folder is not there.
    pub playground_folder: PathBuf,
    /// Serve the page at `/pipeline`, and let everybody watch the figures of the pipeline that it shows; else admins alone may ask for them.
    pub pipeline: bool,
    /// Origins whose pages may call, such as `https://shop.example`, joined by commas; none by default, `*` for all.
    pub cors_origins: Origins,
    /// Addresses and networks of proxies, joined by commas; none by default. Only what these say about where a request comes from is
    /// believed: behind a proxy that is not named here all clients look like one, and share its limits of failed sign-ins and new passwords.
    pub trusted_proxies: Networks,
    /// The header in which they say it: `x-forwarded-for` or `forwarded`. Only this one is read: the other may be a client's.
    pub forwarded_header: ForwardedHeader,
    /// Connections open at once on one port of this process. One that has become a socket does not count.
    pub connections_max: usize,
    /// The longest time from the first byte of a request's head to its last, in milliseconds.
    pub head_ms_max: u64,
    /// The longest time that a request's body may take, in milliseconds.
    pub body_ms_max: u64,
    /// The longest time that a connection may stay open without a request, in milliseconds. Longer than proxies keep theirs.
    pub idle_ms_max: u64,
    /// The longest time that a client may take nothing of its answer, in milliseconds.
    pub write_ms_max: u64,
    /// The longest request body, in bytes.
    pub body_bytes_max: usize,
    /// Answers of so many bytes and more are compressed, if the client takes that; 0 compresses none.
    pub compress_bytes_min: u64,
    /// How long a query's text is kept for clients that send only its hash (automatic persisted queries), after it was last asked for, in
    /// seconds; 0 keeps none. What has a quoted value in it is not kept: that belongs into variables.
    pub persisted_queries_ttl_s: u64,
    /// The longest text that is kept so, in bytes.
    pub persisted_query_bytes_max: usize,
    /// So many new texts of one viewer, or of one address of those who are not signed in, are kept by one process within a minute.
    pub persisted_queries_per_minute_max: u32,
    /// Documents that may be run: `off` (all), `log` (all, but those that are not trusted are logged), `enforce` (trusted ones alone).
    pub trusted_documents: TrustedMode,
    /// Where trusted documents are: a manifest of Apollo's, an object of texts by id (Relay's), or a folder of such and of `.graphql` files.
    pub trusted_documents_path: PathBuf,
    /// The longest time that a query or mutation may take, in milliseconds.
    pub request_ms_max: u64,
    /// The longest wait for a position that a token or a mutation asks for, in milliseconds.
    pub consistency_wait_ms_max: u64,
    /// The longest answer to an operation, in bytes. A longer one is made, but not sent: ask for less at once.
    pub answer_bytes_max: usize,
    /// Errors that one answer tells of; further ones are left out.
    pub errors_max: usize,
    /// Answers to queries that this process keeps, in bytes, counted about. One is given again only while every document that it was made of is as it
    /// was; 0 executes every query.
    pub answers_bytes_max: usize,
    /// Sockets and event streams open at once in this process.
    pub sockets_max: usize,
    /// Of one client's address, or network of IPv6; behind a proxy that is not trusted all clients are one.
    pub sockets_per_address_max: usize,
    /// Of one signed-in viewer.
    pub sockets_per_viewer_max: usize,
    /// Operations open at once on one socket.
    pub operations_per_socket_max: usize,
    /// Operations of one signed-in viewer that are open at once, on all sockets and event streams together.
    pub operations_per_viewer_max: usize,
    /// The same of all who are not signed in and share a client's address, or network of IPv6: an office or a provider may have many.
    pub operations_per_address_max: usize,
    /// How long a socket may stay open without `connection_init`, in milliseconds.
    pub socket_init_ms_max: u64,
    /// The time between two pings of a socket, or two comments of an event stream, in milliseconds.
    pub socket_ping_ms: u64,
    /// A socket whose client has sent nothing for this long, in spite of pings, is closed, in milliseconds.
    pub socket_silence_ms_max: u64,
    /// Messages that a client may send on one socket within a second, in the long run.
    pub socket_messages_per_s_max: u32,
    /// Messages that it may send at once.
    pub socket_messages_burst_max: u32,
    /// The longest message that a client may send on a socket, in bytes.
    pub socket_message_bytes_max: usize,
    /// Messages that wait for a client to take them. Beyond it operations wait, and subscriptions that fall behind end with their cursor.
    pub socket_queue_messages_max: usize,
    /// The bytes of these messages.
    pub socket_queue_bytes_max: usize,
    /// The longest time that open requests and sockets are given at shutdown, in milliseconds.
    pub drain_ms_max: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            operations_listen: SocketAddr::from(([127, 0, 0, 1], 4001)),
            playground: true,
            playground_folder: PathBuf::from("web-playground/dist"),
            pipeline: false,
            cors_origins: Origins::default(),
            trusted_proxies: Networks::default(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            connections_max: 4_096,
            head_ms_max: 10_000,
            body_ms_max: 30_000,
            idle_ms_max: 75_000,
            write_ms_max: 30_000,
            body_bytes_max: 256 * 1024,
            compress_bytes_min: 1_024,
            persisted_queries_ttl_s: 24 * 3_600,
            persisted_query_bytes_max: 16 * 1024,
            persisted_queries_per_minute_max: 300,
            trusted_documents: TrustedMode::Off,
            trusted_documents_path: PathBuf::new(),
            request_ms_max: 10_000,
            consistency_wait_ms_max: 2_000,
            answer_bytes_max: 2 * 1024 * 1024,
            errors_max: 10,
            answers_bytes_max: 64 * 1024 * 1024,
            sockets_max: 10_000,
            sockets_per_address_max: 100,
            sockets_per_viewer_max: 20,
            operations_per_socket_max: 32,
            operations_per_viewer_max: 100,
            operations_per_address_max: 500,
            socket_init_ms_max: 5_000,
            socket_ping_ms: 15_000,
            socket_silence_ms_max: 30_000,
            socket_messages_per_s_max: 20,
            socket_messages_burst_max: 50,
            socket_message_bytes_max: 64 * 1024,
            socket_queue_messages_max: 256,
            socket_queue_bytes_max: 1024 * 1024,
            drain_ms_max: 10_000,
        }
    }
}

impl HttpSettings {
    /// Where this machine reaches the public endpoint.
    pub fn local_url(&self) -> String {
        let address = match self.listen {
            SocketAddr::V4(all) if all.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, all.port()).into(),
            SocketAddr::V6(all) if all.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, all.port()).into(),
            one => one,
        };
        format!("http://{address}")
    }
}

/// What is done about documents that are not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustedMode {
    /// Nothing: no document is trusted more than another.
    Off,
    /// They are run, and logged.
    Log,
    /// They are refused.
    Enforce,
}

/// Addresses and networks: a text with commas, such as `10.0.0.0/8, ::1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// True if the address lies in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        // A network, or else an address, which is a network of one.
        let network = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no list of addresses and networks")))
    }
}

impl Serialize for Networks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        serializer.serialize_str(&texts.join(", "))
    }
}

/// Where proxies write from whom a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which most proxies write.
    XForwardedFor,
    /// `Forwarded`, the standard (RFC 7239).
    Forwarded,
}

impl ForwardedHeader {
    /// The header's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

/// What one viewer, or one address of those who are not signed in, may ask for in a while, over all instances: a bucket of points that
/// fills up again. An operation takes out what it costs (`extensions.cost`), an answer that was kept takes nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetSettings {
    /// Points in a full bucket; 0: no budgets. Not less than `limits.cost_max`, or the dearest operations are let through for less.
    pub points_max: u32,
    /// Points that flow into it in a second, at least one.
    pub points_per_second: u32,
}

/// PostgreSQL.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PostgresSettings {
    /// Address, user, password and database.
    pub url: SecretUrl,
    /// Connections of this process at the most.
    pub connections_max: u32,
}

impl Default for PostgresSettings {
    fn default() -> Self {
        Self { url: SecretUrl("postgres://millrace@127.0.0.1:5432/millrace".into()), connections_max: 20 }
    }
}

/// NATS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// Address, and the user of relays: the one that may write the log's subjects, the stream and the bucket of keys.
    pub url: SecretUrl,
    /// The same user in a file with a JWT and a key, as `nsc` writes it. Empty: what stands in the address.
    pub credentials_file: PathBuf,
    /// Address and user of projectors, which may only read. Empty: those of relays.
    pub projector_url: SecretUrl,
    /// The same user in a file. Empty: what stands in the address.
    pub projector_credentials_file: PathBuf,
    /// First part of the names of stream, bucket and subjects.
    pub prefix: String,
    /// Copies of the stream in a cluster.
    pub replicas: usize,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: SecretUrl("nats://127.0.0.1:4222".into()),
            credentials_file: PathBuf::new(),
            projector_url: SecretUrl(String::new()),
            projector_credentials_file: PathBuf::new(),
            prefix: "millrace".into(),
            replicas: 1,
        }
    }
}

impl NatsSettings {
    /// What relays connect with.
    pub fn writer(&self) -> NatsUser<'_> {
        NatsUser { setting: "nats.url", url: &self.url, credentials: file(&self.credentials_file) }
    }

    /// What projectors connect with.
    pub fn reader(&self) -> NatsUser<'_> {
        if self.projector_url.expose().is_empty() {
            let own = file(&self.projector_credentials_file);
            return NatsUser { credentials: own.or(file(&self.credentials_file)), ..self.writer() };
        }
        let credentials = file(&self.projector_credentials_file);
        NatsUser { setting: "nats.projector_url", url: &self.projector_url, credentials }
    }
}

/// Where NATS is, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct NatsUser<'a> {
    /// The setting that says so.
    pub setting: &'static str,
    /// Address, and user if there is no file.
    pub url: &'a SecretUrl,
    /// The user's file.
    pub credentials: Option<&'a Path>,
}

fn file(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}

/// MongoDB.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MongoSettings {
    /// Address and credentials; must be a replica set.
    pub url: SecretUrl,
    /// The database.
    pub database: String,
    /// How long changes are kept for subscriptions that resume, in hours.
    pub changes_kept_hours: u64,
}

impl Default for MongoSettings {
    fn default() -> Self {
        Self {
            url: SecretUrl("mongodb://127.0.0.1:27017/?directConnection=true".into()),
            database: "millrace".into(),
            changes_kept_hours: 24,
        }
    }
}

/// Redis.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// Address and credentials.
    pub url: SecretUrl,
    /// First part of every key.
    pub prefix: String,
    /// How long a document stays cached, in seconds.
    pub document_ttl_s: u64,
}

impl Default for RedisSettings {
    fn default() -> Self {
        Self { url: SecretUrl("redis://127.0.0.1:6379".into()), prefix: "millrace".into(), document_ttl_s: 3_600 }
    }
}

/// Keys of access tokens, and the command side's secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuthSettings {
    /// Ed25519 private key, PEM (command role).
    pub signing_key_file: PathBuf,
    /// Ed25519 public key, PEM (query role).
    pub verify_key_file: PathBuf,
    /// How long an access token is good, in seconds (command role). A refresh token gets the next one.
    pub access_token_s: u32,
    /// Memory of one password hash (argon2id), in KiB (command role). OWASP asks for 19,456 at least.
    pub password_memory_kib: u32,
    /// New passwords from one client's address within 15 minutes, such as those of accounts that are opened (command role). Behind a proxy
    /// that `http.trusted_proxies` does not name, all clients share it.
    pub new_passwords_per_address_max: u32,
    /// At least 32 random bytes for idempotency keys (command role); also what query and command roles know each other by.
    pub secret_file: PathBuf,
}

impl Default for AuthSettings {
    fn default() -> Self {
        Self {
            signing_key_file: PathBuf::from("keys/signing-key.pem"),
            verify_key_file: PathBuf::from("keys/verify-key.pem"),
            access_token_s: 300,
            password_memory_kib: 19_456,
            new_passwords_per_address_max: 500,
            secret_file: PathBuf::from("keys/secret"),
        }
    }
}

/// The command side's place.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CommandSettings {
    /// Where the query role sends commands; empty: handled in this process.
    pub url: String,
    /// Where a command role listens for them.
    pub listen: SocketAddr,
}

impl Default for CommandSettings {
    fn default() -> Self {
        Self { url: String::new(), listen: SocketAddr::from(([127, 0, 0, 1], 4010)) }
    }
}

/// The rules of the shop.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ShopSettings {
    /// How long an order may stay unpaid before it is cancelled, in seconds.
    pub pay_within_s: u32,
    /// So many working days (Monday to Friday) after the day of payment an order should arrive.
    pub delivery_working_days: u8,
}

impl Default for ShopSettings {
    fn default() -> Self {
        Self { pay_within_s: 900, delivery_working_days: 3 }
    }
}

/// The payment provider.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaymentSettings {
    /// What the provider signs its notices with: at least 32 bytes. Empty: no notices are taken, and no wallet is ever topped up.
    pub webhook_secret_file: PathBuf,
    /// For development: answers each top-up itself, by calling this webhook. Empty: only the real provider answers.
    pub development_webhook_url: String,
}

impl Default for PaymentSettings {
    fn default() -> Self {
        Self { webhook_secret_file: PathBuf::new(), development_webhook_url: String::new() }
    }
}

/// Exports of one's own data.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExportSettings {
    /// Where clients reach exports; a link's token is appended. The default is a path where GraphQL is served, `https://…/exports/` names
    /// the host too.
    pub url: String,
    /// How long a link is good, in seconds.
    pub link_s: u32,
    /// Exports that one process writes at once. A person has one at a time.
    pub at_once_max: usize,
    /// The longest time that an export may take, however slowly its client takes it, in milliseconds (command and query roles).
    pub time_ms_max: u64,
    /// The longest time that one piece of an export may wait for its client, in milliseconds (command role).
    pub piece_ms_max: u64,
}

impl Default for ExportSettings {
    fn default() -> Self {
        Self { url: exports::PATH.into(), link_s: 300, at_once_max: 4, time_ms_max: 120_000, piece_ms_max: 10_000 }
    }
}

impl ExportSettings {
    /// The longest time that an export may take.
    pub fn time_max(&self) -> Duration {
        Duration::from_millis(self.time_ms_max)
    }
}

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
    /// For development: without a server, mails are shown at `/dev/mails` on the operators' port instead of being sent.
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

/// OpenID providers. None by default: nobody signs in so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenIdSettings {
    /// The providers. In a file a table `[[openid.providers]]` for each, in a variable or flag a JSON list of objects. Each has `issuer` (its
    /// https address, as its tokens say it), `audience` (a list of our client ids there), and, if need be, `algorithms` (a list out of RS256,
    /// RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA; by default RS256, ES256, EdDSA) and `jwks_url` (where its keys are, if not where
    /// its discovery document says).
    pub providers: OpenIdProviders,
    /// Take the providers' own tokens as `Authorization: Bearer` too, of whom they are linked to (query role).
    pub bearer: bool,
    /// How far a provider's clock and ours may be apart, in seconds.
    pub clock_leeway_s: u32,
    /// How long a provider's keys are used before they are fetched again, in seconds.
    pub keys_fresh_s: u32,
    /// How long they are used while the provider does not answer, in seconds.
    pub keys_kept_s_max: u32,
    /// The least time between two fetches of a provider's keys by one process, in seconds. So long a key that is new may be unknown.
    pub keys_asked_s_min: u32,
}

impl Default for OpenIdSettings {
    fn default() -> Self {
        Self {
            providers: OpenIdProviders::default(),
            bearer: false,
            clock_leeway_s: 30,
            keys_fresh_s: 3_600,
            keys_kept_s_max: 24 * 3_600,
            keys_asked_s_min: 10,
        }
    }
}

/// A list of providers: tables, or a text that holds them as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenIdProviders(pub Vec<OpenIdProvider>);

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdProvider {
    /// Its address, as its tokens say it.
    pub issuer: String,
    /// Our client ids there.
    pub audience: Vec<String>,
    /// What its tokens may be signed with.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// Where its keys are. Empty: where its discovery document says.
    #[serde(default)]
    pub jwks_url: String,
}

fn usual_algorithms() -> Vec<SignatureAlgorithm> {
    SignatureAlgorithm::usual().into_iter().collect()
}

impl<'de> Deserialize<'de> for OpenIdProviders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrText)
    }
}

struct ListOrText;

impl<'de> Visitor<'de> for ListOrText {
    type Value = OpenIdProviders;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of providers, or such a list as JSON")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OpenIdProviders, E> {
        if text.trim().is_empty() {
            return Ok(OpenIdProviders::default());
        }
        serde_json::from_str(text).map(OpenIdProviders).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OpenIdProviders, A::Error> {
        let mut providers = Vec::new();
        while let Some(provider) = list.next_element()? {
            providers.push(provider);
        }
        Ok(OpenIdProviders(providers))
    }
}

/// A text, because the environment holds nothing else: none are an empty one.
impl Serialize for OpenIdProviders {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_str("");
        }
        serializer.serialize_str(&serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?)
    }
}

/// The story of the demo shop: in `millrace dev` people order, pay and comment, and staff send what is paid.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorySettings {
    /// Tell it.
    pub told: bool,
    /// The time between two steps, in milliseconds.
    pub step_ms: u64,
    /// So many orders, then it rests until the next start.
    pub orders_max: u32,
}

impl Default for StorySettings {
    fn default() -> Self {
        Self { told: true, step_ms: 3_000, orders_max: 1_000 }
    }
}

/// Logs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// `text` or `json`.
    pub format: LogFormat,
    /// What is logged: `info`, or finer such as `info,millrace_relay=debug`.
    pub filter: String,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into() }
    }
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// An address that may carry a password, which never shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(pub String);

impl SecretUrl {
    /// The address with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Of several addresses the last host shows, because a password may hold anything.
    fn masked(&self) -> String {
        match (self.0.find("://"), self.0.rfind('@')) {
            (Some(scheme), Some(at)) if at > scheme => format!("{}://***{}", &self.0[..scheme], &self.0[at..]),
            (None, Some(at)) => format!("***{}", &self.0[at..]),
            _ => self.0.clone(),
        }
    }

    /// Host and port, several joined by commas: what follows the password, up to path and options.
    pub fn hosts(&self) -> &str {
        let rest = self.0.rsplit_once('@').or_else(|| self.0.split_once("://")).map_or(&*self.0, |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no such key.
    #[error("unknown setting `{key}` in {origin}{}", suggestion.as_ref().map(|s| format!(": did you mean `{s}`?")).unwrap_or_default())]
    UnknownKey {
        /// As it was written.
        key: String,
        /// The file, or "the environment".
        origin: String,
        /// The nearest key that exists.
        suggestion: Option<String>,
    },
    /// A file or variable that cannot be read, or a value of the wrong type.
    #[error("settings cannot be read")]
    Unreadable(#[from] config::ConfigError),
}

impl Settings {
    /// Reads the settings: defaults, `file` if given, the environment, and `overrides` (`key=value`, from flags).
    pub fn load(file: Option<&Path>, overrides: &[(String, String)]) -> Result<Self, SettingsError> {
        let known = known_keys()?;
        let (mut builder, mut given) = (Config::builder(), BTreeSet::new());
        if let Some(path) = file {
            let source = File::from(path).format(FileFormat::Toml);
            let keys = leaves("", &source.collect()?);
            given.extend(keys.iter().cloned());
            refuse_unknown(&known, keys, &path.display().to_string())?;
            builder = builder.add_source(source);
        }
        let environment = environment();
        let keys = leaves("", &environment);
        given.extend(keys.iter().cloned());
        refuse_unknown(&known, keys, "the environment")?;
        builder = builder.add_source(Config::builder().add_source(Collected(environment)).build()?);
        for (key, value) in overrides {
            refuse_unknown(&known, vec![key.clone()], "the flags")?;
            given.insert(key.clone());
            builder = builder.set_override(key, value.as_str())?;
        }
        Ok(Self { given, ..builder.build()?.try_deserialize()? })
    }
}

/// Variables of our prefix, as nested keys.
fn environment() -> Map<String, Value> {
    let settings = std::env::vars().filter(|(name, _)| is_setting(&name.to_lowercase())).collect();
    let source = Environment::with_prefix(ENVIRONMENT_PREFIX)
        .prefix_separator("_")
        .separator(SEPARATOR)
        .ignore_empty(true)
        .try_parsing(true)
        .source(Some(settings));
    source.collect().unwrap_or_default()
}

fn is_setting(name: &str) -> bool {
    name.starts_with("millrace_")
        && !NOT_SETTINGS.contains(&name)
        && !NOT_SETTINGS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[derive(Debug, Clone)]
struct Collected(Map<String, Value>);

impl Source for Collected {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// Every key, taken from the defaults themselves so that no list can fall behind.
pub(crate) fn known_keys() -> Result<BTreeSet<String>, config::ConfigError> {
    let defaults = Config::try_from(&Settings::default())?;
    Ok(leaves("", &defaults.collect()?).into_iter().collect())
}

fn leaves(prefix: &str, table: &Map<String, Value>) -> Vec<String> {
    table
        .iter()
        .flat_map(|(name, value)| {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value.clone().into_table() {
                Ok(inner) if !inner.is_empty() => leaves(&key, &inner),
                _ => vec![key],
            }
        })
        .collect()
}

fn refuse_unknown(known: &BTreeSet<String>, keys: Vec<String>, origin: &str) -> Result<(), SettingsError> {
    match keys.into_iter().find(|key| !known.contains(key)) {
        None => Ok(()),
        Some(key) => {
            let suggestion = nearest(known, &key);
            Err(SettingsError::UnknownKey { key, origin: origin.to_owned(), suggestion })
        }
    }
}

fn nearest(known: &BTreeSet<String>, key: &str) -> Option<String> {
    let distance = |candidate: &String| strsim::damerau_levenshtein(candidate, key);
    known
        .iter()
        .min_by_key(|candidate| distance(candidate))
        .filter(|best| distance(best) <= SUGGESTION_DISTANCE_MAX)
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let file = file("[http]\nlisten = \"127.0.0.1:5000\"\n[redis]\ndocument_ttl_s = 60\n");
        let settings = Settings::load(Some(file.path()), &[]).unwrap();
        assert_eq!(settings.http.listen.port(), 5000);
        assert_eq!(settings.redis.document_ttl_s, 60);
        assert_eq!(settings.mongodb.database, "millrace");
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = file("[nats]\nprefix = \"a\"\n");
        let settings = Settings::load(Some(file.path()), &[("nats.prefix".into(), "b".into())]).unwrap();
        assert_eq!(settings.nats.prefix, "b");
    }

    #[test]
    fn proxies_are_addresses_and_networks() {
        let set = |text: &str| Settings::load(None, &[("http.trusted_proxies".into(), text.into())]);
        let proxies = set("10.0.0.0/8, ::1").unwrap().http.trusted_proxies;
        let inside = |text: &str| proxies.contains(text.parse().unwrap());
        assert!(inside("10.1.2.3") && inside("::1") && !inside("11.0.0.1") && !inside("::2"));
        assert_eq!(serde_json::to_value(&proxies).unwrap(), "10.0.0.0/8, ::1/128");
        assert!(set("10.0.0.0/8, nonsense").is_err() && set("10.0.0.0/33").is_err());
        let standard = Settings::load(None, &[("http.forwarded_header".into(), "forwarded".into())]).unwrap();
        assert_eq!(standard.http.forwarded_header, ForwardedHeader::Forwarded);
    }

    #[test]
    fn origins_can_be_set() {
        let set = |text: &str| Settings::load(None, &[("http.cors_origins".into(), text.into())]);
        let origins = set("https://a.example, http://b.example:8080").unwrap().http.cors_origins;
        assert!(origins.contains("https://a.example") && origins.contains("http://b.example:8080"));
        assert!(set("a.example").is_err());
    }

    #[test]
    fn providers_are_tables_in_a_file_and_json_elsewhere() {
        let file = file(
            "[[openid.providers]]\nissuer = \"https://a.example\"\naudience = [\"web\", \"phone\"]\n\
             [[openid.providers]]\nissuer = \"https://b.example\"\naudience = [\"web\"]\nalgorithms = [\"PS256\"]\n",
        );
        let by_file = Settings::load(Some(file.path()), &[]).unwrap().openid.providers;
        assert_eq!(
            by_file.0.iter().map(|one| one.issuer.as_str()).collect::<Vec<_>>(),
            ["https://a.example", "https://b.example"]
        );
        assert_eq!((by_file.0[0].audience.len(), &*by_file.0[1].algorithms), (2, &[SignatureAlgorithm::PS256][..]));
        assert_eq!(
            by_file.0[0].algorithms,
            [SignatureAlgorithm::RS256, SignatureAlgorithm::ES256, SignatureAlgorithm::EdDSA]
        );
        let text = serde_json::to_value(&by_file).unwrap();
        let set = |text: &str| Settings::load(None, &[("openid.providers".into(), text.into())]);
        assert_eq!(set(text.as_str().unwrap()).unwrap().openid.providers, by_file, "what is printed can be set");
        for weak in ["HS256", "none"] {
            let text =
                format!(r#"[{{ "issuer": "https://a.example", "audience": ["web"], "algorithms": ["{weak}"] }}]"#);
            let refused = set(&text).unwrap_err();
            assert!(std::error::Error::source(&refused).unwrap().to_string().contains(weak), "{refused:?}");
        }
    }

    #[test]
    fn an_endpoint_on_all_addresses_is_reached_over_the_loopback() {
        let at = |listen: &str| HttpSettings { listen: listen.parse().unwrap(), ..HttpSettings::default() }.local_url();
        assert_eq!(at("0.0.0.0:4000"), "http://127.0.0.1:4000");
        assert_eq!(at("[::]:4000"), "http://[::1]:4000");
        assert_eq!(at("192.0.2.1:80"), "http://192.0.2.1:80");
    }

    #[test]
    fn a_wrong_key_is_refused_with_a_suggestion() {
        let file = file("[redis]\ndocument_tll_s = 60\n");
        let refused = Settings::load(Some(file.path()), &[]).unwrap_err().to_string();
        assert!(
            refused.contains("redis.document_tll_s") && refused.contains("did you mean `redis.document_ttl_s`?"),
            "{refused}"
        );
    }

    #[test]
    fn a_password_in_an_address_never_shows() {
        let url = SecretUrl("postgres://ada:secret@db.example:5432/x".into());
        assert_eq!(format!("{url:?}"), "postgres://***@db.example:5432/x");
        assert!(!serde_json::to_string(&url).unwrap().contains("secret"));
        let several = SecretUrl("nats://relay:secret@a:1, nats://relay:geheim@b:2".into());
        assert_eq!(format!("{several:?}"), "nats://***@b:2");
        assert_eq!(format!("{:?}", SecretUrl("relay:secret@a:1".into())), "***@a:1");
        let hosts = |url: &str| SecretUrl(url.into()).hosts().to_owned();
        assert_eq!(hosts("postgres://ada:se/cr,et@db.example:5432/x?sslmode=require"), "db.example:5432");
        assert_eq!(hosts("mongodb://u:p@a:1,b:2/?replicaSet=rs0"), "a:1,b:2");
        assert_eq!(hosts("redis://127.0.0.1:6379"), "127.0.0.1:6379");
    }
}
