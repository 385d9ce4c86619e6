//! Who listens to what, and how far all of them are.

use super::follow::Life;
use super::inbox::{End, Inbox};
use crate::projection::Change;
use millrace_events::rule;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Limits of one process, for one projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveLimits {
    /// Subscribers.
    pub subscribers_max: usize,
    /// Topics of one subscriber.
    pub topics_max: usize,
    /// Changes that wait for one subscriber. One more, and it is closed with its cursor.
    pub waiting_max: usize,
}

impl Default for LiveLimits {
    fn default() -> Self {
        Self { subscribers_max: 10_000, topics_max: 1_024, waiting_max: 256 }
    }
}

/// Why a subscription does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// The cursor is another projection's.
    #[error("malformed cursor")]
    MalformedCursor,
    /// It asks for too many topics.
    #[error("more than {max} topics")]
    TooManyTopics {
        /// The limit.
        max: usize,
    },
    /// As many as may listen are listening.
    #[error("more than {max} subscribers")]
    TooManySubscribers {
        /// The limit.
        max: usize,
    },
    /// The feed has not found the projection yet.
    #[error("the projection was not found yet")]
    NotReady,
    /// The process stops.
    #[error("the process stops")]
    Stopping,
}

/// Changes that do not follow those handed out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap;

/// What is followed, and how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Standing {
    pub life: Life,
    /// The last change that was handed out.
    pub through: u64,
}

/// A subscriber's place. It is given up when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    pub inbox: Arc<Inbox>,
    /// As it was when the seat was taken: what comes after it comes into the inbox.
    pub standing: Standing,
    id: u64,
    registry: Arc<Registry>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.registry.lock();
        state.leave(self.id);
        self.registry.count(&state);
    }
}

#[derive(Debug)]
pub(super) struct Registry {
    projection: &'static str,
    limits: LiveLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    standing: Option<Standing>,
    is_stopping: bool,
    next_id: u64,
    members: HashMap<u64, Member>,
    /// So many of the members are subscribers.
    subscribers: usize,
    by_topic: HashMap<String, HashMap<u64, Arc<Inbox>>>,
}

#[derive(Debug)]
struct Member {
    inbox: Arc<Inbox>,
    topics: BTreeSet<String>,
    who: Who,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Subscriber,
    Process,
}

impl Registry {
    pub fn new(projection: &'static str, limits: LiveLimits) -> Self {
        Self { projection, limits, state: Mutex::default() }
    }

    pub fn standing(&self) -> Option<Standing> {
        self.lock().standing
    }

    /// Takes a seat, in place of an older one if there is one.
    pub fn join(self: &Arc<Self>, topics: &BTreeSet<String>, old: Option<&Seat>) -> Result<Seat, SubscribeError> {
        let LiveLimits { subscribers_max, topics_max, .. } = self.limits;
        if topics.len() > topics_max {
            return Err(SubscribeError::TooManyTopics { max: topics_max });
        }
        let mut state = self.lock();
        let standing = state.followed()?;
        if let Some(old) = old {
            state.leave(old.id);
        }
        if state.subscribers >= subscribers_max {
            return Err(SubscribeError::TooManySubscribers { max: subscribers_max });
        }
        let seat = self.seat(&mut state, standing, topics, Who::Subscriber);
        self.count(&state);
        Ok(seat)
    }

    /// Takes a seat for the process itself, which is none of a subscriber's. How many there are is for whoever takes them to limit.
    pub fn attend(self: &Arc<Self>, topics: &BTreeSet<String>) -> Result<Seat, SubscribeError> {
        let mut state = self.lock();
        let standing = state.followed()?;
        Ok(self.seat(&mut state, standing, topics, Who::Process))
    }

    fn seat(self: &Arc<Self>, state: &mut State, standing: Standing, topics: &BTreeSet<String>, who: Who) -> Seat {
        let inbox = Arc::new(Inbox::new(self.limits.waiting_max));
        let id = state.enter(&inbox, topics, who);
        Seat { inbox, standing, id, registry: Arc::clone(self) }
    }

    /// Hands out changes to those who listen to one of their topics. Those that were handed out before are passed over.
    pub fn hand_out(&self, changes: impl IntoIterator<Item = Change>) -> Result<(), Gap> {
        let mut state = self.lock();
        for change in changes {
            let Some(standing) = state.standing.as_mut() else { return Err(Gap) };
            if change.seq <= standing.through {
                continue;
            }
            if change.seq != standing.through + 1 && rule("delivery_contiguous") {
                return Err(Gap);
            }
            standing.through = change.seq;
            state.give(&Arc::new(change));
        }
        Ok(())
    }

    /// Follows something else from here on: whoever listened must begin anew.
    pub fn begin(&self, standing: Standing) {
        let mut state = self.lock();
        state.standing = Some(standing);
        state.end_all(End::HistoryGone);
        self.count(&state);
    }

    /// The history of the generation that is followed, as soon as it has one.
    pub fn learn(&self, life: Life) {
        if let Some(standing) = self.lock().standing.as_mut().filter(|standing| standing.life.goes_on_as(life)) {
            standing.life = life;
        }
    }

    pub fn stop(&self) {
        let mut state = self.lock();
        state.is_stopping = true;
        state.end_all(End::Stopping);
        self.count(&state);
    }

    pub fn subscribers(&self) -> usize {
        self.lock().subscribers
    }

    /// While the state is held: of two that leave at once the later one must have the last word.
    fn count(&self, state: &State) {
        let listening = u32::try_from(state.subscribers).unwrap_or(u32::MAX);
        metrics::gauge!("millrace_live_subscribers", "projection" => self.projection).set(listening);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is followed, unless all is over.
    fn followed(&self) -> Result<Standing, SubscribeError> {
        if self.is_stopping {
            return Err(SubscribeError::Stopping);
        }
        self.standing.ok_or(SubscribeError::NotReady)
    }

    fn enter(&mut self, inbox: &Arc<Inbox>, topics: &BTreeSet<String>, who: Who) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        for topic in topics {
            self.by_topic.entry(topic.clone()).or_default().insert(id, Arc::clone(inbox));
        }
        self.subscribers += usize::from(who == Who::Subscriber);
        self.members.insert(id, Member { inbox: Arc::clone(inbox), topics: topics.clone(), who });
        id
    }

    fn leave(&mut self, id: u64) {
        let Some(member) = self.members.remove(&id) else { return };
        self.subscribers -= usize::from(member.who == Who::Subscriber);
        for topic in member.topics {
            let Some(listening) = self.by_topic.get_mut(&topic) else { continue };
            listening.remove(&id);
            if listening.is_empty() {
                self.by_topic.remove(&topic);
            }
        }
    }

    fn give(&self, change: &Arc<Change>) {
        for inbox in change.topics.iter().filter_map(|topic| self.by_topic.get(topic)).flat_map(HashMap::values) {
            inbox.put(change);
        }
    }

    fn end_all(&mut self, end: End) {
        self.by_topic.clear();
        self.subscribers = 0;
        for (_, member) in self.members.drain() {
            member.inbox.end(end);
        }
    }
}
