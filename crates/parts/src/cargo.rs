//! Crates, out of `cargo tree` and `Cargo.lock`.

use crate::PartsError;
use crate::part::{Ecosystem, Part};
use std::collections::HashMap;

/// The `--format` of `cargo tree` that is read here.
pub const TREE_FORMAT: &str = "{p}|{l}";
/// How the path of a crate of ours begins.
const OUR_OWN: &str = " (/";
const OUR_NAME: &str = "millrace";

/// All crates that a tree shows, but for our own. Each has a licence and a checksum, or there is no list.
pub fn crates(tree: &str, lock: &str) -> Result<Vec<Part>, PartsError> {
    let checksums = checksums(lock);
    let others = tree.lines().filter(|line| !line.is_empty() && !line.contains(OUR_OWN));
    others.map(|line| read(line, &checksums)).collect()
}

/// The version of millrace itself in the tree.
pub fn own_version(tree: &str) -> Option<&str> {
    let own = tree.lines().find(|line| line.starts_with("millrace v"))?;
    own.strip_prefix(OUR_NAME)?.split_whitespace().next()?.strip_prefix('v')
}

/// `name v1.2.3 (proc-macro)|MIT/Apache-2.0 (*)`; the asterisk stands behind what was shown before.
fn read(line: &str, checksums: &HashMap<(&str, &str), &str>) -> Result<Part, PartsError> {
    let malformed = || PartsError::Tree(line.to_owned());
    let (package, licence) = line.split_once('|').ok_or_else(malformed)?;
    let mut words = package.split_whitespace();
    let name = words.next().ok_or_else(malformed)?;
    let version = words.next().and_then(|word| word.strip_prefix('v')).ok_or_else(malformed)?;
    let unknown = |what| PartsError::Unknown { name: name.to_owned(), version: version.to_owned(), what };
    let licence = licence.trim_end_matches("(*)").trim();
    if licence.is_empty() {
        return Err(unknown("licence"));
    }
    let checksum = checksums.get(&(name, version)).ok_or_else(|| unknown("checksum"))?;
    Ok(Part {
        ecosystem: Ecosystem::Cargo,
        name: name.to_owned(),
        version: version.to_owned(),
        licence: spdx(licence),
        hash: ("SHA-256", (*checksum).to_owned()),
    })
}

/// Older crates write a slash where SPDX has `OR`.
fn spdx(licence: &str) -> String {
    licence.split('/').map(str::trim).collect::<Vec<_>>().join(" OR ")
}

/// By name and version.
fn checksums(lock: &str) -> HashMap<(&str, &str), &str> {
    let packages = lock.split("[[package]]").skip(1);
    let of_one = |package| Some(((value(package, "name")?, value(package, "version")?), value(package, "checksum")?));
    packages.filter_map(of_one).collect()
}

fn value<'a>(package: &'a str, key: &str) -> Option<&'a str> {
    let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
    Some(line.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK: &str = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n\n\
        [[package]]\nname = \"a\"\nversion = \"2.0.0\"\nchecksum = \"cd\"\n\n[[package]]\nname = \"millrace\"\nversion = \"0.1.0\"\n";

    #[test]
    fn a_crate_has_its_own_versions_checksum() {
        let tree = "millrace v0.1.0 (/work)|MIT\na v2.0.0 (proc-macro)|MIT/Apache-2.0\na v1.0.0|MIT OR Zlib (*)\n";
        let crates = crates(tree, LOCK).unwrap();
        let told: Vec<_> = crates.iter().map(|part| (&*part.version, &*part.licence, &*part.hash.1)).collect();
        assert_eq!(told, [("2.0.0", "MIT OR Apache-2.0", "cd"), ("1.0.0", "MIT OR Zlib", "ab")]);
        assert_eq!(own_version(tree), Some("0.1.0"));
    }

    #[test]
    fn what_is_not_known_is_not_left_out() {
        for (tree, what) in [("a v1.0.0|", "licence"), ("a v3.0.0|MIT", "checksum")] {
            let refused = crates(tree, LOCK).unwrap_err().to_string();
            assert!(refused.contains(what), "{refused}");
        }
        assert!(crates("nonsense", LOCK).is_err());
    }
}
