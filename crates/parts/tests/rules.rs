//! What `deny.toml` asks of our dependencies holds also where cargo-deny is not installed: licences, sources, and crates that may not be
//! there. Advisories are its own to know.

#![allow(clippy::unwrap_used, reason = "a test may fail by panic")]

use millrace_parts::{TREE_FORMAT, crates, packages};
use std::collections::BTreeSet;
use std::fs;
use std::iter::Peekable;
use std::path::{Path, PathBuf};
use std::process::Command;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Beside those of `deny.toml`, on pages alone: Python's, which asks to be named.
const ON_PAGES: &str = "PSF-2.0";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap()
}

/// What stands between quotes in `key = [ … ]`.
fn quoted_in(text: &str, key: &str) -> BTreeSet<String> {
    let (_, rest) = text.split_once(&format!("\n{key} = [")).unwrap();
    let (list, _) = rest.split_once("\n]").unwrap();
    let lines = list.lines().filter(|line| !line.trim_start().starts_with('#'));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

/// Everything that may be linked, on whichever platform and with whichever feature.
fn tree() -> String {
    let arguments =
        ["tree", "--workspace", "--edges", "normal,build", "--prefix", "none", "--all-features", "--locked"];
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .args(["--offline", "--format", TREE_FORMAT])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_part_has_a_licence_that_is_allowed() {
    let mut allowed = quoted_in(&read("deny.toml"), "allow");
    for part in crates(&tree(), &read("Cargo.lock")).unwrap() {
        assert!(is_allowed(&part.licence, &allowed), "{} {}: {}", part.name, part.version, part.licence);
    }
    allowed.insert(ON_PAGES.to_owned());
    for part in packages(&serde_json::from_str(&read("web-playground/package-lock.json")).unwrap()).unwrap() {
        assert!(is_allowed(&part.licence, &allowed), "{} {}: {}", part.name, part.version, part.licence);
    }
}

#[test]
fn every_crate_is_from_crates_io_and_none_is_banned() {
    let banned = quoted_in(&read("deny.toml"), "deny");
    assert!(banned.contains("openssl"), "{banned:?}");
    let lock = read("Cargo.lock");
    for line in lock.lines() {
        if let Some(source) = line.strip_prefix("source = ") {
            assert_eq!(source.trim_matches('"'), CRATES_IO);
        }
        if let Some(name) = line.strip_prefix("name = ") {
            assert!(!banned.contains(name.trim_matches('"')), "{name}");
        }
    }
}

#[test]
fn a_licence_is_allowed_if_all_that_it_asks_for_is() {
    let allowed = BTreeSet::from(["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned));
    for good in
        ["MIT", "GPL-3.0 OR MIT", "MIT AND ISC", "(GPL-3.0 OR ISC) AND MIT", "Apache-2.0 WITH LLVM-exception OR X"]
    {
        assert!(is_allowed(good, &allowed), "{good}");
    }
    for bad in ["GPL-3.0", "MIT AND GPL-3.0", "Apache-2.0", "MIT AND (GPL-3.0 OR X)", "", "MIT MIT", "(MIT"] {
        assert!(!is_allowed(bad, &allowed), "{bad}");
    }
}

/// An expression of SPDX: `OR`, `AND`, `WITH` and brackets.
fn is_allowed(licence: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = licence.replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    any(&mut words, allowed) == Some(true) && words.peek().is_none()
}

fn any<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut is_good = all(words, allowed)?;
    while words.next_if_eq(&"OR").is_some() {
        is_good |= all(words, allowed)?;
    }
    Some(is_good)
}

fn all<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<String>) -> Option<bool> {
    let mut is_good = one(words, allowed)?;
    while words.next_if_eq(&"AND").is_some() {
        is_good &= one(words, allowed)?;
    }
    Some(is_good)
}

fn one<'a>(words: &mut Peekable<impl Iterator<Item = &'a str>>, allowed: &BTreeSet<String>) -> Option<bool> {
    let word = words.next()?;
    if word == "(" {
        let inner = any(words, allowed)?;
        return (words.next()? == ")").then_some(inner);
    }
    let licence = match words.next_if_eq(&"WITH") {
        Some(with) => format!("{word} {with} {}", words.next()?),
        None => word.to_owned(),
    };
    Some(allowed.contains(&licence))
}
