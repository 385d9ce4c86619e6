//! Our programs as processes of their own: started until they say that they are ready, stopped in order.

use crate::cpu;
use crate::error::BenchError;
use crate::plan::PATIENCE;
use millrace_servers::{EndWith, spawn_bound};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::timeout;

const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A running process. Killed when dropped.
pub struct Process {
    name: String,
    child: Child,
    addresses: BTreeMap<String, String>,
}

/// Where it listens, by what is served there.
type Addresses = BTreeMap<String, String>;

impl Process {
    /// Starts a program, and waits until it has printed its `listening WHAT ADDRESS` lines and `ready`.
    pub async fn start(name: &str, program: &OsStr, configure: impl FnOnce(&mut Command)) -> Result<Self, BenchError> {
        let child = spawn_bound(program, EndWith::Kill, |command| {
            configure(command);
            command.stdin(Stdio::null()).stdout(Stdio::piped());
        });
        let mut child = child.map_err(BenchError::io(format!("starting {name}")))?;
        let output = child.stdout.take().ok_or(BenchError::Missing("a process' output"))?;
        let (tell, told) = oneshot::channel();
        std::thread::spawn(move || listen(output, tell));
        let mut process = Self { name: name.to_owned(), child, addresses: Addresses::new() };
        let ready = timeout(PATIENCE, told).await.map_err(|_| BenchError::TooSlow(format!("starting {name}")))?;
        process.addresses = ready.map_err(|_| BenchError::NotStarted(name.to_owned()))?;
        Ok(process)
    }

    /// `http://host:port` of what is served there.
    pub fn address(&self, what: &'static str) -> Result<&str, BenchError> {
        self.addresses.get(what).map(String::as_str).ok_or(BenchError::Missing(what))
    }

    /// Processor time used so far.
    pub fn cpu(&self) -> Result<Duration, BenchError> {
        cpu::used(self.child.id())
    }

    /// Asks it to end, and waits until it has.
    pub async fn stop(mut self) -> Result<(), BenchError> {
        let what = format!("stopping {}", self.name);
        kill_process(Pid::from_child(&self.child), Signal::TERM).map_err(|e| BenchError::io(what.clone())(e.into()))?;
        let asked = Instant::now();
        while self.child.try_wait().map_err(BenchError::io(what.clone()))?.is_none() {
            if asked.elapsed() > PATIENCE {
                return Err(BenchError::TooSlow(what));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to kill and its end was collected.
        if self.child.kill().is_ok() {
            let _ = self.child.wait();
        }
    }
}

/// Reads to the end, so that the process never waits for a reader.
fn listen(output: ChildStdout, tell: oneshot::Sender<Addresses>) {
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let mut addresses = Addresses::new();
    for line in lines.by_ref() {
        if line == "ready" {
            // Nobody waits any more if it took too long.
            let _ = tell.send(addresses);
            break;
        }
        if let Some((what, address)) = line.strip_prefix("listening ").and_then(|rest| rest.split_once(' ')) {
            addresses.insert(what.to_owned(), address.to_owned());
        }
    }
    lines.for_each(drop);
}
