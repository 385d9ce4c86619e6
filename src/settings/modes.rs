//! What `http` is told by a word.

use serde::{Deserialize, Serialize};

/// Whether questions about the schema are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Introspection {
    /// Where GraphiQL is served, which asks them.
    AsPlayground,
    /// Always.
    On,
    /// Never.
    Off,
}

/// What is done about documents that are not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrustedMode {
    /// Nothing: no document is trusted more than another.
    Off,
    /// They are run, and logged.
    Log,
    /// They are refused.
    Enforce,
}
