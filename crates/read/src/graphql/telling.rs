//! A subscription's items, told as events of the schema: one after another, none twice, none left out.

use super::context::RequestContext;
use super::error::Refusal;
use super::live_event::{HistoryGone, Occasion};
use crate::live::{Closing, Cursor, Item, Request, SubscribeError, Subscription};
use crate::models::content::{Content, ContentDocument};
use crate::projection::{Change, DocumentKey};
use crate::reader::ServedStore;
use async_graphql::Error;
use futures_util::{Stream, stream};
use millrace_events::{ConsistencyToken, Position, Revision, Timestamp};
use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use time::OffsetDateTime;

/// A subscription to changes of content.
pub type ContentSubscription = Subscription<Content, ServedStore<Content>>;

/// What becomes of an item.
#[derive(Debug)]
pub enum Told<E> {
    /// It is not for this subscriber.
    Nothing,
    /// An event.
    Event(E),
    /// An event after which nothing can come.
    Last(E),
}

impl<E> Told<E> {
    /// The same of another event.
    pub fn map<U>(self, map: impl FnOnce(E) -> U) -> Told<U> {
        match self {
            Self::Nothing => Told::Nothing,
            Self::Event(event) => Told::Event(map(event)),
            Self::Last(event) => Told::Last(map(event)),
        }
    }
}

/// Makes events of items.
pub trait Teller: Send + 'static {
    /// The events.
    type Event: From<HistoryGone> + Send;

    /// One item. Everything that the request reads from here on is at least as new as it.
    ///
    /// An error ends the subscription: an item must not be passed over.
    fn tell(
        &mut self,
        item: Happening,
        subscription: &mut ContentSubscription,
    ) -> impl Future<Output = Result<Told<Self::Event>, Refusal>> + Send;
}

/// An item that may be told, with its occasion.
#[derive(Debug)]
pub enum Happening {
    /// The beginning: documents that exist and may be seen, with their revisions.
    Snapshot(Occasion, Vec<(DocumentKey, Revision, ContentDocument)>),
    /// A document changed.
    Changed(Occasion, Arc<Change>),
    /// A document is gone for the viewer.
    Gone(Occasion, Arc<Change>),
}

/// Begins a subscription to these topics.
pub fn subscribe(
    request: &RequestContext,
    topics: BTreeSet<String>,
    documents: Vec<DocumentKey>,
    after: Option<Cursor>,
) -> Result<ContentSubscription, Refusal> {
    let wanted = Request { topics, documents, after, viewer: request.viewer().clone() };
    request.side().feed::<Content>().subscribe(wanted).map_err(Refusal::from)
}

/// Reads the argument `after`.
pub fn cursor(after: Option<String>) -> Result<Option<Cursor>, Refusal> {
    let malformed = |_| Refusal::MalformedCursor { argument: "after" };
    after.map(|text| text.parse().map_err(malformed)).transpose()
}

/// The events of a subscription, until its end.
pub fn events<T: Teller>(
    request: Arc<RequestContext>,
    subscription: ContentSubscription,
    teller: T,
) -> impl Stream<Item = Result<T::Event, Error>> + Send {
    stream::unfold(Some((request, subscription, teller)), |state| async move {
        let (request, mut subscription, mut teller) = state?;
        match next(&request, &mut subscription, &mut teller).await? {
            Ok(Told::Event(event)) => Some((Ok(event), Some((request, subscription, teller)))),
            Ok(Told::Last(event)) => Some((Ok(event), None)),
            Ok(Told::Nothing) => None,
            Err(refusal) => Some((Err(refusal.into()), None)),
        }
    })
}

/// The next event, past all items that are not for this subscriber; none if it simply ends.
async fn next<T: Teller>(
    request: &RequestContext,
    subscription: &mut ContentSubscription,
    teller: &mut T,
) -> Option<Result<Told<T::Event>, Refusal>> {
    loop {
        let item = subscription.next().await?;
        owe(request, &item);
        let happening = match item {
            Item::HistoryGone => return Some(Ok(Told::Last(HistoryGone::default().into()))),
            Item::Closed { cursor, why } => return refusal_of(why, cursor.as_ref()).map(Err),
            Item::Snapshot { cursor, documents, .. } => {
                let documents = documents.into_iter().map(|(key, stored)| (key, stored.revision, stored.document));
                Happening::Snapshot(beginning(&cursor), documents.collect())
            }
            Item::Change { cursor, change } => Happening::Changed(occasion(&cursor, &change), change),
            Item::Gone { cursor, change } => Happening::Gone(occasion(&cursor, &change), change),
        };
        match teller.tell(happening, subscription).await {
            Ok(Told::Nothing) => {}
            told => return Some(told),
        }
    }
}

/// Only this projection must have got there: each field draws on one.
fn owe(request: &RequestContext, item: &Item<ContentDocument>) {
    let Some(required) = item.owed() else { return };
    let mut token = ConsistencyToken::of_command(required.history, Position::START);
    token.projections.extend(required.seen.map(|seen| (CONTENT.to_owned(), seen)));
    request.owe(&token);
}

const CONTENT: &str = <Content as crate::projection::Projection>::NAME;

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

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::MalformedCursor => Self::MalformedCursor { argument: "after" },
            SubscribeError::TooManyTopics { max } => Self::LimitExceeded { limit: "topics", max },
            SubscribeError::TooManySubscribers { max } => Self::LimitExceeded { limit: "subscribers", max },
            SubscribeError::NotReady | SubscribeError::Stopping => Self::Unavailable,
        }
    }
}
