//! A real millrace process: started, killed as by a crash, paused, and ended by the test that owns it.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const START_WAIT: Duration = Duration::from_secs(60);
const STOP_WAIT: Duration = Duration::from_secs(30);

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
        Self::try_serve(role, environment).await.unwrap_or_else(|| panic!("role {role} did not start"))
    }

    /// The same; none if the process ended before it served (a fail point struck at start).
    pub async fn try_serve(role: &str, environment: &[(String, String)]) -> Option<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_millrace"))
            .args(["serve", "--role", role])
            .envs(environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program starts");
        let said = keep_lines(child.stderr.take().expect("its log"));
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut addresses = BTreeMap::new();
        let serving = async {
            while let Some(line) = lines.next_line().await.expect("its output") {
                match line.split_once(' ') {
                    Some(("listening", rest)) => {
                        let (what, address) = rest.split_once(' ').expect("what and where");
                        addresses.insert(what.to_owned(), address.to_owned());
                    }
                    _ if line == "ready" => return true,
                    _ => {}
                }
            }
            false
        };
        let ready = timeout(START_WAIT, serving).await.expect("the process starts in time");
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        ready.then_some(Self { child, addresses, said })
    }

    /// Where GraphQL is served.
    pub fn graphql(&self) -> String {
        format!("{}/graphql", self.addresses["graphql"])
    }

    /// The operators' port.
    pub fn operations(&self) -> &str {
        &self.addresses["operations"]
    }

    /// True if a line of its log holds all of these.
    pub fn has_said(&self, words: &[&str]) -> bool {
        let said = self.said.lock().expect("lines");
        said.iter().any(|line| words.iter().all(|word| line.contains(word)))
    }

    /// Ends it as a crash would.
    pub async fn kill(mut self) {
        self.child.start_kill().expect("a signal");
        self.child.wait().await.expect("its end");
    }

    /// Ends it in order (SIGTERM), and waits until it is gone.
    pub async fn stop(mut self) {
        self.signal("-TERM").await;
        timeout(STOP_WAIT, self.child.wait()).await.expect("it stops in time").expect("its end");
    }

    /// Waits until it ends by itself, as at a fail point.
    pub async fn wait_for_end(&mut self, at_most: Duration) -> bool {
        timeout(at_most, self.child.wait()).await.is_ok()
    }

    async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = Command::new("kill").args([signal, &id]).status().await.expect("kill runs");
        assert!(status.success(), "signal {signal}");
    }
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
