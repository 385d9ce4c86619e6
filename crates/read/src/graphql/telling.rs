//! A subscription's resolver: begins it, or tells one item of it as an event of the schema.

use super::context::RequestContext;
use super::error::Refusal;
use super::live_event::HistoryGone;
use super::part::{Documents, Happening, Occurrence};
use crate::live::{Cursor, Request, SubscribeError};
use crate::models::Registered;
use crate::projection::{DocumentKey, Projection};
use async_graphql::Error;
use futures_util::{Stream, StreamExt, stream};
use std::collections::BTreeSet;
use std::future::{Future, ready};
use std::sync::Arc;
use tokio::time::timeout;

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
pub trait Teller: Send + Sync + 'static {
    /// The projection whose changes are told.
    type Projection: Registered;
    /// The events.
    type Event: From<HistoryGone> + Send;

    /// One item. Everything that the request reads from here on is at least as new as it.
    ///
    /// An error ends the subscription: an item must not be passed over.
    fn tell(&self, item: Item<Self>) -> impl Future<Output = Result<Told<Self::Event>, Refusal>> + Send;
}

/// An item that may be told, with documents of the teller's projection.
pub type Item<T> = Happening<Documents<<<T as Teller>::Projection as Projection>::Document>>;

/// What a subscription that begins listens to.
#[derive(Debug)]
pub struct Wanted {
    /// The topics whose changes are wanted.
    pub topics: BTreeSet<String>,
    /// The documents of the snapshot.
    pub documents: Vec<DocumentKey>,
    /// Where to go on; none for a snapshot and what comes after it.
    pub after: Option<Cursor>,
}

/// Reads the argument `after`.
pub fn cursor(after: Option<String>) -> Result<Option<Cursor>, Refusal> {
    let malformed = |_| Refusal::MalformedCursor { argument: "after" };
    after.map(|text| text.parse().map_err(malformed)).transpose()
}

/// What a resolver answers: nothing where the subscription begins, else the event of the item that is told here, if there is one.
pub async fn events<T: Teller>(
    request: Arc<RequestContext>,
    wanted: Wanted,
    teller: T,
) -> Result<impl Stream<Item = Result<T::Event, Error>> + Send, Refusal> {
    if request.part().begins() {
        begin::<T::Projection>(&request, wanted).await?;
    }
    Ok(stream::once(async move { tell(&request, &teller).await }).filter_map(ready))
}

/// Whoever connects again as soon as a process listens may be there before its feeds have found their projections.
async fn begin<P: Registered>(request: &RequestContext, wanted: Wanted) -> Result<(), Refusal> {
    let Wanted { topics, documents, after } = wanted;
    let brought = request.part().take_cursor();
    let after = if brought.is_some() { cursor(brought)? } else { after };
    let wanted = Request { topics, documents, after, viewer: request.viewer().clone() };
    let (feed, patience) = (request.side().feed::<P>(), request.side().limits().consistency_wait);
    // If that is over, the subscription says so.
    let _late = timeout(patience, feed.found()).await;
    let subscription = feed.subscribe(wanted)?;
    request.part().leave(subscription);
    Ok(())
}

async fn tell<T: Teller>(request: &RequestContext, teller: &T) -> Option<Result<T::Event, Error>> {
    let item = request.part().take_item()?;
    let told = match item {
        Occurrence::Happening(happening) => teller.tell(happening.of()).await,
        Occurrence::HistoryGone => Ok(Told::Last(HistoryGone::default().into())),
        Occurrence::Refused(refusal) => Err(refusal),
    };
    if matches!(told, Ok(Told::Last(_)) | Err(_)) {
        request.part().note_last();
    }
    match told {
        Ok(Told::Nothing) => None,
        Ok(Told::Event(event) | Told::Last(event)) => Some(Ok(event)),
        Err(refusal) => Some(Err(refusal.into())),
    }
}

impl From<SubscribeError> for Refusal {
    fn from(error: SubscribeError) -> Self {
        match error {
            SubscribeError::MalformedCursor => Self::MalformedCursor { argument: "after" },
            SubscribeError::TooManyTopics { max } => Self::LimitExceeded { limit: "topics_per_subscriber_max", max },
            SubscribeError::TooManySubscribers { max } => Self::LimitExceeded { limit: "subscribers_max", max },
            SubscribeError::NotReady | SubscribeError::Stopping => Self::Unavailable,
        }
    }
}
