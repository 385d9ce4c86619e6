//! What a command answers: a receipt, and what it did or why it did not.

use crate::{CommandError, DataExport, Session};
use async_graphql::{ID, SimpleObject};
use millrace_events::{CommandId, Timestamp};
use serde::{Deserialize, Serialize};

/// The proof that a command was dealt with.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CommandReceipt {
    /// The command's id, for `commandStatus`. A replay tells the id of the command that took effect.
    pub command_id: CommandId,
    /// True if it took effect, or found that there was nothing to change.
    pub accepted: bool,
    /// True if this is the answer to an earlier command with the same idempotency key.
    pub replayed: bool,
    /// The thing that was created or changed; null if it has no id of its own, such as a like.
    pub aggregate_id: Option<ID>,
    /// The version that the thing has now, for `expectedVersion`.
    pub version: Option<u32>,
    /// When it was accepted.
    pub accepted_at: Option<Timestamp>,
    /// A query that brings this token sees what the command did. Null if not known yet: then `commandStatus` tells.
    pub consistency_token: Option<String>,
}

/// The answer to a command. It also crosses the internal API between the query and the command role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "answer")]
pub enum Answer<O> {
    /// It took effect, or there was nothing to change.
    Accepted {
        /// The proof.
        receipt: CommandReceipt,
        /// The ids of what it touched.
        outcome: O,
        /// The credentials of a new or renewed sign-in.
        session: Option<Session>,
        /// The link to an export.
        export: Option<DataExport>,
    },
    /// It was refused and changed nothing.
    Rejected {
        /// The proof.
        receipt: CommandReceipt,
        /// Why.
        errors: Vec<CommandError>,
    },
}

impl<O> Answer<O> {
    /// The proof, in either case.
    pub fn receipt(&self) -> &CommandReceipt {
        match self {
            Self::Accepted { receipt, .. } | Self::Rejected { receipt, .. } => receipt,
        }
    }

    /// Why it was rejected; nothing if it was accepted.
    pub fn errors(&self) -> &[CommandError] {
        match self {
            Self::Accepted { .. } => &[],
            Self::Rejected { errors, .. } => errors,
        }
    }

    /// The ids of what it touched, if it was accepted.
    pub fn outcome(&self) -> Option<&O> {
        match self {
            Self::Accepted { outcome, .. } => Some(outcome),
            Self::Rejected { .. } => None,
        }
    }

    /// The credentials of a new or renewed sign-in.
    pub fn session(&self) -> Option<&Session> {
        match self {
            Self::Accepted { session, .. } => session.as_ref(),
            Self::Rejected { .. } => None,
        }
    }

    /// The link to an export.
    pub fn export(&self) -> Option<&DataExport> {
        match self {
            Self::Accepted { export, .. } => export.as_ref(),
            Self::Rejected { .. } => None,
        }
    }

    /// True if whoever loses it gets what was lost only by sending the command again: credentials or a link, which are kept nowhere.
    /// Anything else is read from the read side. One that was rejected has done nothing, and would be decided anew.
    pub fn is_lost_with_its_answer(&self) -> bool {
        self.session().is_some() || self.export().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    fn receipt(accepted: bool) -> CommandReceipt {
        CommandReceipt {
            command_id: CommandId::generate(),
            accepted,
            replayed: false,
            aggregate_id: accepted.then(|| ID("abc".into())),
            version: accepted.then_some(3),
            accepted_at: accepted.then(|| Timestamp::new(OffsetDateTime::now_utc())),
            consistency_token: Some("mr1~x".into()),
        }
    }

    #[test]
    fn answers_cross_the_internal_api_unchanged() {
        let session = Session {
            access_token: "access".into(),
            refresh_token: "refresh".into(),
            expires_at: Timestamp::new(OffsetDateTime::now_utc()),
        };
        let export =
            Some(DataExport { url: "/exports/x".into(), expires_at: Timestamp::new(OffsetDateTime::now_utc()) });
        let accepted = Answer::Accepted { receipt: receipt(true), outcome: 7, session: Some(session), export };
        let errors = vec![CommandError::version_conflict(2, 3), CommandError::not_found("post", "postId")];
        let rejected = Answer::Rejected { receipt: receipt(false), errors };
        for answer in [accepted, rejected] {
            let text = serde_json::to_string(&answer).unwrap();
            assert_eq!(serde_json::from_str::<Answer<i32>>(&text).unwrap(), answer);
        }
    }

    #[test]
    fn what_no_store_keeps_is_lost_with_its_answer() {
        let accepted = |session, export| Answer::Accepted { receipt: receipt(true), outcome: 7, session, export };
        let expires_at = Timestamp::new(OffsetDateTime::now_utc());
        let session = Session { access_token: "access".into(), refresh_token: "refresh".into(), expires_at };
        let export = DataExport { url: "/exports/x".into(), expires_at };
        assert!(accepted(Some(session), None).is_lost_with_its_answer());
        assert!(accepted(None, Some(export)).is_lost_with_its_answer());
        let rejected = Answer::<i32>::Rejected { receipt: receipt(false), errors: vec![] };
        assert!(!rejected.is_lost_with_its_answer() && !accepted(None, None).is_lost_with_its_answer());
    }

    #[test]
    fn tokens_do_not_show_in_debug_output() {
        let (access_token, refresh_token) = ("access-secret".to_owned(), "refresh-secret".to_owned());
        let session = Session { access_token, refresh_token, expires_at: Timestamp::new(OffsetDateTime::now_utc()) };
        let expires_at = Timestamp::new(OffsetDateTime::now_utc());
        let export = Some(DataExport { url: "/exports/secret".into(), expires_at });
        let answer = Answer::Accepted { receipt: receipt(true), outcome: 7, session: Some(session), export };
        assert!(!format!("{answer:?}").contains("secret"));
    }
}
