//! A real millrace process: started, killed as by a crash, paused, and ended by the test that owns it.

use super::eventually;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

const START_WAIT: Duration = Duration::from_secs(120);
const STOP_WAIT: Duration = Duration::from_secs(60);
const SIGABRT: i32 = 6;

/// A running process of one role.
pub struct Process {
    child: Child,
    /// Addresses by what is served there: `graphql`, `operations`, `commands`.
    pub addresses: BTreeMap<String, String>,
    /// The lines of its log.
    said: Arc<Mutex<Vec<String>>>,
}

impl Process {
    /// Starts `millrace serve --role …` and waits until it says that it serves.
    pub async fn serve(role: &str, environment: &[(String, String)]) -> Self {
        Self::try_serve(role, environment).await.unwrap_or_else(|status| panic!("role {role} did not start: {status}"))
    }

    /// The same; its exit status if it ended before it served (a fail point struck at start).
    pub async fn try_serve(role: &str, environment: &[(String, String)]) -> Result<Self, ExitStatus> {
        let mut child = spawn(role, environment);
        let log = keep_lines(child.stderr.take().expect("its log"));
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let said = timeout(START_WAIT, addresses_until_ready(&mut lines)).await.expect("the process starts in time");
        let Some(addresses) = said else { return Err(child.wait().await.expect("its end")) };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, addresses, said: log })
    }

    /// Starts one and kills it this long after, ready or not.
    pub async fn serve_and_kill(role: &str, environment: &[(String, String)], after: Duration) {
        let mut child = spawn(role, environment);
        let _log = keep_lines(child.stderr.take().expect("its log"));
        tokio::time::sleep(after).await;
        child.kill().await.expect("its end");
    }

    /// Where GraphQL is served.
    pub fn graphql(&self) -> String {
        format!("{}/graphql", self.addresses["graphql"])
    }

    /// Where the public port is, as a host and a port.
    pub fn public_address(&self) -> &str {
        self.addresses["graphql"].trim_start_matches("http://")
    }

    /// The operators' port.
    pub fn operations(&self) -> &str {
        &self.addresses["operations"]
    }

    /// Memory that it takes now, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().expect("it runs")));
        let status = status.expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
    }

    /// Files and sockets that it has open now.
    pub fn open_files(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.child.id().expect("it runs")));
        files.expect("its files").count()
    }

    /// True if a line of its log holds all of these.
    pub fn has_said(&self, words: &[&str]) -> bool {
        let said = self.said.lock().expect("lines");
        said.iter().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// Waits until a line of its log holds all of these: what it says comes after what it does.
    pub async fn says(&self, words: &[&str]) {
        eventually(&format!("it says {words:?}"), async || self.has_said(words).then_some(())).await;
    }

    /// The lines of its log.
    pub fn log(&self) -> Vec<String> {
        self.said.lock().expect("lines").clone()
    }

    /// Ends it as a crash would. It must have lived until then.
    pub async fn kill(mut self) {
        let ended = self.child.try_wait().expect("its state");
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
        self.child.kill().await.expect("its end");
    }

    /// Ends it in order (SIGTERM), and waits until it is gone.
    pub async fn stop(mut self) {
        self.signal("-TERM").await;
        timeout(STOP_WAIT, self.child.wait()).await.expect("it stops in time").expect("its end");
    }

    /// Stops its clock (SIGSTOP), as a long pause of its machine would: sockets and transactions stay open.
    pub async fn pause(&self) {
        self.signal("-STOP").await;
    }

    /// Lets it go on where it was paused.
    pub async fn wake(&self) {
        self.signal("-CONT").await;
    }

    /// Waits until it ends by itself, as at a fail point; none if it does not.
    pub async fn wait_for_end(&mut self, at_most: Duration) -> Option<ExitStatus> {
        timeout(at_most, self.child.wait()).await.ok().map(|ended| ended.expect("its end"))
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args([signal, &id]).status().await.expect("kill runs");
        assert!(status.success(), "signal {signal}");
    }
}

/// True if a fail point ended it.
pub fn was_struck(status: ExitStatus) -> bool {
    status.signal() == Some(SIGABRT)
}

fn spawn(role: &str, environment: &[(String, String)]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_millrace"))
        .args(["serve", "--role", role])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the program starts")
}

/// What it says of its addresses; none if it ends before it is ready.
async fn addresses_until_ready(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<BTreeMap<String, String>> {
    let mut addresses = BTreeMap::new();
    while let Some(line) = lines.next_line().await.expect("its output") {
        match line.split_once(' ') {
            Some(("listening", rest)) => {
                let (what, address) = rest.split_once(' ').expect("what and where");
                addresses.insert(what.to_owned(), address.to_owned());
            }
            _ if line == "ready" => return Some(addresses),
            _ => {}
        }
    }
    None
}

/// Shows the log as it comes, and keeps it.
fn keep_lines(log: impl AsyncRead + Unpin + Send + 'static) -> Arc<Mutex<Vec<String>>> {
    let kept = Arc::new(Mutex::new(Vec::new()));
    let said = Arc::clone(&kept);
    tokio::spawn(async move {
        let mut lines = BufReader::new(log).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            eprintln!("{line}");
            said.lock().expect("lines").push(line);
        }
    });
    kept
}
