//! A crate is a permission: each one's whole dependency closure, normal and build edges, holds the drivers that it may use and no other.
//! And the list of fail points, which tests strike one by one, is what stands in the sources.

use millrace_events::fail_point;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const POSTGRESQL: &[&str] = &["sea-orm", "sqlx", "sqlx-core", "sqlx-postgres", "tokio-postgres", "postgres", "diesel"];
const NATS: &[&str] = &["async-nats"];
const MONGODB: &[&str] = &["mongodb"];
const REDIS: &[&str] = &["redis"];

fn closure(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "-p", package, "-e", "normal,build", "--prefix", "none", "--locked", "--offline"])
        .args(["--format", "{p}"])
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn holds(closure: &BTreeSet<String>, drivers: &[&str]) -> bool {
    drivers.iter().any(|driver| closure.contains(*driver))
}

#[track_caller]
fn assert_permissions(package: &str, postgresql: bool, nats: bool, mongodb: bool, redis: bool) {
    let closure = closure(package);
    let found = [POSTGRESQL, NATS, MONGODB, REDIS].map(|drivers| holds(&closure, drivers));
    assert_eq!(found, [postgresql, nats, mongodb, redis], "{package}: PostgreSQL, NATS, MongoDB, Redis");
}

#[test]
fn events_touch_no_store() {
    assert_permissions("millrace-events", false, false, false, false);
}

#[test]
fn log_and_command_touch_postgresql_alone() {
    assert_permissions("millrace-log", true, false, false, false);
    assert_permissions("millrace-command", true, false, false, false);
}

#[test]
fn relay_touches_the_log_and_nats() {
    assert_permissions("millrace-relay", true, true, false, false);
}

#[test]
fn read_touches_everything_but_postgresql() {
    assert_permissions("millrace-read", false, true, true, true);
}

/// All sources of the program, without its tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let rust = files.into_iter().filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    rust.chain(folders.iter().flat_map(|folder| sources(folder))).collect()
}

/// The names that follow a call such as `reach("relay.published")`.
fn points_in(text: &str) -> impl Iterator<Item = String> + '_ {
    let calls = ["reach(", "reach_in(", "reach_with("].into_iter().flat_map(|call| text.split(call).skip(1));
    calls.filter_map(|rest| Some(rest.trim_start().strip_prefix('"')?.split_once('"')?.0.to_owned()))
}

#[test]
fn the_list_of_fail_points_is_what_stands_in_the_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let crates = fs::read_dir(root.join("crates")).expect("crates").map(|entry| entry.expect("a crate").path());
    let folders = crates.chain([root.to_owned()]).map(|member| member.join("src"));
    let files = folders.filter(|folder| folder.exists()).flat_map(|folder| sources(&folder));
    let texts = files.map(|file| fs::read_to_string(file).expect("text"));
    let found: BTreeSet<String> = texts.flat_map(|text| points_in(&text).collect::<Vec<_>>()).collect();
    let listed: BTreeSet<String> = fail_point::ALL.iter().map(|point| (*point).to_owned()).collect();
    assert_eq!(found, listed);
    assert!(fail_point::ON_NEW_HISTORY.iter().all(|point| listed.contains(*point)));
}
