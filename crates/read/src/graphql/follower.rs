//! One subscriber of an operation: its own place in the changes, and what each of them looks like, made once for all who share it.

use super::context::{Asked, EVENT_TIME, RequestContext};
use super::error::Refusal;
use super::live_event::Occasion;
use super::part::{ContentSubscription, Happening, Occurrence};
use super::read_side::ReadSide;
use super::shared::{Audience, Group, Groups, Moment, Operation, Place, Telling};
use crate::live::{Closing, Cursor, Item, SubscribeError};
use crate::models::content::{Content, ContentDocument};
use crate::projection::{Change, Projection};
use crate::reader::OnTimeout;
use futures_util::{Stream, stream};
use metrics::Counter;
use millrace_events::{ConsistencyToken, Position, Required, Timestamp, Viewer};
use std::future::Future;
use std::sync::Arc;
use time::OffsetDateTime;
use tokio::time::Instant;

/// Executes an operation's selection in a context.
pub trait Execute: Send + Sync + 'static {
    /// Executes it; none if there is no response.
    fn execute(&self, context: Arc<RequestContext>) -> impl Future<Output = Option<Executed>> + Send;
}

/// A response.
#[derive(Debug, Clone)]
pub struct Executed {
    /// As JSON.
    pub json: Arc<str>,
    /// True if there are errors in it.
    pub has_errors: bool,
}

/// A subscriber.
pub struct Follower<E> {
    side: Arc<ReadSide>,
    subscription: ContentSubscription,
    viewer: Viewer,
    on_timeout: OnTimeout,
    /// What the request brought. Nobody else has to wait for it.
    brought: Option<ConsistencyToken>,
    /// What it was shown. It is not shown less later.
    shown: Option<ConsistencyToken>,
    everybody: Arc<Group>,
    own: Arc<Group>,
    execute: E,
    deliveries: Counter,
    is_over: bool,
}

impl<E: Execute> Follower<E> {
    /// The subscriber whose operation was begun in this context; none if the operation is no subscription to changes.
    pub fn of(context: &RequestContext, groups: &Arc<Groups>, operation: &Operation, execute: E) -> Option<Self> {
        let subscription = context.part().take_subscription()?;
        let viewer = context.viewer().clone();
        Some(Self {
            side: Arc::clone(context.side()),
            subscription,
            on_timeout: operation.on_timeout,
            brought: context.token(),
            shown: None,
            everybody: groups.join(operation, None),
            own: groups.join(operation, Some(Audience::of(&viewer))),
            viewer,
            execute,
            deliveries: metrics::counter!("millrace_live_deliveries_total", "projection" => Content::NAME),
            is_over: false,
        })
    }

    /// The responses, until the end.
    pub fn into_stream(self) -> impl Stream<Item = Arc<str>> + Send {
        stream::unfold(self, |mut follower| async move {
            let response = follower.next().await?;
            Some((response, follower))
        })
    }

    /// The next response, past all items that are not for this subscriber; none at the end.
    pub async fn next(&mut self) -> Option<Arc<str>> {
        while !self.is_over {
            let item = self.subscription.next().await?;
            let telling = self.take(item).await?;
            self.is_over = telling.is_last;
            self.remember(&telling);
            if let Some(payload) = &telling.payload {
                self.deliveries.increment(1);
                return Some(Arc::clone(payload));
            }
        }
        None
    }

    async fn take(&mut self, item: Item<ContentDocument>) -> Option<Arc<Telling>> {
        let (owed, moment, occurrence) = (item.owed(), moment(&item), occurrence(item)?);
        let telling = self.tell(owed, moment, &occurrence).await;
        let Some(topics) = &telling.topics else { return Some(telling) };
        match self.subscription.set_topics(topics.clone()) {
            Ok(()) => Some(telling),
            Err(refused) => Some(self.alone(None, &Occurrence::Refused(refused.into())).await),
        }
    }

    /// What the item looks like: as somebody else had it made, if that shows all that this subscriber is owed.
    async fn tell(&self, owed: Option<Required>, moment: Option<Moment>, occurrence: &Occurrence) -> Arc<Telling> {
        let Some(moment) = moment else { return self.alone(owed, occurrence).await };
        let telling = self.share(owed, moment, occurrence).await;
        if telling.shows(self.brought.as_ref()) { telling } else { self.alone(owed, occurrence).await }
    }

    async fn share(&self, owed: Option<Required>, moment: Moment, occurrence: &Occurrence) -> Arc<Telling> {
        let (shown, make) = (self.shown.as_ref(), move || self.make(owed, None, occurrence));
        if !self.everybody.is_personal() {
            let (telling, is_mine) = self.everybody.telling(moment, shown, make).await;
            if is_mine {
                self.everybody.note_personal(telling.is_personal);
            }
            if is_mine || !telling.is_personal {
                return telling;
            }
        }
        let (telling, is_mine) = self.own.telling(moment, shown, make).await;
        if is_mine {
            self.everybody.note_personal(telling.is_personal);
        }
        telling
    }

    async fn alone(&self, owed: Option<Required>, occurrence: &Occurrence) -> Arc<Telling> {
        Arc::new(self.make(owed, self.brought.as_ref(), occurrence).await)
    }

    async fn make(
        &self,
        owed: Option<Required>,
        brought: Option<&ConsistencyToken>,
        occurrence: &Occurrence,
    ) -> Telling {
        count_execution(occurrence);
        let asked = Asked {
            viewer: self.viewer.clone(),
            token: merged([owed.map(token), self.shown.clone(), brought.cloned()]),
            on_timeout: self.on_timeout,
            deadline: Instant::now() + EVENT_TIME,
        };
        let context = Arc::new(RequestContext::of_item(Arc::clone(&self.side), asked, occurrence.clone()));
        let executed = self.execute.execute(Arc::clone(&context)).await;
        let (topics, is_last) = context.part().outcome();
        Telling {
            has_errors: executed.as_ref().is_some_and(|executed| executed.has_errors),
            payload: executed.map(|executed| executed.json),
            token: context.token(),
            is_personal: context.is_personal(),
            topics,
            is_last,
        }
    }

    fn remember(&mut self, telling: &Telling) {
        match (&mut self.shown, &telling.token) {
            (Some(shown), Some(token)) => shown.merge(token),
            (None, Some(token)) => self.shown = Some(token.clone()),
            (_, None) => {}
        }
    }
}

fn merged(tokens: impl IntoIterator<Item = Option<ConsistencyToken>>) -> Option<ConsistencyToken> {
    tokens.into_iter().flatten().reduce(|mut merged, token| {
        merged.merge(&token);
        merged
    })
}

/// Only this projection must have got there: each field draws on one.
fn token(required: Required) -> ConsistencyToken {
    let mut token = ConsistencyToken::of_command(required.history, Position::START);
    token.projections.extend(required.seen.map(|seen| (Content::NAME.to_owned(), seen)));
    token
}

/// The moment that others may share; a snapshot is each subscriber's own, and so is its end.
fn moment(item: &Item<ContentDocument>) -> Option<Moment> {
    let place = |cursor: &Cursor| Place { history: cursor.history, generation: cursor.generation, seq: cursor.seq };
    match item {
        Item::Change { cursor, .. } => Some(Moment::Changed(place(cursor))),
        Item::Gone { cursor, .. } => Some(Moment::Gone(place(cursor))),
        Item::HistoryGone => Some(Moment::HistoryGone),
        Item::Snapshot { .. } | Item::Closed { .. } => None,
    }
}

/// An item, ready to be told; none if the subscription simply ends.
fn occurrence(item: Item<ContentDocument>) -> Option<Occurrence> {
    Some(match item {
        Item::HistoryGone => Occurrence::HistoryGone,
        Item::Closed { cursor, why } => Occurrence::Refused(refusal_of(why, cursor.as_ref())?),
        Item::Snapshot { cursor, documents, .. } => {
            let documents = documents.into_iter().map(|(key, stored)| (key, stored.revision, stored.document));
            Occurrence::Happening(Happening::Snapshot(beginning(&cursor), documents.collect()))
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

fn count_execution(occurrence: &Occurrence) {
    let item = match occurrence {
        Occurrence::Happening(Happening::Snapshot(..)) => "snapshot",
        Occurrence::Happening(Happening::Changed(..) | Happening::Gone(..)) => "change",
        Occurrence::HistoryGone | Occurrence::Refused(_) => "end",
    };
    metrics::counter!("millrace_live_executions_total", "projection" => Content::NAME, "item" => item).increment(1);
}
