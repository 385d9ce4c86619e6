//! `nats`: the stream, and as whom relays and projectors connect to it.

use super::SecretUrl;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// NATS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// Address, and the user of relays: the one that may write the log's subjects, the stream and the bucket of keys.
    pub url: SecretUrl,
    /// The same user in a file with a JWT and a key, as `nsc` writes it. Empty: what stands in the address.
    pub credentials_file: PathBuf,
    /// Address and user of projectors, which may only read. Empty: those of relays.
    pub projector_url: SecretUrl,
    /// The same user in a file. Empty: what stands in the address.
    pub projector_credentials_file: PathBuf,
    /// First part of the names of stream, bucket and subjects.
    pub prefix: String,
    /// Copies of the stream in a cluster.
    pub replicas: usize,
}

impl Default for NatsSettings {
    fn default() -> Self {
        Self {
            url: SecretUrl("nats://127.0.0.1:4222".into()),
            credentials_file: PathBuf::new(),
            projector_url: SecretUrl(String::new()),
            projector_credentials_file: PathBuf::new(),
            prefix: "millrace".into(),
            replicas: 1,
        }
    }
}

impl NatsSettings {
    /// What relays connect with.
    pub fn writer(&self) -> NatsUser<'_> {
        NatsUser { setting: "nats.url", url: &self.url, credentials: file(&self.credentials_file) }
    }

    /// What projectors connect with.
    pub fn reader(&self) -> NatsUser<'_> {
        if self.projector_url.expose().is_empty() {
            let own = file(&self.projector_credentials_file);
            return NatsUser { credentials: own.or(file(&self.credentials_file)), ..self.writer() };
        }
        let credentials = file(&self.projector_credentials_file);
        NatsUser { setting: "nats.projector_url", url: &self.projector_url, credentials }
    }
}

/// Where NATS is, and as whom.
#[derive(Debug, Clone, Copy)]
pub struct NatsUser<'a> {
    /// The setting that says so.
    pub setting: &'static str,
    /// Address, and user if there is no file.
    pub url: &'a SecretUrl,
    /// The user's file.
    pub credentials: Option<&'a Path>,
}

fn file(path: &Path) -> Option<&Path> {
    (!path.as_os_str().is_empty()).then_some(path)
}
