//! One server that can be started, stopped, killed and paused.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::{Child, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tokio::time::{sleep, timeout};

use crate::data::copy_folder;
use crate::error::{Error, at};
use crate::kind::Kind;
use crate::process::{self, Frozen};
use crate::room::Room;
use crate::setup::Setup;

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
    setup: Setup,
    state: Mutex<State>,
    // Dropped after the server was killed.
    room: Option<Room>,
}

enum State {
    Stopped,
    Running(Child),
    Paused(Child, Frozen),
}

impl Server {
    /// A server that does not run yet.
    pub(crate) fn new(setup: Setup, room: Option<Room>) -> Self {
        Self { setup, state: Mutex::new(State::Stopped), room }
    }

    /// Which of the four it is.
    pub fn kind(&self) -> Kind {
        self.setup.kind
    }

    /// The URL with all that a client needs, a password included.
    pub fn url(&self) -> String {
        self.setup.url()
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.setup.port()
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
        &self.setup.launch.folder
    }

    /// The file with what the server says.
    pub fn log_file(&self) -> &Path {
        &self.setup.launch.log
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
        self.signal(match self.setup.kind {
            // SIGTERM would wait until every client has gone by itself.
            Kind::Postgresql => Signal::INT,
            _ => Signal::TERM,
        })?;
        let asked = Instant::now();
        while self.ended()?.is_none() && self.pid().is_some() {
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
        let (mut child, frozen) = match std::mem::replace(&mut *state, State::Stopped) {
            State::Stopped => return Ok(()),
            State::Running(child) => (child, None),
            State::Paused(child, frozen) => (child, Some(frozen)),
        };
        Self::end(&mut child).map_err(at("kill", &self.setup.launch.program.path))?;
        frozen.map_or(Ok(()), process::dismiss_guard).map_err(at("kill", &self.setup.launch.program.path))
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
                        return Err(at("pause", &self.setup.launch.program.path)(source));
                    }
                };
                Ok(())
            }
            other => {
                *state = other;
                Err(Error::NotRunning(self.setup.kind))
            }
        }
    }

    /// Lets a paused server go on (SIGCONT).
    pub fn resume(&self) -> Result<(), Error> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Stopped) {
            State::Paused(child, frozen) => {
                *state = State::Running(child);
                process::thaw(frozen).map_err(at("resume", &self.setup.launch.program.path))
            }
            other => {
                *state = other;
                Err(Error::NotRunning(self.setup.kind))
            }
        }
    }

    /// Takes all the space that is left to its data; nothing happens to a server without a room of its own ([`crate::Options::room`]).
    pub fn fill_room(&self) -> Result<(), Error> {
        self.room.as_ref().map_or(Ok(()), Room::fill)
    }

    /// Gives the space back.
    pub fn clear_room(&self) -> Result<(), Error> {
        self.room.as_ref().map_or(Ok(()), Room::clear)
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
            return Err(Error::Running(self.setup.kind));
        }
        work(&self.setup.launch.folder)
    }

    /// A child that has been waited for has given its number back; `try_wait` knows.
    fn end(child: &mut Child) -> io::Result<()> {
        if child.try_wait()?.is_none() {
            process::kill_tree(Pid::from_child(child))?;
        }
        child.wait().map(|_| ())
    }

    fn spawn(&self) -> Result<(), Error> {
        self.ended()?;
        let mut state = self.state();
        if !matches!(&*state, State::Stopped) {
            return Err(Error::Running(self.setup.kind));
        }
        process::kill_all_in(&self.setup.launch.folder).map_err(at("clear", &self.setup.launch.folder))?;
        self.setup.forget_last_run()?;
        *state = State::Running(self.setup.launch.spawn(self.room.as_ref())?);
        Ok(())
    }

    async fn wait_until_ready(&self) -> Result<(), Error> {
        let started = Instant::now();
        let mut source = None;
        while started.elapsed() < READY_LIMIT {
            if let Some(status) = self.ended()? {
                return Err(Error::Ended { server: self.setup.kind, status, log: self.setup.launch.log_tail() });
            }
            if self.pid().is_none() {
                return Err(Error::NotRunning(self.setup.kind));
            }
            match timeout(PROBE_LIMIT, self.setup.is_ready()).await {
                Ok(Ok(true)) => return self.setup.confirm().await,
                Ok(Err(error)) => source = Some(error),
                _ => {}
            }
            sleep(POLL_INTERVAL).await;
        }
        let waited_s = READY_LIMIT.as_secs();
        Err(Error::NotReady { server: self.setup.kind, waited_s, log: self.setup.launch.log_tail(), source })
    }

    /// How the server ended, if it has; then it counts as stopped.
    fn ended(&self) -> Result<Option<ExitStatus>, Error> {
        let mut state = self.state();
        let State::Running(child) = &mut *state else { return Ok(None) };
        let status = process::wait_if_ending(child).map_err(at("wait for", &self.setup.launch.program.path))?;
        if status.is_some() {
            *state = State::Stopped;
        }
        Ok(status)
    }

    fn signal(&self, signal: Signal) -> Result<(), Error> {
        let state = self.state();
        let State::Running(child) = &*state else { return Ok(()) };
        process::signal(Pid::from_child(child), signal)
            .map_err(|source| Error::Signal { server: self.setup.kind, source })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Server")
            .field("kind", &self.setup.kind)
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The parent-death signal ends whatever this could not.
        let _ = self.kill();
    }
}
