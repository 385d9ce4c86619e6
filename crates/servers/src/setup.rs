//! What differs between the four servers: how each is made ready, where it is, and when it answers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::account::Account;
use crate::error::{Error, at};
use crate::kind::Kind;
use crate::launch::Launch;
use crate::options::Options;
use crate::ports::Port;
use crate::provide::Binaries;
use crate::{mongodb, nats, postgresql, redis};

const PASSWORD_NAME: &str = "postgresql.password";

/// A server that is ready to be started, as often as one likes.
pub(crate) struct Setup {
    pub(crate) kind: Kind,
    pub(crate) launch: Launch,
    port: Port,
    /// PostgreSQL's.
    password: Option<String>,
}

impl Setup {
    /// Makes ready what the server needs below the set's folder.
    pub(crate) fn prepare(
        kind: Kind,
        binaries: &Binaries,
        set: &Path,
        options: &Options,
        port: Port,
    ) -> Result<Self, Error> {
        let folder = set.join(kind.name());
        let password = prepare_folder(kind, binaries, set, &folder, options)?;
        let program = binaries.of(kind).clone();
        let account = match kind {
            Kind::Postgresql => Account::for_paths(&[&folder, &program.path])?,
            _ => None,
        };
        let arguments = match kind {
            Kind::Postgresql => postgresql::arguments(&folder, port.number, options),
            Kind::Redis => redis::arguments(&folder, port.number, options),
            Kind::Mongodb => mongodb::arguments(&folder, port.number, options)?,
            Kind::Nats => nats::arguments(&folder, port.number, options)?,
        };
        let log: PathBuf = folder.with_extension("log");
        let launch = Launch { program, arguments, folder, log, account };
        Ok(Self { kind, launch, port, password })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number
    }

    pub(crate) fn url(&self) -> String {
        match self.kind {
            Kind::Postgresql => postgresql::url(self.port(), self.password.as_deref().unwrap_or_default()),
            Kind::Redis => redis::url(self.port()),
            Kind::Mongodb => mongodb::url(self.port()),
            Kind::Nats => nats::url(self.port(), nats::User::Operator),
        }
    }

    /// One cheap question, asked again and again while the server starts.
    pub(crate) async fn is_ready(&self) -> io::Result<bool> {
        match self.kind {
            Kind::Postgresql => postgresql::is_ready(self.port()).await,
            Kind::Redis => redis::is_ready(self.port()).await,
            Kind::Mongodb => mongodb::is_ready(self.port()).await,
            Kind::Nats => nats::is_ready(self.port()).await,
        }
    }

    /// The last question where the cheap one does not prove that queries are answered.
    pub(crate) async fn confirm(&self) -> Result<(), Error> {
        let Some(password) = &self.password else { return Ok(()) };
        postgresql::answers_query(&self.launch.program, self.port(), password).await
    }

    /// Removes what a killed server left and the next start would stumble over.
    pub(crate) fn forget_last_run(&self) -> Result<(), Error> {
        match self.kind {
            Kind::Postgresql => postgresql::forget_dead_postmaster(&self.launch.folder),
            _ => Ok(()),
        }
    }
}

/// Returns the password, where there is one.
fn prepare_folder(
    kind: Kind,
    binaries: &Binaries,
    set: &Path,
    folder: &Path,
    options: &Options,
) -> Result<Option<String>, Error> {
    if kind == Kind::Postgresql {
        return postgresql::prepare(binaries, folder, &set.join(PASSWORD_NAME), options.durable).map(Some);
    }
    fs::create_dir_all(folder).map_err(at("create", folder))?;
    Ok(None)
}
