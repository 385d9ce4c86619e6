//! From a server's settings to a running process.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::account::Account;
use crate::error::{Error, at};
use crate::nursery::{self, EndWith, bound_command};
use crate::provide::Program;
use crate::room::Room;

/// Above this a log is moved aside before the next start; one older log is kept.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Lines of a log that an error shows.
const LOG_TAIL_LINES: usize = 12;
/// Bytes at a log's end in which these are looked for.
const LOG_TAIL_BYTES: usize = 16 * 1024;

/// Everything that starting a server needs.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: Program,
    pub(crate) arguments: Vec<OsString>,
    /// The server works in its own folder, which is how a left-over process is known.
    pub(crate) folder: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) account: Option<Account>,
}

impl Launch {
    /// Starts the server, where its room is if it has one, in a process group of its own so that Ctrl-C in a terminal reaches only us.
    pub(crate) fn spawn(&self, room: Option<&Room>) -> Result<Child, Error> {
        rotate(&self.log)?;
        let log = OpenOptions::new().create(true).append(true).open(&self.log).map_err(at("open", &self.log))?;
        let errors = log.try_clone().map_err(at("open", &self.log))?;
        let mut command = bound_command(self.program.path.as_os_str(), EndWith::Kill, self.account.as_ref());
        command.args(&self.arguments);
        if let Some(room) = room {
            command = room.inside(&command);
        }
        command.current_dir(&self.folder).process_group(0);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        clean_environment(&mut command, &self.program.library_path, &self.folder);
        nursery::spawn(command).map_err(|source| Error::Spawn { program: "setpriv".to_owned(), source })
    }

    /// The last lines of the server's log.
    pub(crate) fn log_tail(&self) -> String {
        tail(&fs::read(&self.log).unwrap_or_default())
    }
}

/// The same environment on every machine, and none of our secrets in it.
pub(crate) fn clean_environment(command: &mut Command, library_path: &[PathBuf], home: &Path) {
    command.env_clear().env("LC_ALL", "C").env("HOME", home);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
    if let Some(joined) = joined_paths(library_path) {
        command.env("LD_LIBRARY_PATH", joined);
    }
}

fn joined_paths(paths: &[PathBuf]) -> Option<OsString> {
    // A path with a colon can't be named to the loader at all.
    std::env::join_paths(paths).ok().filter(|joined| !joined.is_empty())
}

/// The last lines of what a program said.
pub(crate) fn tail(output: &[u8]) -> String {
    let end = &output[output.len().saturating_sub(LOG_TAIL_BYTES)..];
    let text = String::from_utf8_lossy(end);
    let lines: Vec<&str> = text.trim_end().lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

fn rotate(log: &Path) -> Result<(), Error> {
    let is_long = fs::metadata(log).is_ok_and(|data| data.len() > LOG_BYTES_MAX);
    if !is_long {
        return Ok(());
    }
    fs::rename(log, log.with_extension("log.1")).map_err(at("rename", log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_keeps_the_last_lines() {
        let lines: Vec<String> = (1..=40).map(|number| format!("line {number}")).collect();
        let shown = tail(lines.join("\n").as_bytes());
        assert!(shown.starts_with("line 29\n"));
        assert!(shown.ends_with("line 40"));
    }
}
