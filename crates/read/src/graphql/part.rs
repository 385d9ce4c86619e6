//! What the resolver of a subscription is run for: once to begin it, then once for each item that is told.
//!
//! So one run can serve many subscribers: each listens for itself, and what an item looks like is made once for all of them.

use super::error::Refusal;
use super::listener::Listener;
use super::live_event::Occasion;
use crate::projection::{Change, Document, DocumentKey};
use millrace_events::Revision;
use std::any::Any;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Documents of a projection, with their revisions.
pub type Documents<D> = Vec<(DocumentKey, Revision, D)>;

/// Documents of whichever projection; the resolver knows which.
#[derive(Debug, Clone)]
pub struct Erased(Arc<dyn Any + Send + Sync>);

impl Erased {
    /// Forgets the type.
    pub fn new<D: Document>(documents: Documents<D>) -> Self {
        Self(Arc::new(documents))
    }

    /// The documents; none if they are of another projection, which no resolver asks for.
    fn restore<D: Document>(&self) -> Documents<D> {
        self.0.downcast_ref::<Documents<D>>().cloned().unwrap_or_default()
    }
}

/// An item that may be told, with its occasion.
#[derive(Debug, Clone)]
pub enum Happening<S> {
    /// The beginning: documents that exist and may be seen.
    Snapshot(Occasion, S),
    /// A document changed.
    Changed(Occasion, Arc<Change>),
    /// A document is gone for the viewer.
    Gone(Occasion, Arc<Change>),
}

impl Happening<Erased> {
    /// The same, with its documents.
    pub fn of<D: Document>(self) -> Happening<Documents<D>> {
        match self {
            Self::Snapshot(occasion, documents) => Happening::Snapshot(occasion, documents.restore()),
            Self::Changed(occasion, change) => Happening::Changed(occasion, change),
            Self::Gone(occasion, change) => Happening::Gone(occasion, change),
        }
    }
}

/// What comes to a subscriber.
#[derive(Debug, Clone)]
pub enum Occurrence {
    /// Something that is the subscription's to tell.
    Happening(Happening<Erased>),
    /// What came after the cursor is no longer kept.
    HistoryGone,
    /// It cannot go on.
    Refused(Refusal),
}

/// One part of a subscription's work.
pub enum Part {
    /// To begin.
    Begin {
        /// The subscription is left here, for whoever runs the operation.
        listener: Option<Box<dyn Listener>>,
        /// The cursor that the transport itself brought, which is newer than the one in the operation.
        after: Option<String>,
    },
    /// To tell an item.
    Tell {
        /// The item, until the resolver has taken it.
        item: Option<Box<Occurrence>>,
        /// What is listened to from this item on, if that changes.
        topics: Option<BTreeSet<String>>,
        /// True if nothing comes after it.
        is_last: bool,
    },
}

impl Default for Part {
    fn default() -> Self {
        Self::begin(None)
    }
}

impl Occurrence {
    /// Where to go on after it, if it has a place of its own.
    pub fn into_cursor(self) -> Option<String> {
        match self {
            Self::Happening(happening) => {
                let (Happening::Snapshot(occasion, _) | Happening::Changed(occasion, _) | Happening::Gone(occasion, _)) =
                    happening;
                Some(occasion.cursor)
            }
            Self::HistoryGone | Self::Refused(_) => None,
        }
    }
}

impl Part {
    /// To begin, after the cursor that the transport itself brought.
    pub fn begin(after: Option<String>) -> Self {
        Self::Begin { listener: None, after }
    }

    /// The cursor that the transport itself brought.
    pub fn take_cursor(&mut self) -> Option<String> {
        match self {
            Self::Begin { after, .. } => after.take(),
            Self::Tell { .. } => None,
        }
    }

    /// To tell this item.
    pub fn tell(item: Occurrence) -> Self {
        Self::Tell { item: Some(Box::new(item)), topics: None, is_last: false }
    }

    /// True if a subscription begins here.
    pub fn begins(&self) -> bool {
        matches!(self, Self::Begin { .. })
    }

    /// Leaves the subscription that begins.
    pub fn leave(&mut self, listener: impl Listener + 'static) {
        if let Self::Begin { listener: place, .. } = self {
            *place = Some(Box::new(listener));
        }
    }

    /// The subscription that was left.
    pub fn take_subscription(&mut self) -> Option<Box<dyn Listener>> {
        match self {
            Self::Begin { listener, .. } => listener.take(),
            Self::Tell { .. } => None,
        }
    }

    /// The item, for the resolver that tells it.
    pub fn take_item(&mut self) -> Option<Occurrence> {
        match self {
            Self::Begin { .. } => None,
            Self::Tell { item, .. } => item.take().map(|item| *item),
        }
    }

    /// From this item on these topics are listened to.
    pub fn listen_to(&mut self, wanted: BTreeSet<String>) {
        if let Self::Tell { topics, .. } = self {
            *topics = Some(wanted);
        }
    }

    /// Nothing comes after this item.
    pub fn note_last(&mut self) {
        if let Self::Tell { is_last, .. } = self {
            *is_last = true;
        }
    }

    /// What is listened to from now on, if that changes, and whether this was the last item.
    pub fn outcome(&mut self) -> (Option<BTreeSet<String>>, bool) {
        match self {
            Self::Begin { .. } => (None, false),
            Self::Tell { topics, is_last, .. } => (topics.take(), *is_last),
        }
    }
}
