//! One part.

use serde_json::{Value, json};

/// Where a part comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ecosystem {
    /// crates.io.
    Cargo,
    /// npm.
    Npm,
}

/// Something that somebody else wrote, and that is in the program or on its pages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Where it comes from.
    pub ecosystem: Ecosystem,
    /// Its name there.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence, as SPDX writes it.
    pub licence: String,
    /// The algorithm's name and the hash of what was fetched, in hexadecimal.
    pub hash: (&'static str, String),
}

impl Part {
    pub(crate) fn component(&self) -> Value {
        let purl = self.purl();
        let (algorithm, hash) = &self.hash;
        json!({
            "type": "library",
            "bom-ref": purl,
            "name": self.name,
            "version": self.version,
            "purl": purl,
            "licenses": [{ "expression": self.licence }],
            "hashes": [{ "alg": algorithm, "content": hash }],
        })
    }

    /// Its name among all ecosystems.
    fn purl(&self) -> String {
        match self.ecosystem {
            Ecosystem::Cargo => format!("pkg:cargo/{}@{}", self.name, self.version),
            Ecosystem::Npm => format!("pkg:npm/{}@{}", self.name.replace('@', "%40"), self.version),
        }
    }
}
