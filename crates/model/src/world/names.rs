//! Who and what a schedule is about: two persons and four posts.

use millrace_events::{AggregateKind, CommandId, EventId, History, PostId, UserId};
use millrace_read::projection::DocumentKey;
use uuid::Uuid;

use crate::random::Random;

/// The kind of documents of persons.
pub const USER: &str = "user";
/// The kind of documents of posts.
pub const POST: &str = "post";

const USERS: u8 = 2;
const POSTS: u8 = 4;
/// The last post is the second person's, the others are the first one's.
const POSTS_OF_FIRST: u8 = 3;
const USER_IDS: u128 = 0x0100;
const POST_IDS: u128 = 0x0200;

/// An aggregate of the model, and the document that is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thing {
    /// A person.
    User(u8),
    /// A post.
    Post(u8),
}

impl Thing {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..USERS).map(Self::User).chain((0..POSTS).map(Self::Post))
    }

    /// All posts of a person.
    pub fn posts_of(user: u8) -> impl Iterator<Item = Self> {
        (0..POSTS).map(Self::Post).filter(move |post| post.person() == user)
    }

    /// The person themselves, or the post's author.
    pub fn person(self) -> u8 {
        match self {
            Self::User(user) => user,
            Self::Post(post) => u8::from(post >= POSTS_OF_FIRST),
        }
    }

    /// The aggregate's kind.
    pub fn kind(self) -> AggregateKind {
        match self {
            Self::User(_) => AggregateKind::User,
            Self::Post(_) => AggregateKind::Post,
        }
    }

    /// The aggregate's id.
    pub fn id(self) -> Uuid {
        match self {
            Self::User(user) => user_id(user).0,
            Self::Post(post) => post_id(post).0,
        }
    }

    /// The aggregate with this id.
    pub fn of_id(id: Uuid) -> Option<Self> {
        Self::all().find(|thing| thing.id() == id)
    }

    /// The document's key.
    pub fn key(self) -> DocumentKey {
        match self {
            Self::User(user) => DocumentKey::new(USER, user_id(user)),
            Self::Post(post) => DocumentKey::new(POST, post_id(post)),
        }
    }

    /// The aggregate that a document is made of.
    pub fn of_key(key: &DocumentKey) -> Option<Self> {
        Self::all().find(|thing| thing.key() == *key)
    }
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(user) => write!(f, "user{user}"),
            Self::Post(post) => write!(f, "post{post}"),
        }
    }
}

/// A person's id.
pub fn user_id(user: u8) -> UserId {
    UserId(Uuid::from_u128(USER_IDS + u128::from(user)))
}

/// A post's id.
pub fn post_id(post: u8) -> PostId {
    PostId(Uuid::from_u128(POST_IDS + u128::from(post)))
}

/// An event's id; its number shows in documents.
pub fn event_id(number: u64) -> EventId {
    EventId(Uuid::from_u128(u128::from(number)))
}

/// The number in an event's id.
pub fn number_of(event: EventId) -> u64 {
    u64::try_from(event.0.as_u128()).unwrap_or_default()
}

/// A command's id.
pub fn command_id(number: u64) -> CommandId {
    CommandId(Uuid::from_u128(u128::from(number)))
}

/// The log's first, second, third… life.
pub fn history(number: u64) -> History {
    History(Uuid::from_u128(u128::from(number)))
}

/// What a schedule is about: all of them, or so few that everybody meets there.
#[derive(Debug, Clone)]
pub struct Cast {
    things: Vec<Thing>,
}

impl Cast {
    /// The cast of one schedule.
    pub fn of(random: &mut Random) -> Self {
        use Thing::{Post, User};
        let things = match random.below(3) {
            0 => Thing::all().collect(),
            1 => vec![Post(0), Post(1), Post(2), User(0)],
            _ => vec![Post(0), Post(1), User(0)],
        };
        Self { things }
    }

    /// One of them.
    pub fn any(&self, random: &mut Random) -> Thing {
        random.one_of(&self.things).copied().unwrap_or(Thing::User(0))
    }

    /// One or two of them, in the order in which rows are locked.
    pub fn some(&self, random: &mut Random) -> Vec<Thing> {
        let mut chosen = vec![self.any(random)];
        if random.chance(0.33) {
            chosen.push(self.any(random));
        }
        chosen.sort_unstable();
        chosen.dedup();
        chosen
    }
}
