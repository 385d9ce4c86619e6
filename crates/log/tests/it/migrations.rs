//! Migrations only go forward: what a database was once migrated with stays as it is.

use std::fs::{read_to_string, write};
use std::path::Path;

use sqlx::migrate::{Migration, Migrator};

const FILES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
const KNOWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/migrations.txt");

/// Version, name, and the checksum that databases keep of it, and compare before they are migrated further.
fn line(migration: &Migration) -> String {
    let checksum: String = migration.checksum.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{:04} {} {checksum}", migration.version, migration.description)
}

/// `UPDATE=1 cargo test -p millrace-log migration` writes down new ones. It changes none that is written down already: a file that was
/// edited has to be put back, and its change goes into a new one.
#[tokio::test]
async fn no_migration_that_is_known_was_changed() {
    let files = Migrator::new(Path::new(FILES)).await.unwrap();
    let lines: Vec<String> = files.iter().map(line).collect();
    let text = read_to_string(KNOWN).unwrap();
    let known: Vec<&str> = text.lines().collect();
    assert!(lines.len() >= known.len(), "a migration is gone: {known:#?}");
    for (line, known) in lines.iter().zip(&known) {
        assert_eq!(line, known, "databases have it as it was");
    }
    if std::env::var_os("UPDATE").is_some() {
        write(KNOWN, format!("{}\n", lines.join("\n"))).unwrap();
    } else {
        assert_eq!(lines.len(), known.len(), "write down the new one: UPDATE=1 cargo test -p millrace-log migration");
    }
}
