//! Scripts of `tests/http`: programs from npm, as applications use them, on a real server.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// How long a script may take on a machine that is busy with other tests.
const SCRIPT_WAIT: Duration = Duration::from_secs(300);
const FOLDER: &str = "tests/http";

/// A script, and what runs it.
pub struct Script {
    node: PathBuf,
    file: PathBuf,
}

impl Script {
    /// None, with a loud line, if Node or the packages are not there; in CI both have to be.
    pub fn find(name: &str) -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(FOLDER);
        let node = super::browser::program("node");
        let has_packages = folder.join("node_modules/.package-lock.json").is_file();
        let (Some(node), true) = (node, has_packages) else {
            let missing =
                format!("{name} needs Node and its packages: `make {FOLDER}/node_modules/.package-lock.json`");
            assert!(std::env::var_os("CI").is_none(), "{missing}");
            eprintln!("SKIPPED: {missing}");
            return None;
        };
        Some(Self { node, file: folder.join(name) })
    }

    /// Runs it to its end. Answers what it said, and whether that was a good end.
    pub async fn run(&self, arguments: &[&str]) -> (String, bool) {
        let mut command = Command::new(&self.node);
        command.arg(&self.file).args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let output = timeout(SCRIPT_WAIT, command.output()).await.expect("the script ends in time").expect("node runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{said}");
        (said, output.status.success())
    }
}
