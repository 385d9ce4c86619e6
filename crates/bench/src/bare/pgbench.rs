//! `pgbench` with the statements of our commands, over a copy of the same database.

use crate::error::BenchError;
use crate::plan::COMMENTS_OF_TEN;
use crate::stage::Stage;
use crate::world::Size;
use millrace_log::SEQUENCED_AT_ONCE;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;

const ADD_COMMENT: &str = include_str!("../../statements/add_comment.sql");
const LIKE_POST: &str = include_str!("../../statements/like_post.sql");
/// What a command calls after COMMIT. Commands of one process share such calls; `pgbench` has nobody to share with.
const SEQUENCE: &str = "SELECT head_history, head_position, more_left FROM sequence_outbox";
/// Its own threads: as many as there are cores in the smallest machine.
const THREADS: &str = "2";

/// Whether each transaction is followed by a sequencing call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sequencing {
    /// The transaction alone: less than a command does.
    Left,
    /// A call for each transaction: more than a command does when others share its call.
    EachTime,
}

/// Scripts and addresses.
pub struct Pgbench {
    program: PathBuf,
    libraries: std::ffi::OsString,
    url: String,
    password: String,
    scripts: TempDir,
    size: Size,
}

impl Pgbench {
    /// Over a database of the stage. None if the machine's PostgreSQL came without `pgbench`.
    pub fn new(stage: &Stage, database: &str, size: Size) -> Result<Option<Self>, BenchError> {
        let program = stage.binaries.postgresql.path.with_file_name("pgbench");
        if !program.is_file() {
            return Ok(None);
        }
        let libraries = std::env::join_paths(&stage.binaries.postgresql.library_path).unwrap_or_default();
        let (url, password) = without_password(&stage.postgresql_url(database));
        let scripts = tempfile::tempdir().map_err(BenchError::io("making a folder"))?;
        let this = Self { program, libraries, url, password, scripts, size };
        for sequencing in [Sequencing::Left, Sequencing::EachTime] {
            this.write("add_comment", ADD_COMMENT, sequencing)?;
            this.write("like_post", LIKE_POST, sequencing)?;
        }
        Ok(Some(this))
    }

    /// Transactions in a second.
    pub async fn run(&self, clients: usize, time: Duration, sequencing: Sequencing) -> Result<f64, BenchError> {
        let weighted = |name: &str, weight: usize| format!("{}@{weight}", self.script(name, sequencing).display());
        let mut command = Command::new(&self.program);
        command
            .args(["--no-vacuum", "--protocol", "prepared", "--jobs", THREADS])
            .args(["--client", &clients.to_string(), "--time", &time.as_secs().to_string()])
            .args([
                "--define",
                &format!("users={}", self.size.users),
                "--define",
                &format!("posts={}", self.size.posts),
            ])
            .args(["--file", &weighted("add_comment", COMMENTS_OF_TEN)])
            .args(["--file", &weighted("like_post", 10 - COMMENTS_OF_TEN), &self.url])
            .env("PGPASSWORD", &self.password)
            .env("LD_LIBRARY_PATH", &self.libraries)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.map_err(BenchError::io("running pgbench"))?;
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match transactions_per_second(&said) {
            Some(per_second) if output.status.success() => Ok(per_second),
            _ => {
                let output_text = complained.into_owned();
                Err(BenchError::Program { program: "pgbench".into(), status: output.status, output: output_text })
            }
        }
    }

    fn write(&self, name: &str, statements: &str, sequencing: Sequencing) -> Result<(), BenchError> {
        let last = match sequencing {
            Sequencing::Left => String::new(),
            Sequencing::EachTime => format!("{SEQUENCE}({SEQUENCED_AT_ONCE});\n"),
        };
        let path = self.script(name, sequencing);
        std::fs::write(&path, format!("{statements}{last}")).map_err(BenchError::io("writing a script"))
    }

    fn script(&self, name: &str, sequencing: Sequencing) -> PathBuf {
        let ending = if sequencing == Sequencing::EachTime { "_sequenced" } else { "" };
        self.scripts.path().join(format!("{name}{ending}.sql"))
    }
}

/// The address for the command line, where everybody can read it, and the password for the environment.
fn without_password(url: &str) -> (String, String) {
    let parts = || {
        let (scheme, rest) = url.split_once("://")?;
        let (user, place) = rest.split_once('@')?;
        let (name, password) = user.split_once(':')?;
        Some((format!("{scheme}://{name}@{place}"), password.to_owned()))
    };
    parts().unwrap_or_else(|| (url.to_owned(), String::new()))
}

fn transactions_per_second(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_stand_on_the_command_line() {
        let (url, password) = without_password("postgres://millrace:secret@127.0.0.1:5432/x");
        assert_eq!((url.as_str(), password.as_str()), ("postgres://millrace@127.0.0.1:5432/x", "secret"));
    }

    #[test]
    fn the_rate_is_found_in_what_pgbench_says() {
        let said = "latency average = 5.1 ms\ninitial connection time = 9 ms\ntps = 3109.25 (without initial connection time)\n";
        assert_eq!(transactions_per_second(said), Some(3_109.25));
    }
}
