//! What an item of a subscription looks like is made once for everybody who asked for the same, however many sockets listen.
//!
//! Each subscriber has its own place in the changes, its own order, its own pace and end; only the making is shared. So whoever goes
//! on after a cursor just catches up by itself, and takes what others made as soon as it is where they are: there is nothing to hand
//! over. Who the viewer is matters only to what asked for it ([`RequestContext::viewer`](super::RequestContext::viewer)): all else
//! is made for all.

use crate::reader::OnTimeout;
use millrace_events::{ConsistencyToken, History, Role, UserId, Viewer};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::OnceCell;

/// So many tellings are kept for members who are behind. Who is further behind has them made again.
pub const TELLINGS_KEPT_MAX: usize = 32;
/// So many bytes are kept for them at the most.
pub const TELLINGS_KEPT_BYTES_MAX: usize = 256 * 1024;
/// So often a telling that shows less than the subscriber has seen is replaced, before it is made for that subscriber alone.
const REPLACED_MAX: usize = 3;

/// What operations must have in common for their tellings to be the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The text.
    pub query: Arc<str>,
    /// Which operation of the text.
    pub name: Option<String>,
    /// The variables as text, but not the cursor: it says where to begin, not what is told.
    pub variables: String,
    /// What a read does that is late.
    pub on_timeout: OnTimeout,
}

/// Viewers who are the same to every resolver. Nothing that is told depends on which of their sign-ins they use.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Audience(Option<(UserId, BTreeSet<Role>)>);

impl Audience {
    /// The audience that a viewer belongs to. All who are not signed in are one.
    pub fn of(viewer: &Viewer) -> Self {
        Self(viewer.person().map(|person| (person.user_id, person.roles.clone())))
    }
}

/// An item that many subscribers get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A change, for those who may see the document now.
    Changed(Place),
    /// A change, for those who may not see it any more.
    Gone(Place),
    /// The end of what is kept.
    HistoryGone,
}

/// A change's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The log's life; none before its first event.
    pub history: Option<History>,
    /// The generation that `seq` counts in.
    pub generation: u32,
    /// The change's number.
    pub seq: u64,
}

/// What one execution of a selection made of an item.
#[derive(Debug, Default)]
pub struct Telling {
    /// The response as JSON; none if the item is not told.
    pub payload: Option<Arc<str>>,
    /// True if there are errors in it: then it is for those who wait for it now, and is made again for all others.
    pub has_errors: bool,
    /// True if it says that the subscription was cut off, and may be taken up again.
    pub is_cut_off: bool,
    /// What it shows. A subscriber who was shown more does not take it.
    pub token: Option<ConsistencyToken>,
    /// True if it may depend on who the viewer is.
    pub is_personal: bool,
    /// What the subscription listens to from this item on, if that changes.
    pub topics: Option<BTreeSet<String>>,
    /// True if nothing comes after it.
    pub is_last: bool,
}

impl Telling {
    /// True if no projection that it was read from is behind what somebody is owed.
    pub fn shows(&self, owed: Option<&ConsistencyToken>) -> bool {
        let (Some(owed), Some(token)) = (owed, &self.token) else { return true };
        owed.history == token.history
            && token.projections.iter().all(|(projection, (generation, revision))| {
                *revision >= owed.required(projection).revision(*generation)
            })
    }
}

type Cell = Arc<OnceCell<Arc<Telling>>>;

/// All groups of a process.
#[derive(Debug, Default)]
pub struct Groups(Mutex<HashMap<Shared, Weak<Group>>>);

/// What a group shares; without an audience what is everybody's.
type Shared = (Operation, Option<Audience>);

impl Groups {
    /// Becomes a member of the group, until the last clone of the answer is dropped.
    pub fn join(self: &Arc<Self>, operation: &Operation, audience: Option<Audience>) -> Arc<Group> {
        let shared = (operation.clone(), audience);
        let mut groups = lock(&self.0);
        if let Some(group) = groups.get(&shared).and_then(Weak::upgrade) {
            return group;
        }
        let (groups_of_it, of) = (Arc::downgrade(self), shared.clone());
        let group =
            Arc::new(Group { groups: groups_of_it, of, is_personal: AtomicBool::new(false), kept: Mutex::default() });
        groups.insert(shared, Arc::downgrade(&group));
        group
    }

    /// Keeps nothing that was made until now. Whoever waits for something that is being made gets it all the same.
    pub fn forget(&self) {
        let groups: Vec<_> = lock(&self.0).values().filter_map(Weak::upgrade).collect();
        groups.iter().for_each(|group| lock(&group.kept).clear());
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

/// Subscribers for whom an item looks the same.
#[derive(Debug)]
pub struct Group {
    groups: Weak<Groups>,
    of: Shared,
    /// True if what was made last may depend on who the viewer is: then it is useless to wait for each other.
    is_personal: AtomicBool,
    kept: Mutex<VecDeque<(Moment, Cell)>>,
}

impl Group {
    /// True if the members had better have the next item made for their own audiences.
    pub fn is_personal(&self) -> bool {
        self.is_personal.load(Ordering::Relaxed)
    }

    /// Says whether the last telling was for one audience only.
    pub fn note_personal(&self, is_personal: bool) {
        self.is_personal.store(is_personal, Ordering::Relaxed);
    }

    /// What was made of an item: by another member, if it shows all that this one is owed, else by `make`. True if made by this one.
    ///
    /// A member that goes away while it makes something leaves it to the next one that waits for it.
    pub async fn telling<F: Future<Output = Telling>>(
        self: &Arc<Self>,
        moment: Moment,
        owed: [Option<&ConsistencyToken>; 2],
        make: impl Fn() -> F,
    ) -> (Arc<Telling>, bool) {
        for _ in 0..REPLACED_MAX {
            let cell = self.cell(moment);
            let mut is_mine = false;
            let making = cell.get_or_init(|| {
                is_mine = true;
                let making = make();
                async move { Arc::new(making.await) }
            });
            let telling = Arc::clone(making.await);
            if is_mine {
                self.tidy();
            }
            if is_mine || owed.iter().all(|owed| telling.shows(*owed)) {
                return (telling, is_mine);
            }
            lock(&self.kept).retain(|(_, kept)| !Arc::ptr_eq(kept, &cell));
        }
        (Arc::new(make().await), true)
    }

    /// What others made or are making of it, or the place for what is made now.
    fn cell(self: &Arc<Self>, moment: Moment) -> Cell {
        let mut kept = lock(&self.kept);
        if let Some((_, cell)) = kept.iter().rev().find(|(of, cell)| *of == moment && !has_failed(cell)) {
            return Arc::clone(cell);
        }
        let cell = Cell::default();
        kept.push_back((moment, Arc::clone(&cell)));
        cell
    }

    /// Keeps what somebody else may still need, within the limits.
    fn tidy(self: &Arc<Self>) {
        let is_alone = Arc::strong_count(self) == 1;
        let mut kept = lock(&self.kept);
        kept.retain(|(_, cell)| !is_alone && !has_failed(cell));
        let mut bytes: usize = kept.iter().map(|(_, cell)| bytes_of(cell)).sum();
        while kept.len() > TELLINGS_KEPT_MAX || bytes > TELLINGS_KEPT_BYTES_MAX {
            let Some((_, oldest)) = kept.pop_front() else { return };
            bytes -= bytes_of(&oldest);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(groups) = self.groups.upgrade() else { return };
        let mut groups = lock(&groups.0);
        // Another group may have been made in its place meanwhile.
        if groups.get(&self.of).is_some_and(|group| group.strong_count() == 0) {
            groups.remove(&self.of);
        }
    }
}

fn has_failed(cell: &Cell) -> bool {
    cell.get().is_some_and(|telling| telling.has_errors)
}

fn bytes_of(cell: &Cell) -> usize {
    cell.get().and_then(|telling| telling.payload.as_ref()).map_or(0, |payload| payload.len())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
