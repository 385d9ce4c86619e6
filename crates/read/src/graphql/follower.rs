//! One subscriber of an operation: its own place in the changes, and what each of them looks like, made once for all who share it.

use super::context::{Asked, EVENT_TIME, RequestContext};
use super::listener::{Heard, Listener};
use super::part::{Happening, Occurrence};
use super::read_side::ReadSide;
use super::shared::{Audience, Group, Groups, Moment, Operation, Telling};
use crate::reader::OnTimeout;
use futures_util::{Stream, stream};
use metrics::Counter;
use millrace_events::{ConsistencyToken, Viewer};
use std::future::Future;
use std::sync::Arc;
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
    /// True if all of them are such that the same may go well later.
    pub may_pass: bool,
}

/// A response that a subscriber gets.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// As JSON.
    pub json: Arc<str>,
    /// Where the subscriber goes on after it; none of an end.
    pub cursor: Option<String>,
    /// True if it says that the subscription was cut off, and may be taken up again after the last cursor.
    pub is_cut_off: bool,
}

/// A subscriber.
pub struct Follower<E> {
    side: Arc<ReadSide>,
    listener: Box<dyn Listener>,
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
        let listener = context.part().take_subscription()?;
        let deliveries = metrics::counter!("millrace_live_deliveries_total", "projection" => listener.projection());
        let viewer = context.viewer().clone();
        Some(Self {
            side: Arc::clone(context.side()),
            listener,
            on_timeout: operation.on_timeout,
            brought: context.token(),
            shown: None,
            everybody: groups.join(operation, None),
            own: groups.join(operation, Some(Audience::of(&viewer))),
            viewer,
            execute,
            deliveries,
            is_over: false,
        })
    }

    /// The responses, until the end.
    pub fn into_stream(self) -> impl Stream<Item = Delivery> + Send {
        stream::unfold(self, |mut follower| async move {
            let response = follower.next().await?;
            Some((response, follower))
        })
    }

    /// The next response, past all items that are not for this subscriber; none at the end.
    pub async fn next(&mut self) -> Option<Delivery> {
        while !self.is_over {
            let heard = self.listener.next().await?;
            let telling = self.take(&heard).await;
            self.is_over = telling.is_last;
            self.remember(&telling);
            if let Some(payload) = &telling.payload {
                self.deliveries.increment(1);
                self.side.pipeline().note_delivery();
                let cursor = heard.occurrence.into_cursor().filter(|_| !(telling.is_last && telling.has_errors));
                return Some(Delivery { json: Arc::clone(payload), cursor, is_cut_off: telling.is_cut_off });
            }
        }
        None
    }

    async fn take(&mut self, heard: &Heard) -> Arc<Telling> {
        let telling = self.tell(heard).await;
        let Some(topics) = &telling.topics else { return telling };
        match self.listener.set_topics(topics.clone()) {
            Ok(()) => telling,
            Err(refused) => self.alone(None, &Occurrence::Refused(refused.into())).await,
        }
    }

    /// What the item looks like: as somebody else had it made, if that shows all that this subscriber is owed.
    async fn tell(&self, heard: &Heard) -> Arc<Telling> {
        let Heard { owed, moment, occurrence } = heard;
        let Some(moment) = *moment else { return self.alone(owed.as_ref(), occurrence).await };
        let telling = self.share(owed.as_ref(), moment, occurrence).await;
        if telling.shows(self.brought.as_ref()) { telling } else { self.alone(owed.as_ref(), occurrence).await }
    }

    async fn share(&self, owed: Option<&ConsistencyToken>, moment: Moment, occurrence: &Occurrence) -> Arc<Telling> {
        let withdrawn = self.side.withdrawals().token();
        let (needs, withdrawn) = ([self.shown.as_ref(), withdrawn.as_deref()], withdrawn.as_ref());
        let make = move || self.make(owed, withdrawn, None, occurrence);
        if !self.everybody.is_personal() {
            let (telling, is_mine) = self.everybody.telling(moment, needs, make).await;
            if is_mine {
                self.everybody.note_personal(telling.is_personal);
            }
            if is_mine || !telling.is_personal {
                return telling;
            }
        }
        let (telling, is_mine) = self.own.telling(moment, needs, make).await;
        if is_mine {
            self.everybody.note_personal(telling.is_personal);
        }
        telling
    }

    async fn alone(&self, owed: Option<&ConsistencyToken>, occurrence: &Occurrence) -> Arc<Telling> {
        Arc::new(self.make(owed, self.side.withdrawals().token().as_ref(), self.brought.as_ref(), occurrence).await)
    }

    async fn make(
        &self,
        owed: Option<&ConsistencyToken>,
        withdrawn: Option<&Arc<ConsistencyToken>>,
        brought: Option<&ConsistencyToken>,
        occurrence: &Occurrence,
    ) -> Telling {
        count_execution(self.listener.projection(), occurrence);
        let asked = Asked {
            viewer: self.viewer.clone(),
            token: merged([owed, self.shown.as_ref(), withdrawn.map(Arc::as_ref), brought]),
            on_timeout: self.on_timeout,
            deadline: Instant::now() + EVENT_TIME,
        };
        let context = Arc::new(RequestContext::of_item(Arc::clone(&self.side), asked, occurrence.clone()));
        let executed = self.execute.execute(Arc::clone(&context)).await;
        let (topics, is_last) = context.part().outcome();
        Telling {
            has_errors: executed.as_ref().is_some_and(|executed| executed.has_errors),
            is_cut_off: is_last && executed.as_ref().is_some_and(|executed| executed.may_pass),
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

fn merged<'a>(tokens: impl IntoIterator<Item = Option<&'a ConsistencyToken>>) -> Option<ConsistencyToken> {
    tokens.into_iter().flatten().fold(None, |merged, token| match merged {
        None => Some(token.clone()),
        Some(mut merged) => {
            merged.merge(token);
            Some(merged)
        }
    })
}

fn count_execution(projection: &'static str, occurrence: &Occurrence) {
    let item = match occurrence {
        Occurrence::Happening(Happening::Snapshot(..)) => "snapshot",
        Occurrence::Happening(Happening::Changed(..) | Happening::Gone(..)) => "change",
        Occurrence::HistoryGone | Occurrence::Refused(_) => "end",
    };
    metrics::counter!("millrace_live_executions_total", "projection" => projection, "item" => item).increment(1);
}
