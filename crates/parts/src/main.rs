//! `make sbom`: prints the list of parts. Asks cargo and reads the locks in the working folder; needs no network.

use millrace_parts::{TREE_FORMAT, crates, list, own_version, packages};
use std::error::Error;
use std::fs;
use std::process::{Command, ExitCode};

/// What the released program is made of: no tools, no tests, and the platform that it is built on.
const TREE: &[&str] = &[
    "tree",
    "--package",
    "millrace",
    "--edges",
    "normal,build",
    "--prefix",
    "none",
    "--locked",
    "--offline",
    "--format",
    TREE_FORMAT,
];
const CARGO_LOCK: &str = "Cargo.lock";
/// Of the pages that the program serves.
const NPM_LOCK: &str = "web-playground/package-lock.json";

fn main() -> ExitCode {
    match written() {
        Ok(list) => {
            println!("{list}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn written() -> Result<String, Box<dyn Error>> {
    let tree = tree()?;
    let version = own_version(&tree).ok_or("cargo tree does not show millrace")?;
    let mut parts = crates(&tree, &fs::read_to_string(CARGO_LOCK)?)?;
    parts.extend(packages(&serde_json::from_str(&fs::read_to_string(NPM_LOCK)?)?)?);
    Ok(serde_json::to_string_pretty(&list(version, parts))?)
}

fn tree() -> Result<String, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(TREE).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
