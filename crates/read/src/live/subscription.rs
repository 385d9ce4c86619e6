//! One subscription: a snapshot or a cursor, then each change after it, once and in order.

use super::audience::{Showing, may_see, showing};
use super::cursor::Cursor;
use super::feed::{CHANGES_PAGE, Feed};
use super::follow::{Followed, Life, judge};
use super::inbox::End;
use super::registry::{Seat, SubscribeError};
use crate::projection::{Change, DocumentKey, Projection};
use crate::store::{DocumentStore, Snapshot, StoreError, Stored};
use futures_util::{Stream, stream};
use millrace_events::fail_point::reach;
use millrace_events::{Position, Required, Revision, Viewer, rule};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

/// So often a subscription that begins looks again because the projection moved to another generation meanwhile.
const MOVES_MAX: u32 = 3;

/// What is subscribed to.
#[derive(Debug, Clone)]
pub struct Request {
    /// The topics whose changes are wanted.
    pub topics: BTreeSet<String>,
    /// The documents of the snapshot.
    pub documents: Vec<DocumentKey>,
    /// Where to go on; none for a snapshot and what comes after it.
    pub after: Option<Cursor>,
    /// Who listens.
    pub viewer: Viewer,
}

/// What a subscriber gets. Nothing comes after `HistoryGone` or `Closed`.
#[derive(Debug)]
pub enum Item<D> {
    /// The documents of one moment, after which changes follow. Only without a cursor, and first.
    Snapshot {
        /// To go on after it.
        cursor: Cursor,
        /// The checkpoint's revision at that moment.
        revision: Revision,
        /// Those that exist and that the viewer may see.
        documents: HashMap<DocumentKey, Stored<D>>,
    },
    /// A document has changed, and the viewer may see it.
    Change {
        /// To go on after it.
        cursor: Cursor,
        /// The change.
        change: Arc<Change>,
    },
    /// A document that the viewer could see was removed, or hidden from them.
    Gone {
        /// To go on after it.
        cursor: Cursor,
        /// The change.
        change: Arc<Change>,
    },
    /// What came after the cursor is no longer kept, or belongs to an earlier life: begin anew with a snapshot.
    HistoryGone,
    /// Closed from our side. Whoever brings the cursor goes on where this ended.
    Closed {
        /// To go on after it; none if the subscription never came to its snapshot.
        cursor: Option<Cursor>,
        /// Why.
        why: Closing,
    },
}

/// Why a subscription is closed.
#[derive(Debug)]
pub enum Closing {
    /// The subscriber took its changes too slowly.
    Slow,
    /// The process stops.
    Stopping,
    /// It had to sit down again, and there was no place.
    Refused(SubscribeError),
    /// The store did not answer.
    Store(StoreError),
}

impl<D> Item<D> {
    /// What a read must have reached to show this item: the change itself, or something newer.
    pub fn owed(&self) -> Option<Required> {
        let (cursor, revision) = match self {
            Self::Snapshot { cursor, revision, .. } => (cursor, *revision),
            Self::Change { cursor, change } | Self::Gone { cursor, change } => (cursor, change.revision),
            Self::HistoryGone | Self::Closed { .. } => return None,
        };
        let history = cursor.history?;
        Some(Required { history, position: cursor.position, seen: Some((cursor.generation, revision)) })
    }

    fn cursor(&self) -> Option<&Cursor> {
        match self {
            Self::Snapshot { cursor, .. } | Self::Change { cursor, .. } | Self::Gone { cursor, .. } => Some(cursor),
            Self::HistoryGone | Self::Closed { .. } => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing yet, and no cursor.
    Snapshot,
    /// A cursor that is not checked yet.
    Cursor,
    /// Between what it has and what came into its inbox since it sat down.
    Missed,
    /// From its inbox.
    Live,
    Over,
}

/// A subscription. Dropping it ends it; dropping a future of its methods loses nothing.
#[derive(Debug)]
pub struct Subscription<P: Projection, D> {
    feed: Arc<Feed<P, D>>,
    topics: BTreeSet<String>,
    documents: Vec<DocumentKey>,
    viewer: Viewer,
    seat: Seat,
    phase: Phase,
    /// Where the subscriber is.
    last: Option<Cursor>,
    /// The last change that was looked at, for it or not.
    scanned: u64,
    ready: VecDeque<Item<P::Document>>,
    moves: u32,
}

impl<P: Projection, D: DocumentStore<P::Document>> Subscription<P, D> {
    pub(super) fn new(feed: Arc<Feed<P, D>>, request: Request, seat: Seat) -> Self {
        let Request { topics, documents, after, viewer } = request;
        let (phase, scanned) = match &after {
            Some(cursor) => (Phase::Cursor, cursor.seq),
            None => (Phase::Snapshot, seat.standing.through),
        };
        let ready = VecDeque::new();
        Self { feed, topics, documents, viewer, seat, phase, last: after, scanned, ready, moves: 0 }
    }

    /// The next item, as soon as there is one; none after the last.
    pub async fn next(&mut self) -> Option<Item<P::Document>> {
        loop {
            if !self.ready.is_empty() {
                reach("feed.before_deliver").await;
            }
            if let Some(item) = self.ready.pop_front() {
                self.last = item.cursor().or(self.last.as_ref()).cloned();
                return Some(item);
            }
            match self.phase {
                Phase::Snapshot => self.take_snapshot().await,
                Phase::Cursor => self.check_cursor().await,
                Phase::Missed => self.take_missed().await,
                Phase::Live => self.take_live().await,
                Phase::Over => return None,
            }
        }
    }

    /// The items as a stream.
    pub fn into_stream(self) -> impl Stream<Item = Item<P::Document>> + Send
    where
        D: 'static,
    {
        stream::unfold(self, |mut subscription| async move {
            let item = subscription.next().await?;
            Some((item, subscription))
        })
    }

    /// Where the subscriber is: to go on after it on any instance.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.last.as_ref()
    }

    /// The topics that it listens to.
    pub fn topics(&self) -> &BTreeSet<String> {
        &self.topics
    }

    /// Listens to other topics, from the last item that was given on: what the new topics had since then is read from the store.
    pub fn set_topics(&mut self, topics: BTreeSet<String>) -> Result<(), SubscribeError> {
        if topics == self.topics || self.phase == Phase::Over {
            return Ok(());
        }
        let life = self.seat.standing.life;
        self.seat = self.feed.registry().join(&topics, Some(&self.seat))?;
        self.topics = topics;
        if !matches!(self.phase, Phase::Missed | Phase::Live) {
            return Ok(());
        }
        self.ready.clear();
        self.scanned = self.last.as_ref().map_or(self.scanned, |cursor| cursor.seq);
        self.phase = Phase::Missed;
        if !life.goes_on_as(self.seat.standing.life) {
            self.end(Item::HistoryGone);
        }
        Ok(())
    }

    async fn take_snapshot(&mut self) {
        let snapshot = match self.feed.store().read(&self.documents).await {
            Ok(snapshot) => snapshot,
            Err(error) => return self.close(Closing::Store(error)),
        };
        reach("feed.snapshot_read").await;
        let checkpoint = &snapshot.checkpoint;
        if !self.seat.standing.life.goes_on_as(Life::of(checkpoint)) {
            return self.move_along().await;
        }
        self.scanned = checkpoint.seq;
        if !rule("joins_before_snapshot") && self.rejoin() {
            self.scanned = self.scanned.max(self.seat.standing.through);
        }
        self.give_snapshot(snapshot);
        if self.scanned >= self.seat.standing.through { self.go_live() } else { self.phase = Phase::Missed }
    }

    fn give_snapshot(&mut self, snapshot: Snapshot<P::Document>) {
        let Snapshot { checkpoint, mut documents, .. } = snapshot;
        let cursor = cursor_at::<P>(Life::of(&checkpoint), checkpoint.seq, checkpoint.revision.position);
        documents.retain(|key, stored| may_see(&self.viewer, P::audience(key, &stored.document)));
        self.ready.push_back(Item::Snapshot { cursor, revision: checkpoint.revision, documents });
    }

    /// A cursor counts only within the generation that it names.
    async fn check_cursor(&mut self) {
        let Some(cursor) = &self.last else { return self.end(Item::HistoryGone) };
        let (named, own) = (Life { history: cursor.history, generation: cursor.generation }, self.seat.standing.life);
        if named.goes_on_as(own) || !rule("cursor_names_generation") {
            self.phase = Phase::Missed;
            return;
        }
        // Another process may have found the next generation, or the first event, a moment before this one.
        let is_ahead = named.generation > own.generation || own.goes_on_as(named);
        if is_ahead && self.moves < MOVES_MAX { self.move_along().await } else { self.end(Item::HistoryGone) }
    }

    /// Has the feed look where the projection is, and sits down again there.
    async fn move_along(&mut self) {
        if self.moves == MOVES_MAX {
            return self.end(Item::HistoryGone);
        }
        if let Err(super::FeedError::Store(error)) = self.feed.tick().await {
            return self.close(Closing::Store(error));
        }
        self.moves += 1;
        self.rejoin();
    }

    async fn take_missed(&mut self) {
        let page = match self.feed.store().changes(self.scanned, CHANGES_PAGE).await {
            Ok(page) => page,
            Err(error) => return self.close(Closing::Store(error)),
        };
        let life = Life::of(&page.checkpoint);
        let followed = judge(self.scanned, CHANGES_PAGE, &page);
        let is_own = self.seat.standing.life.goes_on_as(life) || !rule("cursor_names_generation");
        if !is_own || followed == Followed::Gone {
            return self.end(Item::HistoryGone);
        }
        for change in page.changes {
            self.scanned = change.seq;
            if !change.topics.is_disjoint(&self.topics) {
                self.give_change(life, Arc::new(change));
            }
        }
        match followed {
            _ if self.scanned >= self.seat.standing.through => self.go_live(),
            // The store ends before what was handed out already: it went back.
            Followed::ToTheEnd if rule("delivery_contiguous") => self.end(Item::HistoryGone),
            Followed::ToTheEnd => self.go_live(),
            _ => {}
        }
    }

    /// An inbox that overflowed before it was ever looked into is no sign of a slow subscriber: it sits down anew.
    fn go_live(&mut self) {
        let has_overflowed = self.seat.inbox.has_overflowed();
        self.phase = if has_overflowed { Phase::Missed } else { Phase::Live };
        if has_overflowed {
            self.rejoin();
        }
    }

    fn rejoin(&mut self) -> bool {
        match self.feed.registry().join(&self.topics, Some(&self.seat)) {
            Ok(seat) => self.seat = seat,
            Err(refusal) => self.close(Closing::Refused(refusal)),
        }
        self.phase != Phase::Over
    }

    async fn take_live(&mut self) {
        match self.seat.inbox.take().await {
            Ok(change) if change.seq > self.scanned => {
                self.scanned = change.seq;
                self.give_change(self.life(), change);
            }
            Ok(_) => {}
            Err(End::HistoryGone) => self.end(Item::HistoryGone),
            Err(End::Overflowed) => self.close(Closing::Slow),
            Err(End::Stopping) => self.close(Closing::Stopping),
        }
    }

    /// A generation's history is not known before its first event.
    fn life(&self) -> Life {
        let own = self.seat.standing.life;
        if own.history.is_some() {
            return own;
        }
        let newest = self.feed.registry().standing().map(|standing| standing.life);
        newest.filter(|newest| own.goes_on_as(*newest)).unwrap_or(own)
    }

    fn give_change(&mut self, life: Life, change: Arc<Change>) {
        let cursor = cursor_at::<P>(life, change.seq, change.position);
        match showing(&self.viewer, &change) {
            Some(Showing::Changed) => self.ready.push_back(Item::Change { cursor, change }),
            Some(Showing::Gone) => self.ready.push_back(Item::Gone { cursor, change }),
            None => {}
        }
    }

    fn close(&mut self, why: Closing) {
        metrics::counter!("millrace_live_closed_total", "projection" => P::NAME, "why" => why.name()).increment(1);
        self.end(Item::Closed { cursor: self.last.clone(), why });
    }

    fn end(&mut self, item: Item<P::Document>) {
        self.ready.push_back(item);
        self.phase = Phase::Over;
    }
}

impl Closing {
    fn name(&self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Stopping => "stopping",
            Self::Refused(_) => "refused",
            Self::Store(_) => "store",
        }
    }
}

fn cursor_at<P: Projection>(life: Life, seq: u64, position: Position) -> Cursor {
    let Life { history, generation } = life;
    Cursor { history, projection: P::NAME.to_owned(), generation, seq, position }
}
