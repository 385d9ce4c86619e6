//! Children that end when this process does, even by kill -9.
//!
//! The kernel's parent-death signal belongs to the *thread* that forked, so every child is born on one thread that
//! lives as long as the process. `setpriv` sets the signal in the child; a shell then compares its parent with us, in
//! case that we died before the signal was set.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;

use crate::account::Account;

/// What a child gets when its parent is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndWith {
    /// SIGKILL.
    Kill,
    /// SIGTERM.
    Terminate,
}

/// Goes on only if the parent is still the process that asked for the child.
const CHECK_PARENT: &str = r#"[ "$PPID" = "$0" ] || exit 1; exec "$@""#;

type Birth = (Command, Sender<io::Result<Child>>);

/// A command that will run `program` bound to the life of this process once [`spawn_bound`] has it.
pub(crate) fn bound_command(program: &OsStr, end: EndWith, account: Option<&Account>) -> Command {
    let mut command = Command::new("setpriv");
    command.arg("--pdeathsig").arg(match end {
        EndWith::Kill => "KILL",
        EndWith::Terminate => "TERM",
    });
    if let Some(account) = account {
        command.args(account.setpriv_arguments());
    }
    command.args(["--", "sh", "-c", CHECK_PARENT]).arg(std::process::id().to_string()).arg(program);
    command
}

/// Runs a program that ends when this process does; `configure` adds arguments and the like.
pub fn spawn_bound(program: &OsStr, end: EndWith, configure: impl FnOnce(&mut Command)) -> io::Result<Child> {
    let mut command = bound_command(program, end, None);
    configure(&mut command);
    spawn(command)
}

/// Starts a command on the thread that lives as long as the process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    let (answer, child) = channel();
    let births = births()?;
    births.send((command, answer)).map_err(io::Error::other)?;
    child.recv().map_err(io::Error::other)?
}

fn births() -> io::Result<Sender<Birth>> {
    static BIRTHS: OnceLock<Mutex<Option<Sender<Birth>>>> = OnceLock::new();
    let mut slot = BIRTHS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(births) = &*slot {
        return Ok(births.clone());
    }
    let (sender, receiver) = channel::<Birth>();
    thread::Builder::new().name("server-nursery".to_owned()).spawn(move || {
        for (mut command, answer) in receiver {
            // If nobody waits for the answer any more, the child is dropped and nothing is left to do.
            let _ = answer.send(command.spawn());
        }
    })?;
    *slot = Some(sender.clone());
    Ok(sender)
}
