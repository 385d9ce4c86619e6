//! What staff hide, on the post or comment itself: since when, and why.

use crate::models::fields::readable;
use crate::projection::{DocumentKey, Unfoldable};
use millrace_events::{Personal, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Where it stands who gave the reason, in posts and in comments.
pub const REASON_OF: &str = "hidden.reasonOf";

/// Since when staff hide something, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hiding {
    /// Since when.
    pub at: Timestamp,
    /// Why, in the words of whoever hid it; none once they are erased.
    pub reason: Option<String>,
    /// Who gave that reason, for selecting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason_of: Option<UserId>,
}

impl Hiding {
    /// What an event begins.
    pub(super) fn of(event: &Recorded, reason: &Personal<String>, key: &DocumentKey) -> Result<Self, Unfoldable> {
        let text = readable(reason, key)?.cloned();
        let reason_of = text.is_some().then(|| reason.of());
        Ok(Self { at: event.at, reason: text, reason_of })
    }

    /// Takes the reason out if this person gave it. What is hidden stays hidden.
    pub(super) fn forget(&mut self, person: UserId) {
        if self.reason_of == Some(person) {
            (self.reason, self.reason_of) = (None, None);
        }
    }
}
