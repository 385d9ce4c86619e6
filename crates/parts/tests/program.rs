//! The list of this very repository.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

fn written() -> Value {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut program = Command::new(env!("CARGO_BIN_EXE_millrace-parts"));
    let output = program.current_dir(repository).env("CARGO", env!("CARGO")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_part_is_listed_once_with_its_licence_and_its_hash() {
    let list = written();
    assert_eq!((&list["bomFormat"], &list["specVersion"]), (&"CycloneDX".into(), &"1.6".into()));
    let parts = list["components"].as_array().unwrap();
    let names: BTreeSet<&str> = parts.iter().map(|part| part["bom-ref"].as_str().unwrap()).collect();
    assert_eq!(names.len(), parts.len(), "each once");
    let has = |purl: &str| names.iter().any(|name| name.starts_with(purl));
    for purl in ["pkg:cargo/tokio@", "pkg:cargo/sqlx-postgres@", "pkg:cargo/argon2@", "pkg:npm/%40graphiql/react@"] {
        assert!(has(purl), "{purl}");
    }
    for purl in ["pkg:cargo/millrace", "pkg:cargo/proptest@", "pkg:npm/vite@"] {
        assert!(!has(purl), "{purl} is ours, or for tests and building alone");
    }
    for part in parts {
        assert!(!part["licenses"][0]["expression"].as_str().unwrap().is_empty(), "{part:#}");
        let hash = &part["hashes"][0];
        let digits = if hash["alg"] == "SHA-256" { 64 } else { 128 };
        assert_eq!(hash["content"].as_str().unwrap().len(), digits, "{part:#}");
    }
    assert!(parts.len() > 300, "{} parts", parts.len());
}

#[test]
fn the_same_sources_give_the_same_list() {
    assert_eq!(written(), written());
}
