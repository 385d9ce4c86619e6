//! Where NATS is, and how things are called there.

use std::path::PathBuf;

/// How to reach NATS, and the names of stream, bucket and subjects.
#[derive(Clone, PartialEq, Eq)]
pub struct NatsSettings {
    /// `nats://host:port`, several separated by commas. It may hold a password, so it never shows in a log.
    pub url: String,
    /// First part of all names.
    pub prefix: String,
    /// Copies of the stream and of the bucket in a cluster, when they are made.
    pub replicas: usize,
    /// A file with a user's JWT and key, as `nsc` writes it.
    pub credentials_file: Option<PathBuf>,
}

impl NatsSettings {
    /// A single server without a credentials file, under the default names.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), prefix: "millrace".to_owned(), replicas: 1, credentials_file: None }
    }

    /// The stream that copies the log.
    pub fn stream(&self) -> String {
        format!("{}-log", self.prefix)
    }

    /// The subjects that the stream stores.
    pub fn subjects(&self) -> String {
        format!("{}.log.>", self.prefix)
    }

    /// The subject of an event by its name, such as `post.created`.
    pub fn subject_of(&self, name: &str) -> String {
        format!("{}.log.{name}", self.prefix)
    }

    /// The bucket that mirrors the keys of persons.
    pub fn bucket(&self) -> String {
        format!("{}-keys", self.prefix)
    }

    /// The stream that holds the bucket.
    pub fn bucket_stream(&self) -> String {
        format!("KV_{}", self.bucket())
    }

    /// The subject of the beats.
    pub fn beat(&self) -> String {
        format!("{}.beat", self.prefix)
    }
}

impl std::fmt::Debug for NatsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsSettings")
            .field("prefix", &self.prefix)
            .field("replicas", &self.replicas)
            .field("credentials_file", &self.credentials_file)
            .finish_non_exhaustive()
    }
}
