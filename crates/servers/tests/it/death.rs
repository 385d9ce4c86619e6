//! Kill -9 of whoever started servers leaves nothing running, and does not stop the next start.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use millrace_servers::{Options, Servers};

use crate::common::{binaries, family, fresh_set, runs, wait_until};

/// Servers have at least this many processes: one each, and PostgreSQL's own.
const PROCESSES_MIN: usize = 8;

/// The other test kills long before; this is for whoever runs ignored tests.
const KILLED_WITHIN: Duration = Duration::from_secs(60);

fn run_over(folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_millrace-servers"))
        .arg("run")
        .arg("--data")
        .arg(folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line
}

fn kill_and_see_all_end(mut parent: Child) {
    let processes = family(parent.id());
    assert!(processes.len() > PROCESSES_MIN, "only {processes:?}");
    parent.kill().unwrap();
    parent.wait().unwrap();
    wait_until("all processes are gone", || !processes.iter().any(|id| runs(*id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_parent_leaves_nothing_and_the_next_start_works() {
    let folder = tempfile::tempdir().unwrap();
    let mut urls = Vec::new();
    for _ in 0..2 {
        let mut parent = run_over(folder.path());
        urls.push(first_line(&mut parent));
        kill_and_see_all_end(parent);
    }
    assert!(urls[0].contains("postgres://"));
    assert_eq!(urls[0], urls[1]);
    Servers::start(&binaries().await, folder.path(), Options::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_exec_takes_its_command_along() {
    let mut parent = Command::new(env!("CARGO_BIN_EXE_millrace-servers"))
        .args(["exec", "--", "sh", "-c", "echo started; exec sleep 600"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert_eq!(first_line(&mut parent), "started\n");
    kill_and_see_all_end(parent);
}

#[test]
fn exec_hands_the_servers_to_the_command_and_its_code_back() {
    let output = Command::new(env!("CARGO_BIN_EXE_millrace-servers"))
        .args(["exec", "--", "sh", "-c", "echo \"$MILLRACE_TEST_SERVERS\" \"$MILLRACE_TEST_BINARIES\"; exit 7"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("mongodb://127.0.0.1:") && text.contains("nats-server"), "{text}");
}

#[test]
fn a_terminated_run_stops_its_servers() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = run_over(folder.path());
    first_line(&mut parent);
    let processes = family(parent.id());
    Command::new("kill").args(["-TERM", &parent.id().to_string()]).status().unwrap();
    assert!(parent.wait().unwrap().success());
    assert!(!processes.iter().any(|id| runs(*id)));
    // An orderly end removes this file, a kill does not.
    assert!(!folder.path().join("postgresql/postmaster.pid").exists());
}

/// Not a test: the process that [`a_parent_killed_while_postgresql_is_paused_leaves_nothing`] kills.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "is started by another test"]
async fn parent_that_pauses_postgresql() {
    let servers = fresh_set().await;
    servers.postgresql().pause().unwrap();
    println!("\npaused");
    tokio::time::sleep(KILLED_WITHIN).await;
}

#[test]
fn a_parent_killed_while_postgresql_is_paused_leaves_nothing() {
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "death::parent_that_pauses_postgresql"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "paused"));
    kill_and_see_all_end(parent);
}
