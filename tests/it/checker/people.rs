//! What the documents of people must be, made apart from the projection's fold: each field is looked up, or counted anew, in the events.

use super::content;
use super::life::{Documents, Life, first, last, lives, micros, text, with};
use millrace_events::identity::identity_digest;
use millrace_events::user::OtherSessionsEnded;
use millrace_events::{AggregateKind, Event, Recorded, Role, SessionId, Timestamp, UserId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use time::Duration;

/// So long before the last one that ended, ended sign-ins are remembered.
const ENDED_SESSION_KEPT: Duration = Duration::minutes(10);
/// With more of them the fold forgets them for a moment that voids all: so many end in no run.
const ENDED_SESSIONS_MAX: usize = 64;

/// All documents of people.
pub fn documents(log: &[Recorded]) -> Documents {
    let (follows, public) = (follows(log), content::authors_of_public_posts(log));
    let count = |id: UserId, end: usize| follows.iter().filter(|(ends, _)| ends[end] == id).count();
    let mut all = Documents::new();
    for (id, life) in lives(log, AggregateKind::User) {
        let id = UserId(id);
        let mut user = user(id, &life);
        user["postCount"] = json!(public.iter().filter(|author| **author == id).count());
        user["followingCount"] = json!(count(id, 0));
        user["followerCount"] = json!(count(id, 1));
        all.insert(format!("user:{id}"), user);
        all.extend(access(id, &life).map(|access| (format!("access:{id}"), access)));
        all.extend(linked(id, &life).into_iter().map(|(session, identity)| (format!("identity:{session}"), identity)));
    }
    all.extend(follows.into_iter().map(|([follower, followed], at)| {
        let document = json!({
            "kind": "follow", "followerId": follower, "followedId": followed, "createdAt": at, "createdMicros": micros(at),
        });
        (format!("follow:{follower}/{followed}"), document)
    }));
    all
}

/// Who follows, who is followed, and since when.
pub fn follows(log: &[Recorded]) -> Vec<([UserId; 2], Timestamp)> {
    let follows = lives(log, AggregateKind::Follow).into_values().filter_map(|life| match &last(&life).event {
        Event::UserFollowed(e) => Some(([e.follower_id, e.followed_id], last(&life).at)),
        Event::UserUnfollowed(_) => None,
        other => panic!("this happens to nobody who follows: {other:?}"),
    });
    follows.collect()
}

/// How a person shows themselves.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Shown {
    first_name: String,
    last_name: String,
    avatar_url: Option<String>,
    bio: Option<String>,
}

impl Shown {
    /// What an event says of it, if it says anything.
    fn by(event: &Event) -> Option<Self> {
        match event {
            Event::UserCreated(e) => {
                let (first_name, last_name) = (text(&e.first_name), text(&e.last_name));
                Some(Self { first_name, last_name, ..Self::default() })
            }
            Event::ProfileUpdated(e) => Some(Self {
                first_name: text(&e.first_name),
                last_name: text(&e.last_name),
                avatar_url: text(&e.avatar_url),
                bio: text(&e.bio),
            }),
            Event::UserErased(_) => {
                Some(Self { first_name: "Deleted".into(), last_name: "user".into(), ..Self::default() })
            }
            _ => None,
        }
    }

    /// What a person's card and page say alike.
    fn card(&self, id: UserId) -> Value {
        json!({
            "id": id.to_global(),
            "firstName": self.first_name,
            "lastName": self.last_name,
            "fullName": format!("{} {}", self.first_name, self.last_name),
            "profileUrl": format!("/users/{}", id.to_global()),
            "avatarUrl": self.avatar_url,
        })
    }
}

fn is_erased(life: &Life) -> bool {
    life.iter().any(|recorded| matches!(recorded.event, Event::UserErased(_)))
}

/// A person as they stand beside what they wrote, since the last event that changed something of it.
pub fn card(id: UserId, life: &Life) -> Value {
    let shown: Vec<_> = life.iter().filter_map(|one| Some((one.position, Shown::by(&one.event)?.card(id)))).collect();
    let changed = shown.windows(2).rfind(|pair| pair[0].1 != pair[1].1);
    let (since, card) = changed.map_or(&shown[0], |pair| &pair[1]);
    let card = with(card.clone(), "revision", Some(json!(since.to_string())));
    with(card, "erased", is_erased(life).then(|| json!(true)))
}

fn user(id: UserId, life: &Life) -> Value {
    let shown: Vec<Shown> = life.iter().filter_map(|recorded| Shown::by(&recorded.event)).collect();
    let (erased, now) = (is_erased(life), shown.last().expect("a sign-up"));
    let readable = shown.iter().rev().skip(1).any(|before| *before != Shown::default());
    assert!(!erased || !readable, "the key of an erased person still opens");
    let (emails, pending) = addresses(life);
    let mut user = now.card(id);
    user["kind"] = json!("user");
    user["version"] = json!(life.len());
    user["bio"] = json!(now.bio);
    user["email"] = json!(emails.last());
    user["emailVerified"] = json!(emails.len() > 1);
    user["pendingEmail"] = json!(pending);
    user["deactivated"] = json!(!erased && is_deactivated(life));
    user["createdAt"] = json!(first(life).at);
    user["createdMicros"] = json!(micros(first(life).at));
    user["updatedAt"] = json!(page_updated(life));
    user
}

/// The addresses that the account had, the last one being its own, each after the first verified; and the one that waits to be.
/// An erased person has none.
fn addresses(life: &[&Recorded]) -> (Vec<String>, Option<String>) {
    let (mut own, mut pending) = (Vec::new(), None);
    for recorded in life {
        match &recorded.event {
            Event::UserCreated(e) => own.extend(e.email.value().cloned()),
            Event::EmailVerified(e) => own.extend(e.email.value().cloned()),
            Event::EmailChangeRequested(e) => pending = e.new_email.value().cloned(),
            Event::EmailChangeWithdrawn(_) | Event::PasswordChanged(_) => pending = None,
            _ => {}
        }
        pending.take_if(|pending| own.last() == Some(&*pending));
    }
    (own, pending)
}

fn is_deactivated(life: &Life) -> bool {
    let last = life.iter().rev().find_map(|recorded| match recorded.event {
        Event::AccountDeactivated(_) => Some(true),
        Event::AccountReactivated(_) => Some(false),
        _ => None,
    });
    last.unwrap_or(false)
}

/// When something changed that the page shows. A new password shows only in that an address waits no longer.
fn page_updated(life: &Life) -> Timestamp {
    let shows = |(index, recorded): (usize, &&Recorded)| match &recorded.event {
        Event::PasswordChanged(_) => addresses(&life[..index]).1.is_some(),
        Event::UserCreated(_) | Event::ProfileUpdated(_) | Event::UserErased(_) => true,
        Event::AccountDeactivated(_) | Event::AccountReactivated(_) => true,
        Event::EmailChangeRequested(_) | Event::EmailChangeWithdrawn(_) | Event::EmailVerified(_) => true,
        _ => false,
    };
    life.iter().enumerate().rfind(|place| shows(*place)).expect("a sign-up").1.at
}

/// Accounts with providers by which the person can still sign in.
fn linked(id: UserId, life: &Life) -> BTreeMap<SessionId, Value> {
    let mut linked = BTreeMap::new();
    for recorded in life {
        match &recorded.event {
            Event::IdentityLinked(e) => {
                let digest =
                    e.issuer.value().zip(e.subject.value()).map(|(issuer, subject)| identity_digest(issuer, subject));
                let (session, created) = (e.session_id, micros(recorded.at));
                let identity = json!({
                    "kind": "identity", "userId": id, "sessionId": session, "digest": digest,
                    "issuer": text(&e.issuer), "linkedAt": recorded.at, "createdMicros": created,
                });
                let identity = with(identity, "issuedUntil", e.issued_until.map(|until| json!(until)));
                linked.insert(session, identity);
            }
            Event::IdentityUnlinked(e) => drop(linked.remove(&e.session_id)),
            Event::UserErased(_) => linked.clear(),
            _ => {}
        }
    }
    linked
}

/// None for whom nothing ever happened that bears on what they may do.
fn access(id: UserId, life: &Life) -> Option<Value> {
    let (mut roles, mut ended, mut until) = (BTreeSet::<Role>::new(), Vec::new(), None);
    let mut others: Vec<&OtherSessionsEnded> = Vec::new();
    let mut is_told = false;
    for recorded in life {
        is_told = match &recorded.event {
            Event::RoleGranted(e) => roles.insert(e.role) || is_told,
            Event::RoleRevoked(e) => roles.remove(&e.role) || is_told,
            Event::SessionEnded(e) => {
                ended.push((recorded.at, e.session_id));
                true
            }
            Event::AllSessionsEnded(e) => {
                until = until.max(Some(e.issued_until));
                true
            }
            Event::OtherSessionsEnded(e) => {
                others.push(e);
                true
            }
            Event::IdentityLinked(_) => true,
            Event::IdentityUnlinked(e) => {
                ended.push((recorded.at, e.session_id));
                true
            }
            Event::UserErased(e) => {
                roles.clear();
                until = until.max(Some(e.issued_until));
                true
            }
            _ => is_told,
        };
    }
    let kept_twice = others.windows(2).filter(|pair| pair[0].kept_session_id != pair[1].kept_session_id);
    let until = kept_twice.map(|pair| pair[0].issued_until).max().max(until);
    let document = json!({
        "kind": "access",
        "userId": id,
        "roles": roles,
        "endedSessions": lately_ended(&ended),
        "issuedUntil": until,
    });
    let others = others.last().map(|e| json!({ "keptSessionId": e.kept_session_id, "issuedUntil": e.issued_until }));
    let identities: Vec<SessionId> = linked(id, life).into_keys().collect();
    let document = with(document, "identities", (!identities.is_empty()).then(|| json!(identities)));
    is_told.then(|| with(document, "othersEnded", others))
}

fn lately_ended<Id: serde::Serialize>(ended: &[(Timestamp, Id)]) -> Vec<Value> {
    assert!(ended.len() < ENDED_SESSIONS_MAX, "{} sign-ins of one person ended", ended.len());
    let Some((newest, _)) = ended.last() else { return Vec::new() };
    let oldest = newest.moment() - ENDED_SESSION_KEPT;
    let kept = ended.iter().filter(|(at, _)| at.moment() >= oldest);
    kept.map(|(at, id)| json!({ "sessionId": id, "at": at })).collect()
}
