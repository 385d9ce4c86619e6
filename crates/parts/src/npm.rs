//! Packages of the pages that the program serves, out of `package-lock.json`.

use crate::PartsError;
use crate::part::{Ecosystem, Part};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fmt::Write;

const FOLDER: &str = "node_modules/";
const INTEGRITY: &str = "sha512-";

/// All packages that are not for development alone.
pub fn packages(lock: &Value) -> Result<Vec<Part>, PartsError> {
    let packages = lock["packages"].as_object().ok_or(PartsError::Npm("packages"))?;
    // The package that is locked has the empty name.
    let of_others = packages.iter().filter(|(path, _)| !path.is_empty());
    let kept = of_others.filter(|(_, package)| package["dev"] != true && package["optional"] != true);
    kept.map(|(path, package)| read(path, package)).collect()
}

fn read(path: &str, package: &Value) -> Result<Part, PartsError> {
    let text = |key: &'static str| package[key].as_str().ok_or(PartsError::Npm(key));
    let name = path.rsplit(FOLDER).next().unwrap_or(path);
    let integrity = text("integrity")?.strip_prefix(INTEGRITY).ok_or(PartsError::Npm(INTEGRITY))?;
    let hash = STANDARD.decode(integrity).map_err(|_| PartsError::Npm(INTEGRITY))?;
    Ok(Part {
        ecosystem: Ecosystem::Npm,
        name: name.to_owned(),
        version: text("version")?.to_owned(),
        licence: text("license")?.to_owned(),
        hash: ("SHA-512", hexadecimal(&hash)),
    })
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String has no way to fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_reaches_the_pages_is_listed() {
        let package = |more: Value| {
            let mut package = json!({ "version": "1.0.0", "license": "MIT", "integrity": "sha512-AQID" });
            package.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            package
        };
        let lock = json!({ "packages": {
            "": { "name": "page" },
            "node_modules/@scope/a": package(json!({})),
            "node_modules/b/node_modules/c": package(json!({ "version": "2.0.0" })),
            "node_modules/builder": package(json!({ "dev": true })),
        } });
        let names: Vec<_> = packages(&lock).unwrap().into_iter().map(|part| (part.name, part.hash.1)).collect();
        assert_eq!(names, [("@scope/a".to_owned(), "010203".to_owned()), ("c".to_owned(), "010203".to_owned())]);
    }

    #[test]
    fn a_package_without_a_licence_is_not_left_out() {
        let lock = json!({ "packages": { "node_modules/a": { "version": "1.0.0", "integrity": "sha512-AQID" } } });
        assert!(packages(&lock).is_err());
    }
}
