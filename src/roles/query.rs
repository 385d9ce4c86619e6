//! The query role: the public endpoint. It answers from the read side alone, and sends commands on.

use super::servers::{Wanted, look_for};
use super::{RoleError, Starting};
use crate::api::{Api, Gate};
use crate::command_port::CommandPort;
use crate::documents::Documents;
use crate::http;
use crate::http::operations::{Check, Operations};
use crate::keys;
use crate::openid;
use crate::settings::{
    BudgetSettings, HttpSettings, LiveSettings, MongoSettings, OpenIdSettings, RedisSettings as CacheSettings, Settings,
};
use metrics_exporter_prometheus::PrometheusHandle;
use millrace_command::Commands;
use millrace_command::auth::AccessTokenVerifier;
use millrace_command::auth::openid::IdTokens;
use millrace_document::Limits;
use millrace_read::budget::{Budget, BudgetLimits};
use millrace_read::cache::redis::RedisSettings;
use millrace_read::cache::texts::SharedTexts;
use millrace_read::connect;
use millrace_read::graphql::{ReadLimits, ReadSettings, ReadSide};
use millrace_read::live::FeedHealth;
use millrace_read::models::{self, Registered, Visitor};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// So many looks at MongoDB must have failed, one after another, before the process is not ready: one may be an election.
const FAILED_LOOKS: u32 = 2;

/// What the public endpoint may use: nothing of PostgreSQL and NATS, and no key that signs.
#[derive(Debug, Clone, Copy)]
pub struct QuerySettings<'a> {
    /// The endpoint.
    pub http: &'a HttpSettings,
    /// What a request's document may hold.
    pub limits: &'a Limits,
    /// What one viewer may ask for.
    pub budget: &'a BudgetSettings,
    /// How many may listen, and to how much.
    pub live: &'a LiveSettings,
    /// Documents.
    pub mongodb: &'a MongoSettings,
    /// The cache.
    pub redis: &'a CacheSettings,
    /// The public key of access tokens.
    pub verify_key_file: &'a Path,
    /// What the command role knows it by.
    pub secret_file: &'a Path,
    /// Where the command role is.
    pub command_url: &'a str,
    /// The longest time that an export may take.
    pub export_time_max: Duration,
    /// OpenID providers.
    pub openid: &'a OpenIdSettings,
}

/// Keys of settings that the public endpoint reads.
pub const KEYS: &[&str] = &[
    "http.",
    "limits.",
    "budget.",
    "live.",
    "logs.",
    "mongodb.",
    "redis.",
    "auth.verify_key_file",
    "auth.secret_file",
    "command.url",
    "exports.time_ms_max",
    "openid.",
];

impl<'a> QuerySettings<'a> {
    /// The public endpoint's part of the settings.
    pub fn of(settings: &'a Settings) -> Self {
        Self {
            http: &settings.http,
            limits: &settings.limits,
            budget: &settings.budget,
            live: &settings.live,
            mongodb: &settings.mongodb,
            redis: &settings.redis,
            verify_key_file: &settings.auth.verify_key_file,
            secret_file: &settings.auth.secret_file,
            command_url: &settings.command.url,
            export_time_max: settings.exports.time_max(),
            openid: &settings.openid,
        }
    }
}

/// Verifies access tokens with the public key.
pub fn verifier(key_file: &Path) -> Result<AccessTokenVerifier, RoleError> {
    Ok(keys::read(key_file, AccessTokenVerifier::from_pem)?)
}

/// Starts the public endpoint; `local` handles commands, if this process does.
pub async fn start(
    starting: &mut Starting<'_>,
    settings: QuerySettings<'_>,
    local: Option<Commands>,
    metrics: PrometheusHandle,
) -> Result<(), RoleError> {
    look_for(starting, [Wanted::mongodb(settings.mongodb), Wanted::redis(settings.redis)]);
    let reads = Arc::new(read_side(settings).await?);
    starting.spawn("live feeds", Arc::clone(&reads).run(starting.shutdown.clone()));
    models::visit(&mut Following { starting, reads: Arc::clone(&reads) });
    let port = command_port(settings, local)?;
    let (verifier, documents) = (verifier(settings.verify_key_file)?, documents(settings)?);
    let shutdown = starting.shutdown.clone();
    let gate =
        Gate { documents, limits: settings.limits.clone(), budget: budget(settings)?, outside: outside(settings)? };
    let api = Api::new(reads, port, verifier, settings.http.clone(), gate, shutdown.clone());
    let api = Arc::new(api.map_err(|error| RoleError::Start { part: "the API", source: Box::new(error) })?);
    let (stop, forgetting) = (shutdown.clone(), Arc::clone(&api).forget_the_erased());
    starting.spawn("forgetting the erased", async move {
        stop.run_until_cancelled(forgetting).await;
    });
    let listener = starting.listen("graphql", settings.http.listen, "http.listen").await?;
    let operations = Operations { metrics, probes: Arc::new(starting.probes.clone()) };
    starting.spawn("public endpoint", http::serve(listener, api, operations, shutdown));
    Ok(())
}

/// Readiness of each projection: its documents are there, and MongoDB answers. Redis may be away, and so may the command side.
struct Following<'a, 'b> {
    starting: &'a mut Starting<'b>,
    reads: Arc<ReadSide>,
}

impl Visitor for Following<'_, '_> {
    fn visit<P: Registered>(&mut self) {
        let feed = Arc::clone(self.reads.feed::<P>());
        let progress = feed.progress();
        self.starting.probes.push(Arc::new(move || check(P::NAME, progress.borrow().generation, feed.health())));
    }
}

fn check(projection: &str, generation: u32, health: FeedHealth) -> Check {
    let name = format!("reads of {projection}");
    let detail = match health {
        _ if generation == 0 && health.failed_looks == 0 => Some("waits for the projector's first documents"),
        FeedHealth { failed_looks: 0, hears_rings: true } => None,
        FeedHealth { failed_looks: 0, hears_rings: false } => Some("Redis does not answer: all is read from MongoDB"),
        FeedHealth { .. } => Some("MongoDB does not answer"),
    };
    Check { name, ready: generation > 0 && health.failed_looks < FAILED_LOOKS, detail: detail.map(str::to_owned) }
}

async fn read_side(settings: QuerySettings<'_>) -> Result<ReadSide, RoleError> {
    let failed = |source| RoleError::Start { part: "the read side", source };
    let database = connect::database(settings.mongodb.url.expose(), &settings.mongodb.database).await;
    let database = database.map_err(|error| failed(error.into()))?;
    let wait = Duration::from_millis(settings.http.consistency_wait_ms_max);
    let limits = ReadLimits {
        consistency_wait: wait,
        payload_wait: wait,
        waiting_max: settings.http.waiting_reads_max,
        waiting_per_viewer_max: settings.http.waiting_reads_per_viewer_max,
    };
    let wanted = ReadSettings {
        redis: redis(settings.redis),
        limits,
        live: settings.live.limits(),
        pipeline_is_open: settings.http.pipeline,
    };
    ReadSide::new(&database, wanted).map_err(|error| failed(error.into()))
}

fn documents(settings: QuerySettings<'_>) -> Result<Documents, RoleError> {
    let kept = Duration::from_secs(settings.http.persisted_queries_ttl_s);
    let shared = (!kept.is_zero()).then(|| SharedTexts::new(&redis(settings.redis), kept)).transpose();
    let shared =
        shared.map_err(|error| RoleError::Start { part: "automatic persisted queries", source: error.into() })?;
    let failed = |error| RoleError::Start { part: "trusted documents", source: Box::new(error) };
    Documents::new(settings.http, shared).map_err(failed)
}

/// The tokens of OpenID providers, if they are taken in place of ours.
fn outside(settings: QuerySettings<'_>) -> Result<Option<IdTokens>, RoleError> {
    let failed = |error| RoleError::Start { part: "OpenID providers", source: Box::new(error) };
    settings.openid.bearer.then(|| openid::id_tokens(settings.openid).map_err(failed)).transpose()
}

/// The budgets, if there are any.
fn budget(settings: QuerySettings<'_>) -> Result<Option<Budget>, RoleError> {
    let &BudgetSettings { points_max, points_per_second } = settings.budget;
    if points_max == 0 {
        return Ok(None);
    }
    let CacheSettings { url, prefix, .. } = settings.redis;
    let budget = Budget::new(url.expose(), prefix, BudgetLimits { points_max, points_per_second });
    budget.map(Some).map_err(|error| RoleError::Start { part: "budgets", source: error.into() })
}

/// The cache's part of the settings.
pub fn redis(settings: &CacheSettings) -> RedisSettings {
    RedisSettings {
        url: settings.url.expose().to_owned(),
        prefix: settings.prefix.clone(),
        document_ttl: Duration::from_secs(settings.document_ttl_s),
    }
}

fn command_port(settings: QuerySettings<'_>, local: Option<Commands>) -> Result<CommandPort, RoleError> {
    if let Some(commands) = local {
        return Ok(CommandPort::Local(commands));
    }
    let secret = keys::read_secret(settings.secret_file)?;
    let failed = |error| RoleError::Start { part: "the way to the command role", source: Box::new(error) };
    CommandPort::remote(settings.command_url, secret, settings.export_time_max).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_what_is_away() {
        let look = |generation, failed_looks, hears_rings| {
            let check = check("content", generation, FeedHealth { failed_looks, hears_rings });
            (check.ready, check.detail.unwrap_or_default())
        };
        assert_eq!(look(1, 0, true), (true, String::new()));
        assert_eq!(look(1, 0, false), (true, "Redis does not answer: all is read from MongoDB".into()));
        assert_eq!(look(0, 0, true), (false, "waits for the projector's first documents".into()));
        assert_eq!(look(0, 1, false), (false, "MongoDB does not answer".into()));
        assert_eq!(look(1, 1, true), (true, "MongoDB does not answer".into()));
        assert_eq!(look(1, 2, true), (false, "MongoDB does not answer".into()));
    }
}
