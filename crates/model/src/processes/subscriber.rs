//! A subscriber: follows one document, on whichever query process, and goes on after its cursor when it was cut off.

use std::collections::BTreeSet;
use std::sync::Arc;

use millrace_events::viewer::Person;
use millrace_events::{ConsistencyToken, Required, SessionId, Viewer};
use millrace_read::live::{Cursor, Item, Request};
use millrace_read::projection::Projection;
use millrace_read::reader::OnTimeout;
use tokio::sync::{Notify, mpsc, oneshot};

use super::event::timestamp;
use super::query::{Part, Query};
use crate::checks::live;
use crate::projection::{Pages, Sheet};
use crate::scheduler::Kind;
use crate::sim::Sim;
use crate::world::World;
use crate::world::names::{Thing, user_id};

/// Below so many steps lies the time before it tries again: sometimes so long that a generation has gone by.
const AWAY: [u64; 5] = [20, 20, 20, 20, 900];
/// How often it begins anew, without its cursor, after its connection broke.
const FORGETS: f64 = 0.4;

/// What a subscriber follows, and how far it has come.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The document.
    pub thing: Thing,
    /// Who it is.
    pub viewer: Viewer,
    /// Where it is; none before its first snapshot, and after a `HistoryGone`.
    pub cursor: Option<Cursor>,
    /// Its connection breaks.
    pub cut: Arc<Notify>,
}

/// Starts one.
pub fn start(sim: &Sim, number: usize) {
    sim.start(Kind::Outside, format!("subscriber{number}"), move |sim, process| {
        let own = sim.clone();
        sim.spawn(process, async move {
            let thing = own.with(|world| world.cast.any(&mut world.random));
            let cut = Arc::new(Notify::new());
            let viewer = own.with(|world| if world.random.chance(0.5) { Viewer::Anonymous } else { person(0) });
            let listener = Listener { thing, viewer, cursor: None, cut: Arc::clone(&cut) };
            own.with(|world| world.subscribers.insert(number, listener));
            loop {
                tokio::select! {
                    // In this order, and not in any: a seed is a schedule.
                    biased;
                    () = cut.notified() => own.with(|world| world.forget_perhaps(number)),
                    () = listen(&own, number, thing) => {}
                }
                let away = own.with(|world| world.random.pick(AWAY));
                own.nap(away).await;
            }
        });
    });
}

/// Signed in, and nothing more.
fn person(user: u8) -> Viewer {
    Viewer::Person(Person {
        user_id: user_id(user),
        session_id: SessionId(user_id(user).0),
        issued_at: timestamp(0),
        expires_at: timestamp(0),
        roles: BTreeSet::new(),
    })
}

impl World {
    /// Who opens the page anew has no cursor.
    fn forget_perhaps(&mut self, number: usize) {
        let forgets = self.random.chance(FORGETS);
        if let Some(listener) = self.subscribers.get_mut(&number).filter(|_| forgets) {
            listener.cursor = None;
        }
    }
}

async fn listen(sim: &Sim, number: usize, thing: Thing) {
    let (items, mut received) = mpsc::unbounded_channel();
    let Some(Listener { cursor: after, viewer, .. }) = sim.with(|world| world.subscribers.get(&number).cloned()) else {
        return;
    };
    let Some(sender) = sim.with(World::any_query_process) else { return };
    let topics = BTreeSet::from([thing.key().to_string()]);
    let request = Request { topics, documents: vec![thing.key()], after, viewer };
    if sender.send(Query::Subscribe { request, items }).is_err() {
        return;
    }
    while let Some(item) = received.recv().await {
        let owed = item.owed().filter(|_| matches!(item, Item::Change { .. }));
        if sim.with(|world| take_in(world, number, &item)) {
            return;
        }
        if let Some(owed) = owed
            && sim.with(|world| world.random.chance(0.3))
        {
            read(sim, thing, owed).await;
        }
        if sim.with(|world| world.faults.strike && world.random.chance(0.1)) {
            return;
        }
    }
}

/// True if nothing comes after it.
fn take_in(world: &mut World, number: usize, item: &Item<Sheet>) -> bool {
    world.tell(|world| format!("{} gets {item:?}", world.own_name()));
    let Some(listener) = world.subscribers.get(&number).cloned() else { return true };
    live::check(world, &listener, item);
    let cursor = match item {
        Item::Snapshot { cursor, .. } | Item::Change { cursor, .. } | Item::Gone { cursor, .. } => Some(cursor.clone()),
        Item::HistoryGone => None,
        Item::Closed { .. } => return true,
    };
    match item {
        Item::Change { .. } | Item::Gone { .. } => world.counts.payloads += 1,
        Item::HistoryGone => world.counts.history_gone += 1,
        Item::Snapshot { .. } | Item::Closed { .. } => {}
    }
    let is_over = cursor.is_none();
    world.subscribers.insert(number, Listener { cursor, ..listener });
    is_over
}

/// The changed document, as GraphQL reads it for a selection: never older than the change.
async fn read(sim: &Sim, thing: Thing, owed: Required) {
    let (reply, answer) = oneshot::channel();
    let Some(sender) = sim.with(World::any_query_process) else { return };
    let parts = vec![Part { of: Pages::NAME, keys: vec![thing.key()] }];
    let mut token = ConsistencyToken::of_command(owed.history, owed.position);
    token.projections.extend(owed.seen.map(|seen| (Pages::NAME.to_owned(), seen)));
    if sender.send(Query::Read { parts, token: Some(token), on_timeout: OnTimeout::Error, reply }).is_err() {
        return;
    }
    if let Ok(Ok(whole)) = answer.await {
        sim.with(|world| whole.parts.iter().for_each(|part| live::check_selection(world, thing, &owed, part)));
    }
}
