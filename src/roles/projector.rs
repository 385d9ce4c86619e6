//! The projector role: folds the log into documents, one task for each projection.

use super::{RoleError, Starting, query};
use crate::http::operations::Check;
use crate::settings::Settings;
use millrace_read::connect;
use millrace_read::models::{self, Registered, Visitor};
use millrace_read::projector::jetstream::listen_to_beats;
use millrace_read::projector::{ProjectorStatus, ProjectorStores, run_projector};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

const SECONDS_PER_HOUR: u64 = 3_600;

/// Starts a projector for each projection.
pub async fn start(starting: &mut Starting<'_>) -> Result<(), RoleError> {
    let stores = stores(starting.settings).await?;
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

async fn stores(settings: &Settings) -> Result<ProjectorStores, RoleError> {
    let failed = |source| RoleError::Start { part: "the projectors", source };
    let nats = connect::nats(settings.nats.url.expose()).await.map_err(|error| failed(error.into()))?;
    let database = connect::database(settings.mongodb.url.expose(), &settings.mongodb.database).await;
    Ok(ProjectorStores {
        database: database.map_err(|error| failed(error.into()))?,
        nats,
        prefix: settings.nats.prefix.clone(),
        redis: query::redis(settings),
        changes_kept: Duration::from_secs(settings.mongodb.changes_kept_hours * SECONDS_PER_HOUR),
        beat: Arc::default(),
    })
}
