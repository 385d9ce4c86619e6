//! What the resolver of a subscription is run for: once to begin it, then once for each item that is told.
//!
//! So one run can serve many subscribers: each listens for itself, and what an item looks like is made once for all of them.

use super::error::Refusal;
use super::live_event::Occasion;
use crate::live::Subscription;
use crate::models::content::{Content, ContentDocument};
use crate::projection::{Change, DocumentKey};
use crate::reader::ServedStore;
use millrace_events::Revision;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A subscription to changes of content.
pub type ContentSubscription = Subscription<Content, ServedStore<Content>>;

/// An item that may be told, with its occasion.
#[derive(Debug, Clone)]
pub enum Happening {
    /// The beginning: documents that exist and may be seen, with their revisions.
    Snapshot(Occasion, Vec<(DocumentKey, Revision, ContentDocument)>),
    /// A document changed.
    Changed(Occasion, Arc<Change>),
    /// A document is gone for the viewer.
    Gone(Occasion, Arc<Change>),
}

/// What comes to a subscriber.
#[derive(Debug, Clone)]
pub enum Occurrence {
    /// Something that is the subscription's to tell.
    Happening(Happening),
    /// What came after the cursor is no longer kept.
    HistoryGone,
    /// It cannot go on.
    Refused(Refusal),
}

/// One part of a subscription's work.
pub enum Part {
    /// To begin: the subscription is left here, for whoever runs the operation.
    Begin(Option<Box<ContentSubscription>>),
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
        Self::Begin(None)
    }
}

impl Part {
    /// To tell this item.
    pub fn tell(item: Occurrence) -> Self {
        Self::Tell { item: Some(Box::new(item)), topics: None, is_last: false }
    }

    /// True if a subscription begins here.
    pub fn begins(&self) -> bool {
        matches!(self, Self::Begin(_))
    }

    /// Leaves the subscription that begins.
    pub fn leave(&mut self, subscription: ContentSubscription) {
        if let Self::Begin(place) = self {
            *place = Some(Box::new(subscription));
        }
    }

    /// The subscription that was left.
    pub fn take_subscription(&mut self) -> Option<ContentSubscription> {
        match self {
            Self::Begin(subscription) => subscription.take().map(|subscription| *subscription),
            Self::Tell { .. } => None,
        }
    }

    /// The item, for the resolver that tells it.
    pub fn take_item(&mut self) -> Option<Occurrence> {
        match self {
            Self::Begin(_) => None,
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
            Self::Begin(_) => (None, false),
            Self::Tell { topics, is_last, .. } => (topics.take(), *is_last),
        }
    }
}
