//! A crate is a permission: each one's whole dependency closure, normal and build edges, holds the drivers that it may use and no other.

use std::collections::BTreeSet;
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
