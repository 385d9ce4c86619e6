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
const PLACE_AND_PAY: &str = include_str!("../../statements/place_and_pay.sql");
/// What a command calls after COMMIT. Commands of one process share such calls; `pgbench` has nobody to share with.
const SEQUENCE: &str = "SELECT head_history, head_position, more_left FROM sequence_outbox";
/// The end of a transaction in a script.
const COMMIT: &str = "COMMIT;\n";
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

/// Statements of commands: which scripts, each how often, and how many commands each stands for.
#[derive(Debug, Clone, Copy)]
pub struct Scripts {
    scripts: &'static [(&'static str, &'static str, usize)],
    commands: usize,
}

impl Scripts {
    /// Comments and likes.
    pub const COMMUNITY: Self = Self {
        scripts: &[("add_comment", ADD_COMMENT, COMMENTS_OF_TEN), ("like_post", LIKE_POST, 10 - COMMENTS_OF_TEN)],
        commands: 1,
    };
    /// Orders, each placed and paid.
    pub const BUYING: Self = Self { scripts: &[("place_and_pay", PLACE_AND_PAY, 1)], commands: 2 };
}

/// Scripts and addresses.
pub struct Pgbench {
    program: PathBuf,
    libraries: std::ffi::OsString,
    url: String,
    password: String,
    folder: TempDir,
    scripts: Scripts,
    size: Size,
}

impl Pgbench {
    /// Over a database of the stage. None if the machine's PostgreSQL came without `pgbench`.
    pub fn new(stage: &Stage, database: &str, size: Size, scripts: Scripts) -> Result<Option<Self>, BenchError> {
        let program = stage.binaries.postgresql.path.with_file_name("pgbench");
        if !program.is_file() {
            return Ok(None);
        }
        let libraries = std::env::join_paths(&stage.binaries.postgresql.library_path).unwrap_or_default();
        let (url, password) = without_password(&stage.postgresql_url(database));
        let folder = tempfile::tempdir().map_err(BenchError::io("making a folder"))?;
        let this = Self { program, libraries, url, password, folder, scripts, size };
        for sequencing in [Sequencing::Left, Sequencing::EachTime] {
            for (name, statements, _) in scripts.scripts {
                this.write(name, statements, sequencing)?;
            }
        }
        Ok(Some(this))
    }

    /// Commands in a second, with these variables beside the data set's size.
    pub async fn run(
        &self,
        clients: usize,
        time: Duration,
        sequencing: Sequencing,
        variables: &[(&str, u32)],
    ) -> Result<f64, BenchError> {
        let mut command = Command::new(&self.program);
        command.args(["--no-vacuum", "--protocol", "prepared", "--jobs", THREADS]).args([
            "--client",
            &clients.to_string(),
            "--time",
            &time.as_secs().to_string(),
        ]);
        for (name, value) in [("users", self.size.users), ("posts", self.size.posts)].iter().chain(variables) {
            command.args(["--define", &format!("{name}={value}")]);
        }
        for (name, _, weight) in self.scripts.scripts {
            command.args(["--file", &format!("{}@{weight}", self.script(name, sequencing).display())]);
        }
        command
            .arg(&self.url)
            .env("PGPASSWORD", &self.password)
            .env("LD_LIBRARY_PATH", &self.libraries)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let output = command.output().await.map_err(BenchError::io("running pgbench"))?;
        let (said, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match transactions_per_second(&said) {
            Some(per_second) if output.status.success() => Ok(per_second * self.scripts.commands as f64),
            _ => {
                let output_text = complained.into_owned();
                Err(BenchError::Program { program: "pgbench".into(), status: output.status, output: output_text })
            }
        }
    }

    fn write(&self, name: &str, statements: &str, sequencing: Sequencing) -> Result<(), BenchError> {
        let commit = match sequencing {
            Sequencing::Left => COMMIT.to_owned(),
            Sequencing::EachTime => format!("{COMMIT}{SEQUENCE}({SEQUENCED_AT_ONCE});\n"),
        };
        let path = self.script(name, sequencing);
        std::fs::write(&path, statements.replace(COMMIT, &commit)).map_err(BenchError::io("writing a script"))
    }

    fn script(&self, name: &str, sequencing: Sequencing) -> PathBuf {
        let ending = if sequencing == Sequencing::EachTime { "_sequenced" } else { "" };
        self.folder.path().join(format!("{name}{ending}.sql"))
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
