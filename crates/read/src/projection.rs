//! What a projection is: a pure fold from events to documents. No I/O and no clock, so that a log can be folded anywhere, as data.

use millrace_events::{CommandId, EventId, Position, Recorded, Revision, Timestamp, UserId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::sync::Arc;

/// The key of a document within its projection: its kind and id, such as `post:018f…`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DocumentKey(Arc<str>);

impl DocumentKey {
    /// The key of the document of this kind with this id.
    pub fn new(kind: &str, id: impl Display) -> Self {
        Self(format!("{kind}:{id}").into())
    }

    /// A key out of a store.
    pub fn from_store(text: &str) -> Self {
        Self(text.into())
    }

    /// The kind: what stands before the first colon.
    pub fn kind(&self) -> &str {
        self.0.split_once(':').map_or(&*self.0, |(kind, _)| kind)
    }

    /// The whole key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Display for DocumentKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a document must be able to do. Its field names are GraphQL's (camelCase): answers are cut from this very JSON.
pub trait Document: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<T: Clone + Debug + PartialEq + Serialize + DeserializeOwned + Send + Sync + 'static> Document for T {}

/// Documents that an event concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touches {
    /// Changed by the event.
    pub writes: Vec<DocumentKey>,
    /// Only looked at, such as the author's card for a new comment.
    pub reads: Vec<DocumentKey>,
}

impl Touches {
    /// True if the event does not concern the projection.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.reads.is_empty()
    }
}

/// Documents of the projection that were loaded for a fold, in their newest state.
pub trait Lookup<D> {
    /// The document, if it exists. Asking for one that was not named in [`Touches`] or by [`FanOut`] answers `None`.
    fn get(&self, key: &DocumentKey) -> Option<&D>;
}

/// A set of documents by an indexed equality.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// The documents' kind.
    pub kind: String,
    /// A field that has an index, as a path in the stored document.
    pub field: String,
    /// The wanted value; an array field matches if it has the value.
    pub value: String,
}

/// Work that an event leaves behind because it concerns more documents than one transaction should write.
///
/// It is done in chunks, between new events, and stands in the checkpoint until it is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FanOut {
    /// The event that opened it.
    pub position: Position,
    /// That event's identity and command: its changes are told under them.
    pub event_id: EventId,
    /// Position of the first event that asked for it, if a later one asked again while it was open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Position>,
    /// The command of that event.
    pub command_id: CommandId,
    /// When that event was decided.
    pub at: Timestamp,
    /// What to do with each document; a name that the projection gave.
    pub task: String,
    /// Which documents.
    pub work: FanOutWork,
    /// Documents to look at, such as the author's card.
    pub reads: Vec<DocumentKey>,
}

impl FanOut {
    /// Opened by this event: to do this with each of these documents, looking at those.
    pub fn of(event: &Recorded, task: &str, work: FanOutWork, reads: Vec<DocumentKey>) -> Self {
        Self {
            position: event.position,
            since: None,
            event_id: event.event_id,
            command_id: event.command_id,
            at: event.at,
            task: task.into(),
            work,
            reads,
        }
    }

    /// Opened by an erasure: takes the person out of the documents of this kind in which this field names them.
    pub fn erasing(event: &Recorded, kind: &str, field: &str, person: UserId) -> Self {
        let selector = Selector { kind: kind.into(), field: field.into(), value: person.to_string() };
        Self::of(event, ERASURE, FanOutWork::each(selector), vec![])
    }

    /// Position of the first event that asked for it.
    pub fn first(&self) -> Position {
        self.since.unwrap_or(self.position)
    }
}

/// The task of fan-outs that take an erased person out of documents. It reaches parked documents too: what they hold of the person goes,
/// whatever else is wrong with them.
pub const ERASURE: &str = "erasure";

/// Which documents a fan-out concerns, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "form")]
pub enum FanOutWork {
    /// Each selected document is changed, in key order.
    Each {
        /// Which ones.
        selector: Selector,
        /// The last one that is done.
        done: Option<DocumentKey>,
        /// Where it ends.
        #[serde(default)]
        end: SweepEnd,
    },
    /// One document takes in the newest of the selected ones, by their field `createdMicros` and then key.
    Refill {
        /// The document that is changed.
        document: DocumentKey,
        /// What it takes in.
        selector: Selector,
        /// How many at the most.
        newest: u32,
    },
}

impl FanOutWork {
    /// Each selected document, from the first to the last.
    pub fn each(selector: Selector) -> Self {
        Self::Each { selector, done: None, end: SweepEnd::Last }
    }

    /// Which documents are selected.
    pub fn selector(&self) -> &Selector {
        match self {
            Self::Each { selector, .. } | Self::Refill { selector, .. } => selector,
        }
    }
}

/// Where a sweep over documents in key order ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SweepEnd {
    /// After the last document.
    #[default]
    Last,
    /// After the last document it begins again with the first, and ends at this one.
    Around(DocumentKey),
    /// At this document.
    At(DocumentKey),
}

/// An event that cannot be applied to a document. The document is parked: it keeps its last good state until it is folded anew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot be applied to {key}: {reason}")]
pub struct Unfoldable {
    /// The document.
    pub key: DocumentKey,
    /// Why, for the dead letter; without personal data.
    pub reason: &'static str,
}

/// Who may see a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Audience {
    /// Everybody, signed in or not.
    Everyone,
    /// This person, and staff.
    Person(UserId),
    /// Nobody: a lookup of the projection's own, or a document that does not exist.
    Nobody,
}

/// A pure fold with a name and a version.
pub trait Projection: Send + Sync + 'static {
    /// Name in checkpoints, keys, tokens and cursors: lower case letters.
    const NAME: &'static str;
    /// Version of the fold. Raise it when `apply` or a document's shape changes: a new generation is then folded from position 1.
    const FOLD_VERSION: u32;
    /// One type for all kinds of documents of this projection (an enum tagged by kind).
    type Document: Document;

    /// The documents that an event concerns, whatever its personal data says: that may be sealed or erased. An event that does not
    /// concern the projection touches nothing, and opens no fan-out.
    fn touches(event: &Recorded) -> Touches;

    /// Applies an event to one of the documents it writes; `None` is a document that does not exist (yet, or any more).
    ///
    /// Total: an event that makes no sense for the document, such as a comment on a deleted post, leaves it as it is.
    fn apply(
        event: &Recorded,
        key: &DocumentKey,
        document: &mut Option<Self::Document>,
        others: &dyn Lookup<Self::Document>,
    ) -> Result<(), Unfoldable>;

    /// Fan-outs that an event opens, asked after all its documents are applied.
    fn fan_outs(event: &Recorded, documents: &dyn Lookup<Self::Document>) -> Vec<FanOut>;

    /// One document of a fan-out. For [`FanOutWork::Refill`], `selected` has the newest documents, newest first.
    fn spread(
        fan_out: &FanOut,
        key: &DocumentKey,
        document: &mut Option<Self::Document>,
        selected: &[(DocumentKey, Self::Document)],
        others: &dyn Lookup<Self::Document>,
    ) -> Result<(), Unfoldable>;

    /// For a refill: further documents to look at (such as the cards of the selected comments' authors).
    fn refill_reads(selected: &[(DocumentKey, Self::Document)]) -> Vec<DocumentKey>;

    /// Under which topics changes of a document are told, such as `post:ID` and `author:ID/posts`.
    fn topics(key: &DocumentKey, document: &Self::Document) -> BTreeSet<String>;

    /// Who may see a document.
    fn audience(key: &DocumentKey, document: &Self::Document) -> Audience;

    /// Indexes of the projection's collection, each as JSON: `{"key": {"authorId": 1}, "name": "…", …}` (createIndexes' form).
    fn indexes() -> Vec<serde_json::Value>;
}

/// What happened to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChangeKind {
    /// It did not exist before.
    Created,
    /// It existed, and is another now.
    Changed,
    /// It does not exist any more.
    Removed,
}

/// One document changed by one event, or by one chunk of a fan-out. It carries no personal data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// 1, 2, 3… per generation, without a gap.
    pub seq: u64,
    /// Position of the event that caused it.
    pub position: Position,
    /// Revision of the commit that it was part of.
    pub revision: Revision,
    /// The document.
    pub key: DocumentKey,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Name of the event, such as `comment.added`.
    pub event: String,
    /// The command that caused it.
    pub command_id: CommandId,
    /// When the command decided it.
    pub at: Timestamp,
    /// Topics before and after.
    pub topics: BTreeSet<String>,
    /// Who could see it before.
    pub audience_before: Audience,
    /// Who can see it now.
    pub audience_after: Audience,
}
