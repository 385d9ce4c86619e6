//! The set of four servers over one data folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::data::DataFolder;
use crate::error::{Error, at};
use crate::kind::Kind;
use crate::nats::{self, User};
use crate::options::Options;
use crate::ports::{self, Port};
use crate::provide::Binaries;
use crate::room::Room;
use crate::server::Server;
use crate::setup::Setup;

/// The ports of the last start, so that the next one has the same URLs.
const PORTS_NAME: &str = "ports.json";
/// Sets that are deleted after use are made here, below the home folder.
const TEMPORARY_NAME: &str = "temporary";

/// Where clients find the four servers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Urls {
    /// PostgreSQL's superuser and database `millrace`, with its password.
    pub postgresql: String,
    /// Redis.
    pub redis: String,
    /// MongoDB, a replica set of one.
    pub mongodb: String,
    /// NATS, as a user who may do everything.
    pub nats: String,
    /// NATS, as relays: they write the stream.
    pub nats_relay: String,
    /// NATS, as projectors: they read it.
    pub nats_projector: String,
}

/// PostgreSQL's and NATS' hold passwords.
impl fmt::Debug for Urls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { redis, mongodb, .. } = self;
        let mut debug = formatter.debug_struct("Urls");
        debug.field("redis", redis).field("mongodb", mongodb).finish_non_exhaustive()
    }
}

/// Four running servers. When dropped they are killed; [`Servers::stop`] first for an orderly end.
#[derive(Debug)]
pub struct Servers {
    postgresql: Server,
    redis: Server,
    mongodb: Server,
    nats: Server,
    // After the servers, because a temporary folder is deleted with it.
    folder: DataFolder,
}

impl Servers {
    /// Starts the four over a folder, which keeps its data for the next start, and waits until all answer.
    pub async fn start(binaries: &Binaries, data_folder: &Path, options: Options) -> Result<Self, Error> {
        Self::start_over(DataFolder::open(data_folder)?, binaries, options).await
    }

    /// Starts the four over a new folder in the home folder, which is deleted with them.
    pub async fn temporary(binaries: &Binaries, options: Options) -> Result<Self, Error> {
        let parent = binaries.home.join(TEMPORARY_NAME);
        let folder = tokio::task::spawn_blocking(move || DataFolder::temporary(&parent)).await??;
        Self::start_over(folder, binaries, options).await
    }

    /// Stops all four in their own orderly way.
    pub async fn stop(&self) -> Result<(), Error> {
        let results = tokio::join!(self.postgresql.stop(), self.redis.stop(), self.mongodb.stop(), self.nats.stop());
        results.0.and(results.1).and(results.2).and(results.3)
    }

    /// PostgreSQL.
    pub fn postgresql(&self) -> &Server {
        &self.postgresql
    }

    /// Redis.
    pub fn redis(&self) -> &Server {
        &self.redis
    }

    /// MongoDB.
    pub fn mongodb(&self) -> &Server {
        &self.mongodb
    }

    /// NATS.
    pub fn nats(&self) -> &Server {
        &self.nats
    }

    /// All four.
    pub fn all(&self) -> [&Server; 4] {
        [&self.postgresql, &self.redis, &self.mongodb, &self.nats]
    }

    /// The URLs of all four.
    pub fn urls(&self) -> Urls {
        Urls {
            postgresql: self.postgresql.url(),
            redis: self.redis.url(),
            mongodb: self.mongodb.url(),
            nats: self.nats.url(),
            nats_relay: nats::url(self.nats.port(), User::Relay),
            nats_projector: nats::url(self.nats.port(), User::Projector),
        }
    }

    /// The folder with the data and logs of all four.
    pub fn data_folder(&self) -> &Path {
        self.folder.path()
    }

    async fn start_over(folder: DataFolder, binaries: &Binaries, options: Options) -> Result<Self, Error> {
        let [for_postgresql, for_redis, for_mongodb, for_nats] = choose_ports(folder.path(), &options)?;
        let binaries = Arc::new(binaries.clone());
        let start = |kind, port| start_one(kind, binaries.clone(), folder.path(), options, port);
        let (postgresql, redis, mongodb, nats) = tokio::try_join!(
            start(Kind::Postgresql, for_postgresql),
            start(Kind::Redis, for_redis),
            start(Kind::Mongodb, for_mongodb),
            start(Kind::Nats, for_nats),
        )?;
        Ok(Self { postgresql, redis, mongodb, nats, folder })
    }
}

async fn start_one(
    kind: Kind,
    binaries: Arc<Binaries>,
    set: &Path,
    options: Options,
    port: Port,
) -> Result<Server, Error> {
    let set = set.to_owned();
    let prepare = move || {
        let setup = Setup::prepare(kind, &binaries, &set, &options, port)?;
        let wanted = options.room.filter(|(of, _)| *of == kind);
        let room = wanted.map(|(_, bytes)| Room::make(&setup.launch.folder, bytes)).transpose()?;
        Ok::<_, Error>(Server::new(setup, room))
    };
    let server = tokio::task::spawn_blocking(prepare).await??;
    server.start().await?;
    Ok(server)
}

fn choose_ports(folder: &Path, options: &Options) -> Result<[Port; 4], Error> {
    let path = folder.join(PORTS_NAME);
    let last = last_ports(&path)?;
    let mut chosen = Vec::with_capacity(Kind::ALL.len());
    for (offset, kind) in (0u16..).zip(Kind::ALL) {
        chosen.push(match options.base_port {
            Some(base) => ports::fixed(kind, base.saturating_add(offset))?,
            None => ports::free(last.get(&kind).copied())?,
        });
    }
    let numbers: BTreeMap<Kind, u16> = Kind::ALL.into_iter().zip(chosen.iter().map(|port| port.number)).collect();
    let text = serde_json::to_vec_pretty(&numbers).map_err(|source| Error::Json { path: path.clone(), source })?;
    fs::write(&path, text).map_err(at("write", &path))?;
    chosen.try_into().map_err(|_| Error::NoFreePort { first: 0, last: 0 })
}

fn last_ports(path: &Path) -> Result<BTreeMap<Kind, u16>, Error> {
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    let text = fs::read(path).map_err(at("read", path))?;
    serde_json::from_slice(&text).map_err(|source| Error::Json { path: path.to_owned(), source })
}
