//! `access:ID`: what a person may do, and which of their sign-ins ended, so that both reach the query side without PostgreSQL.
//!
//! Absent means: no role, and nothing ended.

use super::PeopleDocument;
use crate::projection::DocumentKey;
use millrace_events::user::{
    AllSessionsEnded, IdentityLinked, IdentityUnlinked, OtherSessionsEnded, RoleChanged, SessionEnded, UserErased,
};
use millrace_events::viewer::Person;
use millrace_events::{Recorded, Role, SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use time::Duration;

/// The kind of these documents.
pub const KIND: &str = "access";

/// How long an ended sign-in is remembered: an access token lives 5 minutes; the rest is for clocks that differ.
pub const ENDED_SESSION_KEPT: Duration = Duration::minutes(10);
/// The most ended sign-ins that are remembered. Beyond it all tokens issued until then are void, which only costs a refresh.
pub const ENDED_SESSIONS_MAX: usize = 64;

/// A person's roles and ended sign-ins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Access {
    /// Whose.
    pub user_id: UserId,
    /// Roles.
    pub roles: BTreeSet<Role>,
    /// Sign-ins that ended lately, in the order of their ends.
    pub ended_sessions: Vec<EndedSession>,
    /// Tokens issued up to this moment are void.
    pub issued_until: Option<Timestamp>,
    /// Accounts with OpenID providers that are linked, by what requests with the providers' tokens are known by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub identities: BTreeSet<SessionId>,
    /// The last time that all sign-ins but one were ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others_ended: Option<OthersEnded>,
}

/// All sign-ins but one were ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OthersEnded {
    /// The one that went on.
    pub kept_session_id: SessionId,
    /// Tokens of all others issued up to this moment are void.
    pub issued_until: Timestamp,
}

/// A sign-in that ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EndedSession {
    /// Which one.
    pub session_id: SessionId,
    /// When it ended.
    pub at: Timestamp,
}

/// The key of a person's access.
pub fn key(id: UserId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

impl Access {
    /// True if the token that this person shows is void.
    ///
    /// Moments are enough for that, also after PostgreSQL's clock was set back: an end of all sign-ins reaches to the newest token that was
    /// issued, and no later token is issued at or before it. Only what [`ENDED_SESSIONS_MAX`] voids goes by the clock alone.
    pub fn voids(&self, person: &Person) -> bool {
        let ended = self.ended_sessions.iter().any(|ended| ended.session_id == person.session_id);
        let is_other = self.others_ended.as_ref().is_some_and(|others| others.voids(person));
        ended || is_other || self.issued_until.is_some_and(|until| person.issued_at <= until)
    }

    fn end(&mut self, session_id: SessionId, at: Timestamp) {
        let oldest = Timestamp::new(at.moment().saturating_sub(ENDED_SESSION_KEPT));
        self.ended_sessions.retain(|ended| ended.at >= oldest && ended.session_id != session_id);
        if self.ended_sessions.len() >= ENDED_SESSIONS_MAX {
            self.ended_sessions.clear();
            self.void_until(at);
        }
        self.ended_sessions.push(EndedSession { session_id, at });
    }

    fn void_until(&mut self, moment: Timestamp) {
        self.issued_until = self.issued_until.max(Some(moment));
    }
}

impl OthersEnded {
    fn voids(&self, person: &Person) -> bool {
        person.session_id != self.kept_session_id && person.issued_at <= self.issued_until
    }
}

pub(super) fn role_granted(document: &mut Option<PeopleDocument>, e: &RoleChanged) {
    with(document, e.user_id, |access| {
        access.roles.insert(e.role);
    });
}

pub(super) fn role_revoked(document: &mut Option<PeopleDocument>, e: &RoleChanged) {
    with(document, e.user_id, |access| {
        access.roles.remove(&e.role);
    });
}

pub(super) fn session_ended(document: &mut Option<PeopleDocument>, event: &Recorded, e: &SessionEnded) {
    with(document, e.user_id, |access| access.end(e.session_id, event.at));
}

pub(super) fn identity_linked(document: &mut Option<PeopleDocument>, e: &IdentityLinked) {
    with(document, e.user_id, |access| {
        access.identities.insert(e.session_id);
    });
}

/// Whoever stays by the provider's token is sent away, as when a sign-in ends.
pub(super) fn identity_unlinked(document: &mut Option<PeopleDocument>, event: &Recorded, e: &IdentityUnlinked) {
    with(document, e.user_id, |access| {
        access.identities.remove(&e.session_id);
        access.end(e.session_id, event.at);
    });
}

pub(super) fn all_sessions_ended(document: &mut Option<PeopleDocument>, e: &AllSessionsEnded) {
    with(document, e.user_id, |access| access.void_until(e.issued_until));
}

/// Whichever sign-in was kept the time before, now it is ended like all others: what was void then is void for everybody.
pub(super) fn other_sessions_ended(document: &mut Option<PeopleDocument>, e: &OtherSessionsEnded) {
    with(document, e.user_id, |access| {
        if let Some(before) = access.others_ended.take().filter(|others| others.kept_session_id != e.kept_session_id) {
            access.void_until(before.issued_until);
        }
        access.others_ended = Some(OthersEnded { kept_session_id: e.kept_session_id, issued_until: e.issued_until });
    });
}

/// Nobody may do anything as this person any more.
pub(super) fn erased(document: &mut Option<PeopleDocument>, e: &UserErased) {
    with(document, e.user_id, |access| {
        access.roles.clear();
        access.identities.clear();
        access.void_until(e.issued_until);
    });
}

fn with(document: &mut Option<PeopleDocument>, of: UserId, change: impl FnOnce(&mut Access)) {
    let fresh = || Access {
        user_id: of,
        roles: BTreeSet::new(),
        ended_sessions: vec![],
        issued_until: None,
        identities: BTreeSet::new(),
        others_ended: None,
    };
    if let PeopleDocument::Access(access) = document.get_or_insert_with(|| PeopleDocument::Access(fresh())) {
        change(access);
    }
}
