//! Listening to the changes of whichever projection a subscription draws on.

use super::error::Refusal;
use super::live_event::Occasion;
use super::part::{Erased, Happening, Occurrence};
use super::shared::{Moment, Place};
use crate::live::{Closing, Cursor, Item, SubscribeError, Subscription};
use crate::models::Registered;
use crate::projection::{Change, Document};
use crate::reader::ServedStore;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_events::{ConsistencyToken, Position, Required, Timestamp};
use std::collections::BTreeSet;
use time::OffsetDateTime;

/// An item of a subscription, ready to be told.
#[derive(Debug)]
pub struct Heard {
    /// What a read must have reached to show it.
    pub owed: Option<ConsistencyToken>,
    /// Where others get it too; none if it is this subscriber's own.
    pub moment: Option<Moment>,
    /// The item.
    pub occurrence: Occurrence,
}

/// A subscription to the changes of one projection.
pub trait Listener: Send + Sync {
    /// The projection's name.
    fn projection(&self) -> &'static str;

    /// The next item; none after the last, or if the subscription simply ends.
    fn next(&mut self) -> BoxFuture<'_, Option<Heard>>;

    /// Listens to other topics, from the last item on.
    fn set_topics(&mut self, topics: BTreeSet<String>) -> Result<(), SubscribeError>;
}

impl<P: Registered> Listener for Subscription<P, ServedStore<P>> {
    fn projection(&self) -> &'static str {
        P::NAME
    }

    fn next(&mut self) -> BoxFuture<'_, Option<Heard>> {
        async move {
            let item = Subscription::next(self).await?;
            let owed = item.owed().map(|required| token(P::NAME, required));
            Some(Heard { owed, moment: moment(&item), occurrence: occurrence(item)? })
        }
        .boxed()
    }

    fn set_topics(&mut self, topics: BTreeSet<String>) -> Result<(), SubscribeError> {
        Subscription::set_topics(self, topics)
    }
}

/// Only this projection must have got there: each field draws on one.
fn token(projection: &str, required: Required) -> ConsistencyToken {
    let mut token = ConsistencyToken::of_command(required.history, Position::START);
    token.projections.extend(required.seen.map(|seen| (projection.to_owned(), seen)));
    token
}

/// The moment that others may share; a snapshot is each subscriber's own, and so is its end.
fn moment<D>(item: &Item<D>) -> Option<Moment> {
    let place = |cursor: &Cursor| Place { history: cursor.history, generation: cursor.generation, seq: cursor.seq };
    match item {
        Item::Change { cursor, .. } => Some(Moment::Changed(place(cursor))),
        Item::Gone { cursor, .. } => Some(Moment::Gone(place(cursor))),
        Item::HistoryGone => Some(Moment::HistoryGone),
        Item::Snapshot { .. } | Item::Closed { .. } => None,
    }
}

/// An item, ready to be told; none if the subscription simply ends.
fn occurrence<D: Document>(item: Item<D>) -> Option<Occurrence> {
    Some(match item {
        Item::HistoryGone => Occurrence::HistoryGone,
        Item::Closed { cursor, why } => Occurrence::Refused(refusal_of(why, cursor.as_ref())?),
        Item::Snapshot { cursor, documents, .. } => {
            let documents = documents.into_iter().map(|(key, stored)| (key, stored.revision, stored.document));
            Occurrence::Happening(Happening::Snapshot(beginning(&cursor), Erased::new::<D>(documents.collect())))
        }
        Item::Change { cursor, change } => {
            Occurrence::Happening(Happening::Changed(occasion(&cursor, &change), change))
        }
        Item::Gone { cursor, change } => Occurrence::Happening(Happening::Gone(occasion(&cursor, &change), change)),
    })
}

fn occasion(cursor: &Cursor, change: &Change) -> Occasion {
    Occasion {
        cursor: cursor.to_string(),
        position: change.position,
        at: change.at,
        command_id: Some(change.command_id),
    }
}

fn beginning(cursor: &Cursor) -> Occasion {
    let at = Timestamp::new(OffsetDateTime::now_utc());
    Occasion { cursor: cursor.to_string(), position: cursor.position, at, command_id: None }
}

/// A process that stops just ends the subscription; its transport says why.
fn refusal_of(why: Closing, cursor: Option<&Cursor>) -> Option<Refusal> {
    let cursor = cursor.map(ToString::to_string);
    match why {
        Closing::Stopping | Closing::Refused(SubscribeError::Stopping) => None,
        Closing::Slow => Some(Refusal::Slow { cursor }),
        Closing::Refused(refused) => Some(refused.into()),
        Closing::Store(error) => {
            tracing::warn!(error = error.as_ref() as &dyn std::error::Error, "a subscription was cut off by the store");
            Some(Refusal::Interrupted { cursor })
        }
    }
}
