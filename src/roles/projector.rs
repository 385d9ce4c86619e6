//! The projector role: folds the log into documents, one task for each projection.

use super::servers::{Wanted, look_for};
use super::{RoleError, Starting, query};
use crate::http::operations::Check;
use crate::settings::{MongoSettings, NatsSettings, RedisSettings, Settings};
use millrace_read::connect::{self, Database};
use millrace_read::models::{self, Registered, Visitor};
use millrace_read::projector::jetstream::listen_to_beats;
use millrace_read::projector::{ProjectorStatus, ProjectorStores, run_projector};
use millrace_read::refold::operate::RefoldStores;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const SECONDS_PER_HOUR: u64 = 3_600;

/// What a projector may use.
#[derive(Debug, Clone, Copy)]
pub struct ProjectorSettings<'a> {
    /// The stream and the keys, which it only reads.
    pub nats: &'a NatsSettings,
    /// Documents.
    pub mongodb: &'a MongoSettings,
    /// The cache.
    pub redis: &'a RedisSettings,
}

/// Keys of settings that projectors read. Where they have no user of their own they take that of relays.
pub const KEYS: &[&str] = &["http.", "logs.", "nats.", "mongodb.", "redis."];

impl<'a> ProjectorSettings<'a> {
    /// A projector's part of the settings.
    pub fn of(settings: &'a Settings) -> Self {
        Self { nats: &settings.nats, mongodb: &settings.mongodb, redis: &settings.redis }
    }

    fn servers(&self) -> [Wanted; 3] {
        [Wanted::nats(self.nats.reader()), Wanted::mongodb(self.mongodb), Wanted::redis(self.redis)]
    }
}

/// Starts a projector for each projection.
pub async fn start(starting: &mut Starting<'_>, settings: ProjectorSettings<'_>) -> Result<(), RoleError> {
    look_for(starting, settings.servers());
    let stores = stores(settings).await?;
    let (nats, prefix, beat) = (stores.nats.clone(), stores.prefix.clone(), Arc::clone(&stores.beat));
    let shutdown = starting.shutdown.clone();
    starting.spawn("beats", async move {
        shutdown.run_until_cancelled(listen_to_beats(nats, prefix, beat)).await;
        shutdown.cancelled().await;
    });
    models::visit(&mut Starter { starting, stores });
    Ok(())
}

struct Starter<'a, 'b> {
    starting: &'a mut Starting<'b>,
    stores: ProjectorStores,
}

impl Visitor for Starter<'_, '_> {
    fn visit<P: Registered>(&mut self) {
        let (status, seen) = watch::channel(ProjectorStatus::default());
        self.starting.probes.push(Arc::new(move || check(P::NAME, &seen.borrow())));
        let shutdown = self.starting.shutdown.clone();
        self.starting.spawn(P::NAME, run_projector::<P>(self.stores.clone(), status, shutdown));
    }
}

fn check(projection: &str, status: &ProjectorStatus) -> Check {
    let detail = status.trouble.clone().or_else(|| status.position.map(|position| format!("at position {position}")));
    let ready = status.trouble.is_none() && status.position.is_some();
    Check { name: format!("projection {projection}"), ready, detail }
}

/// Where an operator folds a document anew. All servers must be there.
pub async fn refold_stores(settings: ProjectorSettings<'_>) -> Result<RefoldStores, RoleError> {
    for server in settings.servers() {
        server.require().await?;
    }
    let ProjectorStores { database, nats, prefix, redis, .. } = stores(settings).await?;
    Ok(RefoldStores { database, nats, prefix, redis })
}

/// The documents, for an operator. They must be there.
pub async fn database(settings: &MongoSettings) -> Result<Database, RoleError> {
    Wanted::mongodb(settings).require().await?;
    let database = connect::database(settings.url.expose(), &settings.database).await;
    database.map_err(|error| RoleError::Start { part: "a look at MongoDB", source: error.into() })
}

async fn stores(settings: ProjectorSettings<'_>) -> Result<ProjectorStores, RoleError> {
    let failed = |source| RoleError::Start { part: "the projectors", source };
    let user = settings.nats.reader();
    let nats = connect::nats(user.url.expose(), user.credentials).await.map_err(|error| failed(error.into()))?;
    let database = connect::database(settings.mongodb.url.expose(), &settings.mongodb.database).await;
    Ok(ProjectorStores {
        database: database.map_err(|error| failed(error.into()))?,
        nats,
        prefix: settings.nats.prefix.clone(),
        redis: query::redis(settings.redis),
        changes_kept: Duration::from_secs(settings.mongodb.changes_kept_hours * SECONDS_PER_HOUR),
        beat: Arc::default(),
    })
}
