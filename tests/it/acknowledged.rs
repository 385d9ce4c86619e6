//! What clients were answered, held against the log: each accepted command lies there once and whole, nothing of a rejected one does,
//! and nothing more.

use crate::checker::books;
use crate::checker::commands::commands;
use crate::checker::life::Life;
use crate::checker::log::Log;
use crate::harness::client::Person;
use crate::harness::stage::Stage;
use millrace_events::{CommandId, Event, Recorded, UserId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Commands that leave everything as it is if it is already as they say.
const CAN_CHANGE_NOTHING: [&str; 15] = [
    "likePost",
    "unlikePost",
    "followUser",
    "unfollowUser",
    "publishPost",
    "unpublishPost",
    "hidePost",
    "unhidePost",
    "hideComment",
    "unhideComment",
    "grantRole",
    "revokeRole",
    "updateProfile",
    "editPost",
    "editComment",
];
/// The same, but clients say different things of one thing at once, so that none knows how it was before.
const OF_MANY: [&str; 1] = ["updateProduct"];
/// They end the sign-in that they are sent with, or find it ended already if the sender has not signed in again.
const SIGN_OUTS: [&str; 2] = ["signOut", "signOutEverywhere"];

/// The commands that clients were answered since it began.
#[derive(Clone)]
pub struct Acknowledged {
    since: u64,
    all: Arc<Mutex<Vec<Answered>>>,
}

struct Answered {
    sender: UserId,
    name: String,
    input: Value,
    receipt: Value,
}

impl Acknowledged {
    /// Whatever is in the log by now is none of its business.
    pub async fn begin(stage: &Stage) -> Self {
        books::are_sequenced(stage).await;
        Self { since: Log::of(stage).await.head().await, all: Arc::default() }
    }

    /// Notes an answer.
    pub fn note(&self, sender: &Person, name: &str, input: &Value, payload: &Value) {
        let is_rejected = payload["errors"] != json!([]);
        assert_ne!(payload["receipt"]["accepted"], json!(is_rejected), "{name}: {payload:#}");
        let sender = UserId::from_global(&sender.id).expect("an id");
        let (name, receipt) = (name.to_owned(), payload["receipt"].clone());
        self.all.lock().expect("answers").push(Answered { sender, name, input: input.clone(), receipt });
    }

    /// Holds all answers against the log. Whatever was answered must have been sequenced.
    pub async fn are_in_the_log_once(&self, stage: &Stage) {
        let log = Log::of(stage).await.recorded().await;
        let (commands, all) = (commands(&log), self.all.lock().expect("answers"));
        let (mut accepted, mut told) = (BTreeSet::new(), Told::default());
        for answered in all.iter() {
            let recorded = commands.get(&answered.id());
            if !answered.is_accepted() {
                assert!(recorded.is_none(), "{} was rejected: {recorded:#?}", answered.name);
                continue;
            }
            assert!(accepted.insert(answered.id()), "two answers tell of one {}", answered.name);
            answered.is_rightly(recorded, told.changes(answered));
        }
        let senders: BTreeSet<UserId> = all.iter().map(|answered| answered.sender).collect();
        for (id, events) in commands.iter().filter(|(_, events)| events[0].position.0 > self.since) {
            let is_theirs = events[0].actor.is_some_and(|actor| senders.contains(&actor));
            // A sign-in carries no key: one that nobody was answered may have brought an account back.
            let is_told = accepted.contains(id) || matches!(events[0].event, Event::AccountReactivated(_));
            assert!(!is_theirs || is_told, "in the log, and nobody was answered so: {events:#?}");
        }
        let recorded = accepted.iter().filter(|id| commands.contains_key(id)).count();
        assert!(recorded > 0, "no command was recorded");
        println!(
            "{} commands accepted, {recorded} of them recorded, {} rejected",
            accepted.len(),
            all.len() - accepted.len()
        );
    }
}

impl Answered {
    fn id(&self) -> CommandId {
        CommandId::from_global(self.receipt["commandId"].as_str().expect("an id")).expect("an id")
    }

    fn is_accepted(&self) -> bool {
        self.receipt["accepted"] == json!(true)
    }

    /// What the log has of it is what was answered.
    fn is_rightly(&self, recorded: Option<&Life>, changes: Option<bool>) {
        let (name, receipt) = (&self.name, &self.receipt);
        assert!(changes.is_none_or(|changes| changes == recorded.is_some()), "{name} {receipt:#}: {recorded:#?}");
        let Some(events) = recorded else { return };
        assert_eq!(events[0].actor, Some(self.sender), "{name}: {events:#?}");
        let is_at = |one: &&Recorded| receipt["version"] == json!(one.aggregate.version);
        assert!(receipt["version"].is_null() || events.iter().any(is_at), "{name} {receipt:#}: {events:#?}");
    }

    /// What is so after it, by what it is about.
    fn makes_so(&self) -> Vec<(String, Value)> {
        let (sender, created) = (json!(self.sender), &self.receipt["aggregateId"]);
        let (post, comment, user) = (&self.input["postId"], &self.input["commentId"], &self.input["userId"]);
        let so = |what: String, value: bool| vec![(what, json!(value))];
        match self.name.as_str() {
            "likePost" | "unlikePost" => so(format!("{sender} likes {post}"), self.name == "likePost"),
            "followUser" | "unfollowUser" => so(format!("{sender} follows {user}"), self.name == "followUser"),
            "publishPost" | "unpublishPost" => so(format!("{post} publish"), self.name == "publishPost"),
            "hidePost" | "unhidePost" => so(format!("{post} hidden"), self.name == "hidePost"),
            "hideComment" | "unhideComment" => so(format!("{comment} hidden"), self.name == "hideComment"),
            "grantRole" | "revokeRole" => so(format!("{user} is staff"), self.name == "grantRole"),
            "createPost" => self.given(created, &["title", "body", "tags", "publish"]),
            "editPost" => self.given(post, &["title", "body", "tags"]),
            "addComment" => self.given(created, &["text"]),
            "editComment" => self.given(comment, &["text"]),
            "updateProfile" => self.given(&sender, &["firstName", "lastName", "avatarUrl", "bio"]),
            _ => Vec::new(),
        }
    }

    /// Those of the fields that the input has, as fields of this thing.
    fn given(&self, of: &Value, fields: &[&str]) -> Vec<(String, Value)> {
        let given = fields.iter().filter_map(|field| Some((format!("{of} {field}"), self.input.get(field)?.clone())));
        given.collect()
    }
}

/// What everything is by the commands that were answered so far.
#[derive(Default)]
struct Told(BTreeMap<String, Value>);

impl Told {
    /// Whether a command changes anything; none if nobody can know. Each client's commands follow one another.
    fn changes(&mut self, answered: &Answered) -> Option<bool> {
        let makes_so = answered.makes_so().into_iter();
        let before: Vec<_> = makes_so.map(|(what, now)| (self.0.insert(what, now.clone()), now)).collect();
        let differs = before.iter().any(|(before, now)| before.as_ref().is_some_and(|before| before != now));
        let name = answered.name.as_str();
        let is_signed_in = json!(name != "deactivateAccount" && !SIGN_OUTS.contains(&name));
        let was_signed_in = self.0.insert(format!("{} is signed in", answered.sender), is_signed_in);
        match before.iter().all(|(before, _)| before.is_some()) {
            _ if SIGN_OUTS.contains(&name) => (was_signed_in == Some(json!(true))).then_some(true),
            _ if OF_MANY.contains(&name) => None,
            _ if !CAN_CHANGE_NOTHING.contains(&name) || differs => Some(true),
            true => Some(false),
            false => None,
        }
    }
}
