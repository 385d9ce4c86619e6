//! Documents that clients were built with: read once, at start, out of what the clients' own tools write.
//!
//! A file is a manifest: Apollo's (`apollo-persisted-query-manifest`), or an object of texts by id, as Relay's compiler and others write
//! it. A folder holds any number of manifests (`.json`) and documents (`.graphql`, known by their file's name). Every document is also
//! known by the SHA-256 of its text, bare and as `sha256:…`, and by its text itself.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What stands before a hash in the identifiers of GraphQL over HTTP.
pub const SHA256_PREFIX: &str = "sha256:";
const APOLLO_FORMAT: &str = "apollo-persisted-query-manifest";
const APOLLO_VERSION: u32 = 1;

/// Why documents cannot be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustedError {
    /// Nothing says where they are.
    #[error("http.trusted_documents is set, but http.trusted_documents_path names no file and no folder")]
    NoPath,
    /// A file or folder is not there, or cannot be read.
    #[error("{} cannot be read", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// A file is no manifest of a kind that is known.
    #[error("{} is no manifest: neither Apollo's (version {APOLLO_VERSION}), nor an object of texts by id", .0.display())]
    NoManifest(PathBuf, #[source] serde_json::Error),
    /// Two documents have the same id.
    #[error("{}: the id {id} stands for two different documents", .file.display())]
    Ambiguous {
        /// Where the second one is.
        file: PathBuf,
        /// The id.
        id: String,
    },
    /// There is no document at all.
    #[error("{} holds no document", .0.display())]
    Empty(PathBuf),
}

/// Trusted documents, by everything that they are known by.
#[derive(Debug, Default)]
pub struct Trusted {
    by_id: HashMap<String, Arc<str>>,
    by_hash: HashMap<String, Arc<str>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Manifest {
    Apollo(ApolloManifest),
    Texts(BTreeMap<String, String>),
}

#[derive(Deserialize)]
struct ApolloManifest {
    format: String,
    version: u32,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    body: String,
}

impl Trusted {
    /// The documents of a file or a folder.
    pub fn load(path: &Path) -> Result<Self, TrustedError> {
        if path.as_os_str().is_empty() {
            return Err(TrustedError::NoPath);
        }
        let mut trusted = Self::default();
        if path.is_dir() {
            for file in files_of(path)? {
                trusted.add_file(&file)?;
            }
        } else {
            trusted.add_manifest(path)?;
        }
        if trusted.by_hash.is_empty() { Err(TrustedError::Empty(path.to_owned())) } else { Ok(trusted) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_hash.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.by_hash.is_empty()
    }

    /// The text that is known by this.
    pub fn find(&self, id: &str) -> Option<&Arc<str>> {
        let hash = id.strip_prefix(SHA256_PREFIX).unwrap_or(id);
        self.by_id.get(id).or_else(|| self.by_hash.get(hash))
    }

    /// True if the text is one of them, character by character.
    pub fn holds(&self, text: &str) -> bool {
        !self.is_empty() && self.by_hash.contains_key(&sha256(text))
    }

    fn add_file(&mut self, file: &Path) -> Result<(), TrustedError> {
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("json") => self.add_manifest(file),
            Some("graphql" | "gql") => {
                let id = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                self.add(file, id, read(file)?)
            }
            _ => Ok(()),
        }
    }

    fn add_manifest(&mut self, file: &Path) -> Result<(), TrustedError> {
        let manifest = serde_json::from_str(&read(file)?);
        match manifest.map_err(|error| TrustedError::NoManifest(file.to_owned(), error))? {
            Manifest::Texts(texts) => texts.into_iter().try_for_each(|(id, text)| self.add(file, id, text)),
            Manifest::Apollo(ApolloManifest { format, version, operations }) => {
                if format != APOLLO_FORMAT || version != APOLLO_VERSION {
                    let error = serde::de::Error::custom(format!("format {format}, version {version}"));
                    return Err(TrustedError::NoManifest(file.to_owned(), error));
                }
                operations.into_iter().try_for_each(|operation| self.add(file, operation.id, operation.body))
            }
        }
    }

    fn add(&mut self, file: &Path, id: String, text: String) -> Result<(), TrustedError> {
        let text: Arc<str> = text.into();
        if self.by_id.get(&id).is_some_and(|known| *known != text) {
            return Err(TrustedError::Ambiguous { file: file.to_owned(), id });
        }
        self.by_hash.insert(sha256(&text), Arc::clone(&text));
        self.by_id.insert(id, text);
        Ok(())
    }
}

/// The SHA-256 of a text, in small hexadecimal digits.
pub fn sha256(text: &str) -> String {
    format!("{:x}", Sha256::digest(text))
}

/// The folder's own files, in order.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>, TrustedError> {
    let unreadable = |error| TrustedError::Unreadable(folder.to_owned(), error);
    let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).map_err(unreadable)?.collect();
    let mut files: Vec<PathBuf> = entries.map_err(unreadable)?.into_iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.is_file());
    files.sort();
    Ok(files)
}

fn read(file: &Path) -> Result<String, TrustedError> {
    std::fs::read_to_string(file).map_err(|error| TrustedError::Unreadable(file.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::{TempDir, tempdir};

    const TEXT: &str = "{ __typename }";

    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    fn load(name: &str, text: &str) -> Result<Trusted, TrustedError> {
        Trusted::load(&folder(&[(name, text)]).path().join(name))
    }

    fn knows(trusted: &Trusted, id: &str) -> bool {
        trusted.find(id).is_some_and(|text| **text == *TEXT)
    }

    #[test]
    fn the_manifests_of_apollo_and_relay_are_read() {
        let apollo = r#"{"format":"apollo-persisted-query-manifest","version":1,"operations":[
            {"id":"dc67510f","name":"T","type":"query","body":"{ __typename }"}]}"#;
        let relay = r#"{"1a2b":"{ __typename }"}"#;
        for (manifest, id) in [(apollo, "dc67510f"), (relay, "1a2b")] {
            let trusted = load("manifest.json", manifest).unwrap();
            assert!(knows(&trusted, id) && knows(&trusted, &sha256(TEXT)), "{id}");
            assert!(knows(&trusted, &format!("sha256:{}", sha256(TEXT))), "{id}");
            assert!(trusted.holds(TEXT) && !trusted.holds("{ __typename  }") && !knows(&trusted, "other"));
        }
    }

    #[test]
    fn a_folder_holds_documents_and_manifests() {
        let relay = r#"{"1a2b":"{ __typename }"}"#;
        let files = [("a.graphql", TEXT), ("web.json", relay), ("b.gql", "{ a }"), ("notes.txt", "{ b }")];
        let trusted = Trusted::load(folder(&files).path()).unwrap();
        assert!(knows(&trusted, "a") && knows(&trusted, "1a2b") && trusted.holds("{ a }") && !trusted.holds("{ b }"));
        assert_eq!(trusted.len(), 2);
    }

    #[test]
    fn what_is_no_manifest_is_not_taken_for_an_empty_one() {
        let newer = r#"{"format":"apollo-persisted-query-manifest","version":2,"operations":[]}"#;
        for text in ["", "[]", r#"{"a":1}"#, newer] {
            assert!(matches!(load("m.json", text), Err(TrustedError::NoManifest(..))), "{text}");
        }
        assert!(matches!(load("m.json", "{}"), Err(TrustedError::Empty(_))));
        assert!(matches!(Trusted::load(Path::new("")), Err(TrustedError::NoPath)));
        assert!(matches!(Trusted::load(Path::new("/no/such/file")), Err(TrustedError::Unreadable(..))));
        let two = folder(&[("1.json", r#"{"a":"{ a }"}"#), ("2.json", r#"{"a":"{ b }"}"#)]);
        assert!(matches!(Trusted::load(two.path()), Err(TrustedError::Ambiguous { .. })));
    }

    #[test]
    fn a_hash_is_that_of_the_draft() {
        let text = "query($id:ID!){user(id:$id){name}}";
        assert_eq!(sha256(text), "71f7dc5758652baac68e4a10c50be732b741c892ade2883a99358f52b555286b");
    }
}
