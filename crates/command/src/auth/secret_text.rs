//! Text that must not show in a log.

use async_graphql::NewType;
use serde::{Deserialize, Serialize};

/// A password or token in an input. GraphQL sees a plain `String`; `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, NewType, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(pub String);

impl SecretText {
    /// The text itself, for the one who has to look at it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(..)")
    }
}
