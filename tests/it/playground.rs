//! GraphiQL in a real browser on a real server: `web-playground/test/playground.mjs` does there what a person would.

use crate::harness::cluster::free_address;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long all steps together may take on a machine that is busy with other tests.
const BROWSER_WAIT: Duration = Duration::from_secs(240);
/// Names of the same browser on different systems.
const BROWSERS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
/// What the script says when it wants the server started anew.
const RESTART: &str = "restart";

#[tokio::test]
async fn graphiql_works_in_a_browser() {
    let Some(tools) = Tools::find() else { return };
    let stage = Stage::new().await;
    stage.run(&["seed"]).await;
    // The same address before and after the restart.
    let listen = free_address();
    let folder = tools.playground.display().to_string();
    let more = [("MILLRACE_HTTP__LISTEN", listen.as_str()), ("MILLRACE_HTTP__PLAYGROUND_FOLDER", folder.as_str())];
    let environment = stage.environment_with(&more);
    let process = Process::serve("all", &environment).await;
    let browser = tools.open(&format!("http://{listen}/"));
    let process =
        timeout(BROWSER_WAIT, attend(browser, process, &environment)).await.expect("the browser ends in time");
    process.stop().await;
}

/// Shows what the script says, starts the server anew when it asks for that, and waits for its good end.
async fn attend(mut browser: Child, mut process: Process, environment: &[(String, String)]) -> Process {
    let mut answers = browser.stdin.take().expect("its input");
    let mut lines = BufReader::new(browser.stdout.take().expect("its output")).lines();
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
    let status = browser.wait().await.expect("its end");
    assert!(status.success(), "the browser's steps failed: {status}");
    assert_eq!(restarts, 1, "the script asks for a restart once");
    process
}

/// What a test in a browser needs beside the server.
struct Tools {
    browser: PathBuf,
    node: PathBuf,
    playground: PathBuf,
}

impl Tools {
    /// None, with a loud line, if something is not there; in CI everything has to be.
    fn find() -> Option<Self> {
        match Self::search() {
            Ok(tools) => Some(tools),
            Err(missing) => {
                assert!(std::env::var_os("CI").is_none(), "{missing}");
                eprintln!("SKIPPED: GraphiQL is not tested in a browser: {missing}");
                None
            }
        }
    }

    fn search() -> Result<Self, String> {
        let chosen = std::env::var_os("CHROMIUM").map(PathBuf::from);
        let browser = chosen.or_else(|| BROWSERS.iter().find_map(|name| program(name)));
        let playground = folder().join("dist");
        Ok(Self {
            browser: browser.ok_or_else(|| format!("none of {BROWSERS:?} is installed"))?,
            node: program("node").ok_or("node is not installed")?,
            playground: if playground.join("index.html").is_file() {
                playground
            } else {
                return Err("GraphiQL is not built: `make playground`".into());
            },
        })
    }

    fn open(&self, url: &str) -> Child {
        let mut command = Command::new(&self.node);
        command.arg(folder().join("test/playground.mjs")).args([url, "--restarts"]).env("CHROMIUM", &self.browser);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().expect("node starts")
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("web-playground")
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
