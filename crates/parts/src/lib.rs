//! The list of parts (SBOM) of what is released, as [CycloneDX 1.6](https://cyclonedx.org/docs/1.6/json/) has it: pure, out of what cargo
//! and npm say. It has no time and no serial number, so that the same sources give the same list.

mod cargo;
mod npm;
mod part;

pub use cargo::{TREE_FORMAT, crates, own_version};
pub use npm::packages;
pub use part::{Ecosystem, Part};

use serde_json::{Value, json};

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    /// A line of `cargo tree` that cannot be read.
    #[error("cargo tree says {0:?}")]
    Tree(String),
    /// A crate whose licence or checksum is not known.
    #[error("{name} {version} has no {what}")]
    Unknown {
        /// Which crate.
        name: String,
        /// Its version.
        version: String,
        /// What is missing.
        what: &'static str,
    },
    /// The lock of npm cannot be read.
    #[error("package-lock.json has no {0}")]
    Npm(&'static str),
}

/// The list of these parts of millrace in this version.
pub fn list(version: &str, mut parts: Vec<Part>) -> Value {
    parts.sort();
    parts.dedup();
    let components: Vec<Value> = parts.iter().map(Part::component).collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": {
            "type": "application",
            "bom-ref": format!("pkg:cargo/millrace@{version}"),
            "name": "millrace",
            "version": version,
            "purl": format!("pkg:cargo/millrace@{version}"),
            "licenses": [{ "expression": "MIT OR Apache-2.0" }],
        } },
        "components": components,
    })
}
