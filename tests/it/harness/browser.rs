//! Scripts that use a real server as a person would in a browser, or as a frontend does.

use super::process::Process;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long all steps together may take on a machine that is busy with other tests.
const BROWSER_WAIT: Duration = Duration::from_secs(600);
/// Names of the same browser on different systems.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// What the script says when it wants the server started anew.
const RESTART: &str = "restart";

/// An application that is built with npm.
pub struct Application {
    /// What it is called.
    pub name: &'static str,
    /// Where it is, from the project's folder.
    pub folder: &'static str,
    /// The script that uses it, from there.
    pub script: &'static str,
    /// What builds it.
    pub make: &'static str,
}

/// What a test in a browser needs beside the server.
pub struct Tools {
    browser: PathBuf,
    node: PathBuf,
    script: PathBuf,
    /// The built application.
    pub dist: PathBuf,
}

impl Tools {
    /// None, with a loud line, if something is not there; in CI everything has to be.
    pub fn find(application: &Application) -> Option<Self> {
        match Self::search(application) {
            Ok(tools) => Some(tools),
            Err(missing) => {
                assert!(std::env::var_os("CI").is_none(), "{missing}");
                eprintln!("SKIPPED: {} is not tested in a browser: {missing}", application.name);
                None
            }
        }
    }

    fn search(application: &Application) -> Result<Self, String> {
        let chosen = std::env::var_os("CHROMIUM").map(PathBuf::from);
        let browser = chosen.or_else(|| BROWSERS.iter().find_map(|name| program(name)));
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(application.folder);
        let dist = folder.join("dist");
        if !dist.join("index.html").is_file() {
            return Err(format!("{} is not built: `make {}`", application.name, application.make));
        }
        Ok(Self {
            browser: browser.ok_or_else(|| format!("none of {BROWSERS:?} is installed"))?,
            node: program("node").ok_or("node is not installed")?,
            script: folder.join(application.script),
            dist,
        })
    }

    /// Runs the script to its good end, on a server at this address that it may have started anew; then stops that.
    pub async fn run(&self, listen: &str, environment: &[(String, String)]) {
        let mut command = Command::new(&self.node);
        command.arg(&self.script).env("CHROMIUM", &self.browser);
        run_script(command, listen, environment).await;
    }
}

/// Runs a script to its good end, on a server at this address that it may have started anew; then stops that.
pub async fn run_script(mut command: Command, listen: &str, environment: &[(String, String)]) {
    let process = Process::serve("all", environment).await;
    command.args([&format!("http://{listen}/"), "--restarts"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let script = command.kill_on_drop(true).spawn().expect("node starts");
    let process = timeout(BROWSER_WAIT, attend(script, process, environment)).await.expect("the script ends in time");
    process.stop().await;
}

/// Shows what the script says, starts the server anew when it asks for that, and waits for its good end.
async fn attend(mut script: Child, mut process: Process, environment: &[(String, String)]) -> Process {
    let mut answers = script.stdin.take().expect("its input");
    let mut lines = BufReader::new(script.stdout.take().expect("its output")).lines();
    let mut restarts = 0;
    while let Some(line) = lines.next_line().await.expect("its output") {
        println!("{line}");
        if line != RESTART {
            continue;
        }
        process.stop().await;
        process = Process::serve("all", environment).await;
        restarts += 1;
        answers.write_all(b"restarted\n").await.expect("its input");
    }
    let status = script.wait().await.expect("its end");
    assert!(status.success(), "the script's steps failed: {status}");
    assert_eq!(restarts, 1, "the script asks for a restart once");
    process
}

/// Where a program is that the shell would find.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
