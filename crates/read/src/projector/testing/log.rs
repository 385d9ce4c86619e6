//! A log for tests, sealed as the real one is.

use crate::projector::source::{Content, Message};
use millrace_events::follow::FollowChanged;
use millrace_events::like::LikeChanged;
use millrace_events::post::{PostDeleted, PostVisibilityChanged, PostWritten};
use millrace_events::user::ProfileUpdated;
use millrace_events::{
    Aggregate, CommandId, Envelope, Event, EventId, History, KeyState, PersonKey, Personal, Position, PostId, Recorded,
    Timestamp, UserId, seal,
};
use std::collections::{BTreeSet, HashMap};
use time::OffsetDateTime;
use uuid::Uuid;

pub fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(0x0100_0000 + number))
}

pub fn post(number: u128) -> PostId {
    PostId(Uuid::from_u128(0x0200_0000 + number))
}

/// Events at their positions, and the keys that seal them.
#[derive(Debug, Clone)]
pub struct TestLog {
    pub history: History,
    pub events: Vec<Envelope>,
    pub keys: HashMap<UserId, KeyState>,
    next_id: u128,
}

impl TestLog {
    pub fn new(history: u128) -> Self {
        Self { history: History(Uuid::from_u128(history)), events: Vec::new(), keys: HashMap::new(), next_id: 1 }
    }

    /// A log that a test of folds has written; the keys of these persons are destroyed.
    pub fn of(events: &[Recorded], erased: &BTreeSet<UserId>) -> Self {
        let mut log = Self::new(3);
        for recorded in events {
            let mut envelope = log.envelope(recorded.command_id, 0, 0, &recorded.event);
            (envelope.command_index, envelope.command_count) = (recorded.command_index, recorded.command_count);
            (envelope.aggregate, envelope.actor, envelope.at) = (recorded.aggregate, recorded.actor, recorded.at);
            log.events.push(envelope);
        }
        for (_, state) in log.keys.iter_mut().filter(|(person, _)| erased.contains(person)) {
            *state = KeyState::Destroyed;
        }
        log
    }

    /// As it was at a position, under another history or not; its later events will be others.
    pub fn branch(&self, position: usize, history: u128) -> Self {
        let mut branch = Self { history: History(Uuid::from_u128(history)), ..self.clone() };
        branch.events.truncate(position);
        for event in &mut branch.events {
            event.history = branch.history;
        }
        branch.next_id += 1_000_000;
        branch
    }

    /// Its first events.
    pub fn until(&self, position: usize) -> Self {
        let mut log = self.clone();
        log.events.truncate(position);
        log
    }

    pub fn rename(&mut self, person: UserId, name: &str) -> &mut Self {
        let known = |text: &str| Personal::known(person, text.to_owned());
        let (avatar_url, bio) = (Personal::known(person, None), Personal::known(person, None));
        self.command(vec![Event::ProfileUpdated(ProfileUpdated {
            user_id: person,
            first_name: known(name),
            last_name: known(""),
            avatar_url,
            bio,
        })])
    }

    pub fn write(&mut self, post_id: PostId, author_id: UserId, title: &str) -> &mut Self {
        self.command(vec![written(post_id, author_id, title)])
    }

    /// One command of two events: a post, and a like of it by its author.
    pub fn write_and_like(&mut self, post_id: PostId, author_id: UserId, title: &str) -> &mut Self {
        let like = Event::PostLiked(LikeChanged { post_id, user_id: author_id });
        self.command(vec![written(post_id, author_id, title), like])
    }

    pub fn like(&mut self, post_id: PostId, person: UserId) -> &mut Self {
        self.command(vec![Event::PostLiked(LikeChanged { post_id, user_id: person })])
    }

    pub fn hide(&mut self, post_id: PostId, author_id: UserId) -> &mut Self {
        self.command(vec![Event::PostUnpublished(PostVisibilityChanged { post_id, author_id })])
    }

    pub fn delete(&mut self, post_id: PostId, author_id: UserId) -> &mut Self {
        self.command(vec![Event::PostDeleted(PostDeleted { post_id, author_id, was_published: true })])
    }

    /// An event that touches nothing.
    pub fn follow(&mut self, follower_id: UserId, followed_id: UserId) -> &mut Self {
        self.command(vec![Event::UserFollowed(FollowChanged { follower_id, followed_id })])
    }

    pub fn command(&mut self, events: Vec<Event>) -> &mut Self {
        let (command_id, count) = (CommandId(self.id()), events.len());
        for (index, event) in events.into_iter().enumerate() {
            let envelope = self.envelope(command_id, index, count, &event);
            self.events.push(envelope);
        }
        self
    }

    pub fn messages(&self) -> Vec<Message> {
        self.events.iter().map(message).collect()
    }

    fn id(&mut self) -> Uuid {
        self.next_id += 1;
        Uuid::from_u128(self.next_id)
    }

    fn envelope(&mut self, command_id: CommandId, index: usize, count: usize, event: &Event) -> Envelope {
        let (event_id, kind) = (EventId(self.id()), event.kind());
        let mut payload = event.payload().unwrap();
        for person in seal::persons(&payload) {
            self.keys.entry(person).or_insert_with(|| KeyState::Live(PersonKey::generate()));
        }
        seal::seal(&mut payload, event_id, &|person| self.keys.get(&person).cloned()).unwrap();
        let position = self.events.len() as u64 + 1;
        Envelope {
            history: self.history,
            position: Position(position),
            event_id,
            predecessor: self.events.last().map(|event| event.event_id),
            command_id,
            command_index: index as u32,
            command_count: count as u32,
            aggregate: Aggregate { kind: kind.aggregate(), id: Uuid::nil(), version: 1 },
            name: kind.name().to_owned(),
            schema_version: kind.schema_version(),
            actor: None,
            at: Timestamp::new(OffsetDateTime::from_unix_timestamp(1_700_000_000 + position as i64).unwrap()),
            trace: None,
            payload,
        }
    }
}

fn written(post_id: PostId, author_id: UserId, title: &str) -> Event {
    Event::PostCreated(PostWritten {
        post_id,
        author_id,
        title: Personal::known(author_id, title.to_owned()),
        body: Personal::known(author_id, String::new()),
        tags: Personal::known(author_id, Vec::new()),
        published: true,
    })
}

pub fn message(envelope: &Envelope) -> Message {
    let bytes = serde_json::to_vec(envelope).unwrap().len();
    Message { sequence: envelope.position, bytes, content: Content::Event(Box::new(envelope.clone())) }
}
