//! One server that can be started, stopped, killed and paused.

use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, fs, io};

use rustix::process::{Pid, Signal};
use tokio::time::{sleep, timeout};

use crate::account::Account;
use crate::data::copy_folder;
use crate::error::{Error, at};
use crate::kind::Kind;
use crate::launch::Launch;
use crate::options::Options;
use crate::ports::Port;
use crate::process::{self, Frozen};
use crate::provide::Binaries;
use crate::{mongodb, nats, postgresql, redis};

/// How long a server may take until it answers: a recovery after a crash is part of it.
const READY_LIMIT: Duration = Duration::from_secs(120);
/// How long one question may take.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// How often a starting or stopping server is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// How long a server may take to stop before it is killed.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A server on a port and a folder that stay the same when it is stopped and started again.
///
/// Every call takes `&self`, so that a test may break a server under the feet of others. It is killed when dropped.
pub struct Server {
    kind: Kind,
    launch: Launch,
    port: Port,
    password: Option<String>,
    state: Mutex<State>,
}

enum State {
    Stopped,
    Running(Child),
    Paused(Child, Frozen),
}

impl Server {
    /// Makes ready what the server needs; nothing runs yet.
    pub(crate) fn new(
        kind: Kind,
        binaries: &Binaries,
        set: &Path,
        options: &Options,
        port: Port,
    ) -> Result<Self, Error> {
        let folder = set.join(kind.name());
        let password = match kind {
            Kind::Postgresql => {
                let password_file = set.join("postgresql.password");
                Some(postgresql::prepare(binaries, &folder, &password_file, options.durable)?)
            }
            _ => fs::create_dir_all(&folder).map_err(at("create", &folder)).map(|()| None)?,
        };
        let program = binaries.of(kind).clone();
        let account = match kind {
            Kind::Postgresql => Account::for_paths(&[&folder, &program.path])?,
            _ => None,
        };
        let arguments = match kind {
            Kind::Postgresql => postgresql::arguments(&folder, port.number, options),
            Kind::Redis => redis::arguments(&folder, port.number, options),
            Kind::Mongodb => mongodb::arguments(&folder, port.number, options),
            Kind::Nats => nats::arguments(&folder, port.number, options)?,
        };
        let log = folder.with_extension("log");
        let launch = Launch { program, arguments, folder, log, account };
        Ok(Self { kind, launch, port, password, state: Mutex::new(State::Stopped) })
    }

    /// Which of the four it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The URL with all that a client needs, a password included.
    pub fn url(&self) -> String {
        match self.kind {
            Kind::Postgresql => postgresql::url(self.port(), self.password.as_deref().unwrap_or_default()),
            Kind::Redis => redis::url(self.port()),
            Kind::Mongodb => mongodb::url(self.port()),
            Kind::Nats => nats::url(self.port()),
        }
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number
    }

    /// The process, while it runs or is paused.
    pub fn pid(&self) -> Option<u32> {
        match &*self.state() {
            State::Stopped => None,
            State::Running(child) | State::Paused(child, _) => Some(child.id()),
        }
    }

    /// The server's data.
    pub fn data_folder(&self) -> &Path {
        &self.launch.folder
    }

    /// The file with what the server says.
    pub fn log_file(&self) -> &Path {
        &self.launch.log
    }

    /// Starts it, on the same port and data as before, and waits until it really answers.
    pub async fn start(&self) -> Result<(), Error> {
        self.spawn()?;
        let ready = self.wait_until_ready().await;
        if ready.is_err() {
            self.kill()?;
        }
        ready
    }

    /// Stops it in its own orderly way and waits for the end; a server that takes too long is killed.
    pub async fn stop(&self) -> Result<(), Error> {
        if matches!(&*self.state(), State::Paused(..)) {
            self.resume()?;
        }
        self.signal(match self.kind {
            // SIGTERM would wait until every client has gone by itself.
            Kind::Postgresql => Signal::INT,
            _ => Signal::TERM,
        })?;
        let asked = Instant::now();
        while self.ended()?.is_none() {
            if asked.elapsed() > STOP_LIMIT {
                return self.kill();
            }
            sleep(POLL_INTERVAL).await;
        }
        Ok(())
    }

    /// Kills it with all its processes (SIGKILL) and waits until they are gone. Nothing happens if it is stopped.
    pub fn kill(&self) -> Result<(), Error> {
        let mut state = self.state();
        let (State::Running(mut child) | State::Paused(mut child, _)) = std::mem::replace(&mut *state, State::Stopped)
        else {
            return Ok(());
        };
        // A child that has been waited for has given its number back; `try_wait` knows.
        if child.try_wait().map_err(at("wait for", &self.launch.program.path))?.is_none() {
            process::kill_tree(Pid::from_child(&child)).map_err(at("kill", &self.launch.program.path))?;
        }
        child.wait().map_err(at("wait for", &self.launch.program.path)).map(|_| ())
    }

    /// Stops all its processes where they are (SIGSTOP): clients wait and get no error.
    pub fn pause(&self) -> Result<(), Error> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Stopped) {
            State::Running(child) => {
                let frozen = process::freeze(Pid::from_child(&child));
                *state = match frozen {
                    Ok(frozen) => State::Paused(child, frozen),
                    Err(source) => {
                        *state = State::Running(child);
                        return Err(at("pause", &self.launch.program.path)(source));
                    }
                };
                Ok(())
            }
            other => {
                *state = other;
                Err(Error::NotRunning(self.kind))
            }
        }
    }

    /// Lets a paused server go on (SIGCONT).
    pub fn resume(&self) -> Result<(), Error> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Stopped) {
            State::Paused(child, frozen) => {
                *state = State::Running(child);
                process::thaw(frozen).map_err(at("resume", &self.launch.program.path))
            }
            other => {
                *state = other;
                Err(Error::NotRunning(self.kind))
            }
        }
    }

    /// Copies the data of the stopped server to `to`, replacing what is there.
    pub fn copy_data_to(&self, to: &Path) -> Result<(), Error> {
        self.while_stopped(|folder| copy_folder(folder, to))
    }

    /// Puts a copy made by [`Server::copy_data_to`] in the place of the stopped server's data.
    pub fn put_data_back(&self, from: &Path) -> Result<(), Error> {
        self.while_stopped(|folder| copy_folder(from, folder))
    }

    fn while_stopped<T>(&self, work: impl FnOnce(&Path) -> Result<T, Error>) -> Result<T, Error> {
        let state = self.state();
        if !matches!(&*state, State::Stopped) {
            return Err(Error::Running(self.kind));
        }
        work(&self.launch.folder)
    }

    fn spawn(&self) -> Result<(), Error> {
        self.ended()?;
        let mut state = self.state();
        if !matches!(&*state, State::Stopped) {
            return Err(Error::Running(self.kind));
        }
        process::kill_all_in(&self.launch.folder).map_err(at("clear", &self.launch.folder))?;
        if self.kind == Kind::Postgresql {
            postgresql::forget_dead_postmaster(&self.launch.folder)?;
        }
        *state = State::Running(self.launch.spawn()?);
        Ok(())
    }

    async fn wait_until_ready(&self) -> Result<(), Error> {
        let started = Instant::now();
        let mut source = None;
        while started.elapsed() < READY_LIMIT {
            if let Some(status) = self.ended()? {
                return Err(Error::Ended { server: self.kind, status, log: self.launch.log_tail() });
            }
            match timeout(PROBE_LIMIT, self.is_ready()).await {
                Ok(Ok(true)) => return self.confirm().await,
                Ok(Err(error)) => source = Some(error),
                _ => {}
            }
            sleep(POLL_INTERVAL).await;
        }
        let waited_s = READY_LIMIT.as_secs();
        Err(Error::NotReady { server: self.kind, waited_s, log: self.launch.log_tail(), source })
    }

    async fn is_ready(&self) -> io::Result<bool> {
        match self.kind {
            Kind::Postgresql => postgresql::is_ready(self.port()).await,
            Kind::Redis => redis::is_ready(self.port()).await,
            Kind::Mongodb => mongodb::is_ready(self.port()).await,
            Kind::Nats => nats::is_ready(self.port()).await,
        }
    }

    async fn confirm(&self) -> Result<(), Error> {
        let Some(password) = &self.password else { return Ok(()) };
        postgresql::answers_query(&self.launch.program, self.port(), password).await
    }

    /// How the server ended, if it has; then it counts as stopped.
    fn ended(&self) -> Result<Option<ExitStatus>, Error> {
        let mut state = self.state();
        let State::Running(child) = &mut *state else { return Ok(None) };
        let status = child.try_wait().map_err(at("wait for", &self.launch.program.path))?;
        if status.is_some() {
            *state = State::Stopped;
        }
        Ok(status)
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        let state = self.state();
        let State::Running(child) = &*state else { return Ok(()) };
        process::signal(Pid::from_child(child), signal).map_err(|source| Error::Signal { server: self.kind, source })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("kind", &self.kind).field("port", &self.port()).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The parent-death signal ends whatever this could not.
        let _ = self.kill();
    }
}
