//! PostgreSQL: outbox, log and keys, as the migrations have them. A statement is one step, a transaction ends in one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use millrace_events::{Envelope, EventId, History, KeyState, PersonKey, Position, UserId, rule};
use millrace_log::{KeyRow, LogHead, Moved};

use super::names::{Thing, history, user_id};
use super::{Server, World};
use crate::checks;

/// How far an older state that PostgreSQL is put back to may lie behind.
const LOST_EVENTS_MAX: usize = 4;
/// How many older states are kept.
const BACKUPS_KEPT: usize = 12;
/// How many events one call of the sequencing function moves, about.
const ROWS_MAX: usize = 2;

/// Where a row stands in the outbox: its command's ordinal, its index in the command.
pub type Place = (i64, u32);

/// What a transaction locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    /// An idempotency key.
    Key(u64),
    /// A row of the commands' own tables.
    Thing(Thing),
}

/// What a command's idempotency row remembers of it.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Versions of aggregates that it made or found.
    pub knows: Vec<(Thing, u32)>,
    /// The number of the log in which it did.
    pub log: usize,
}

/// What a backup holds.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    /// Events by position.
    pub log: Vec<Envelope>,
    /// Committed events without a position.
    pub outbox: BTreeMap<Place, Envelope>,
    /// Keys of persons, with the serial that sequencing gave.
    pub keys: BTreeMap<UserId, (KeyState, Option<i64>)>,
    /// Versions of aggregates.
    pub versions: BTreeMap<Thing, u32>,
    /// Posts that only their authors may see.
    pub hidden: BTreeSet<Thing>,
    /// What became of commands, by idempotency key.
    pub outcomes: BTreeMap<u64, Outcome>,
    /// Persons and posts that exist.
    pub rows: BTreeSet<Thing>,
    last_serial: i64,
}

/// The server.
#[derive(Debug)]
pub struct Postgres {
    /// The tables.
    pub tables: Tables,
    /// The log's life.
    pub history: History,
    /// How often it was put back: a connection to an earlier one is gone.
    pub life: u32,
    /// The sequence that ordinals are drawn from.
    pub last_ordinal: i64,
    /// Locked rows, and by which transaction.
    pub locks: BTreeMap<Row, u64>,
    backups: Option<VecDeque<Tables>>,
    histories: u64,
}

impl Postgres {
    /// A migrated database; one that will be put back keeps older states.
    pub fn new(keeps_backups: bool) -> Self {
        Self {
            tables: Tables::default(),
            history: history(1),
            life: 0,
            last_ordinal: 0,
            locks: BTreeMap::new(),
            backups: keeps_backups.then(VecDeque::new),
            histories: 1,
        }
    }

    /// Where the log ends.
    pub fn head(&self) -> LogHead {
        LogHead { history: self.history, position: Position(self.tables.log.len() as u64) }
    }

    /// Events after a position.
    pub fn read(&self, after: Position, limit: usize) -> Vec<Envelope> {
        let skipped = usize::try_from(after.0).unwrap_or(usize::MAX);
        let events = self.tables.log.iter().skip(skipped).take(limit);
        // History is a column of the head's row, not of the log: a new one goes for all events.
        events.map(|event| Envelope { history: self.history, ..event.clone() }).collect()
    }

    /// Keys with a serial after this one.
    pub fn keys_after(&self, serial: i64, limit: usize) -> Vec<KeyRow> {
        let numbered = self.tables.keys.iter().filter_map(|(user_id, (state, number))| {
            Some(KeyRow { serial: (*number)?, user_id: *user_id, state: state.clone() })
        });
        let mut rows: Vec<KeyRow> = numbered.filter(|row| row.serial > serial).collect();
        rows.sort_by_key(|row| row.serial);
        rows.truncate(limit);
        rows
    }

    /// The key of a new person: always the same for the same person, so that a schedule can be run again.
    pub fn create_key(&mut self, user: u8) {
        let key = PersonKey::from_bytes(&[user + 1; 32]).map_or(KeyState::Destroyed, KeyState::Live);
        self.tables.keys.insert(user_id(user), (key, None));
    }

    /// Destroys a person's key for good, leaving a mark, also for one who is unknown here.
    pub fn destroy_key(&mut self, user: UserId) {
        self.tables.keys.insert(user, (KeyState::Destroyed, None));
    }

    /// True if the person's key is destroyed.
    pub fn is_erased(&self, user: u8) -> bool {
        matches!(self.tables.keys.get(&user_id(user)), Some((KeyState::Destroyed, _)))
    }

    /// Keeps the state as it is now, if this schedule will need one.
    pub fn back_up(&mut self) {
        let Some(backups) = &mut self.backups else { return };
        backups.push_back(self.tables.clone());
        if backups.len() > BACKUPS_KEPT {
            backups.pop_front();
        }
    }

    /// True if the person or the post is there, as the commands' own tables have it.
    pub fn exists(&self, thing: Thing) -> bool {
        self.tables.rows.contains(&thing)
    }

    /// Releases what a transaction has locked.
    pub fn unlock(&mut self, transaction: u64) {
        self.locks.retain(|_, holder| *holder != transaction);
    }

    /// Begins a new life of the log: first the keys are destroyed that copies know to be.
    pub fn new_history(&mut self, destroyed: &[UserId]) -> History {
        for user in destroyed {
            let is_known = matches!(self.tables.keys.get(user), Some((KeyState::Destroyed, _)));
            if !is_known {
                self.destroy_key(*user);
            }
        }
        self.histories += 1;
        self.history = history(self.histories);
        self.history
    }

    /// The outbox rows that a sequencing call sees.
    pub fn outbox_places(&self) -> Vec<Place> {
        self.tables.outbox.keys().copied().collect()
    }

    /// Whole commands, oldest first, until these are about as many as one call moves.
    fn next_places(&self, seen: Vec<Place>) -> Vec<Place> {
        let Some((last_ordinal, _)) = seen.iter().take(ROWS_MAX).next_back().copied() else { return seen };
        seen.into_iter().take_while(|(ordinal, _)| *ordinal <= last_ordinal).collect()
    }

    fn number_keys(&mut self) {
        let tables = &mut self.tables;
        for (_, serial) in tables.keys.values_mut().filter(|(_, serial)| serial.is_none()) {
            tables.last_serial += 1;
            *serial = Some(tables.last_serial);
        }
    }
}

impl World {
    /// The sequencing function. `seen` is the outbox as the call saw it: after it got the lock, unless a mutant looks before.
    pub fn sequence(&mut self, seen: Option<Vec<Place>>) -> Moved {
        let seen = seen.unwrap_or_else(|| self.postgres.outbox_places());
        let places = self.postgres.next_places(seen);
        let left = places.len() >= ROWS_MAX;
        for place in places {
            match self.postgres.tables.outbox.remove(&place) {
                Some(event) => self.give_position(event),
                None => self.break_off("L2", format!("an event of {place:?} gets a second position")),
            }
        }
        self.postgres.number_keys();
        self.postgres.back_up();
        Moved { head: self.postgres.head(), left }
    }

    fn give_position(&mut self, event: Envelope) {
        let log = &self.postgres.tables.log;
        let predecessor: Option<EventId> = log.last().map(|last| last.event_id);
        let position = self.postgres.head().position.next();
        let event = Envelope { position, predecessor, history: self.postgres.history, ..event };
        checks::log::check_next(self, &event);
        self.tell(|_| format!("position {position} = {}", checks::told(&event)));
        self.counts.events += 1;
        self.oracle.sequenced(&event);
        self.postgres.tables.log.push(event);
    }

    /// PostgreSQL comes back as it was a while ago. What was under way is lost.
    pub fn go_back(&mut self) {
        let length = self.postgres.tables.log.len();
        let Some(backups) = self.postgres.backups.take() else { return };
        let near = |tables: &&Tables| tables.log.len() + LOST_EVENTS_MAX >= length;
        let mut able: Vec<&Tables> = backups.iter().filter(near).collect();
        if able.iter().any(|tables| tables.log.len() < length) {
            able.retain(|tables| tables.log.len() < length);
        }
        let Some(tables) = self.random.one_of(&able).map(|tables| (*tables).clone()) else { return };
        self.tell(|_| format!("POSTGRESQL WENT BACK from {length} to {}", tables.log.len()));
        self.counts.went_back += 1;
        self.oracle.went_back_to(tables.log.len());
        self.postgres.tables = tables;
        self.postgres.life += 1;
        self.postgres.locks.clear();
        self.late.retain(|late| late.server != Server::Postgres);
    }
}

/// Whether a sequencing call looks at the outbox only once it has the lock.
pub fn looks_after_lock() -> bool {
    rule("snapshot_after_lock")
}
