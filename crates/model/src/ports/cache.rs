//! The port to Redis: one unbroken connection per session, one script or command per step.

use std::sync::{Arc, Mutex, PoisonError};

use millrace_events::{Revision, rule};
use millrace_read::cache::{Cache, CacheError, CacheKey, CacheSession, Cached, Head, Lease, Ring, Written};
use millrace_read::projection::Projection;

use crate::faults::Aim;
use crate::plot::Plot;
use crate::projection::{Name, Pages};
use crate::sim::{Lost, Sim};
use crate::world::redis::place;
use crate::world::{Late, Server, World};

/// How often Redis forgets or is put back in the middle of something.
const STRUCK_MIDWAY: f64 = 0.02;

/// How often Redis cannot be reached where a schedule is about reading again.
const AWAY: f64 = 0.1;
/// How often a document is written late where a schedule is about that.
const LATE: f64 = 0.06;

/// What a process knows of its connection for one projection.
pub struct CachePort {
    sim: Sim,
    of: Name,
    alive: Arc<Mutex<Option<Connection>>>,
    last: Mutex<u64>,
}

/// A connection that was not broken when it was last used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Connection {
    number: u64,
    /// The server's life that it leads to.
    life: u64,
}

/// See [`CacheSession`].
pub struct SessionPort {
    sim: Sim,
    of: Name,
    connection: Connection,
    /// The process's connection: another one by now, if this one broke.
    alive: Arc<Mutex<Option<Connection>>>,
}

impl CachePort {
    /// A process without a connection.
    pub fn new(sim: Sim, of: Name) -> Self {
        Self { sim, of, alive: Arc::default(), last: Mutex::new(0) }
    }

    fn connect(&self) -> Connection {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last += 1;
        Connection { number: *last, life: self.sim.with(|world| world.redis.life) }
    }
}

impl Cache for CachePort {
    type Session = SessionPort;

    async fn session(&self) -> Result<SessionPort, CacheError> {
        self.sim.pass().await;
        if self.sim.with(|world| world.faults.plot == Plot::Again && world.is_hit(AWAY)) {
            return Err(Lost.into());
        }
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = *alive.get_or_insert_with(|| self.connect());
        Ok(SessionPort { sim: self.sim.clone(), of: self.of, connection, alive: Arc::clone(&self.alive) })
    }
}

impl SessionPort {
    /// A session is dead after the first error, and so is the connection under it.
    async fn call<R>(&self, effect: impl FnOnce(&mut World) -> R + Send + 'static) -> Result<R, CacheError> {
        if !self.is_alive() {
            return Err(Lost.into());
        }
        let life = self.connection.life;
        let over_this_connection = move |world: &mut World| (world.redis.life == life).then(|| effect(world));
        let answer = self.sim.call(Server::Redis, over_this_connection).await;
        let answer = answer.and_then(|answer| answer.ok_or(Lost));
        if answer.is_err() {
            self.give_up();
        }
        Ok(answer?)
    }

    /// Nobody waits for it any more.
    async fn call_late(&self, effect: impl FnOnce(&mut World) + Send + 'static) -> Result<(), CacheError> {
        let life = self.connection.life;
        let over_this_connection = move |world: &mut World| {
            if world.redis.life == life {
                effect(world);
            }
        };
        self.sim.pass().await;
        self.sim.with(|world| world.late.push(Late { server: Server::Redis, effect: Box::new(over_this_connection) }));
        self.give_up();
        Err(Lost.into())
    }

    fn is_alive(&self) -> bool {
        *self.alive.lock().unwrap_or_else(PoisonError::into_inner) == Some(self.connection)
    }

    fn give_up(&self) {
        let mut alive = self.alive.lock().unwrap_or_else(PoisonError::into_inner);
        if *alive == Some(self.connection) {
            *alive = None;
        }
    }

    async fn documents(&self, keys: &[CacheKey]) -> Result<Vec<Cached>, CacheError> {
        let places: Vec<_> = keys.iter().map(|key| place(self.of, key)).collect();
        self.call(move |world| places.iter().map(|place| world.redis.get(place)).collect()).await
    }

    /// A mutant's second half of a look: over whatever connection there is by now.
    async fn documents_over_any(&self, keys: &[CacheKey]) -> Result<Vec<Cached>, CacheError> {
        let places: Vec<_> = keys.iter().map(|key| place(self.of, key)).collect();
        let look = move |world: &mut World| places.iter().map(|place| world.redis.get(place)).collect();
        Ok(self.sim.ask(look).await?)
    }
}

impl CacheSession for SessionPort {
    async fn head(&self) -> Result<Option<Head>, CacheError> {
        let of = self.of;
        self.call(move |world| world.redis.heads.get(of).copied()).await
    }

    /// One pipeline: others' commands may come in between, but not another connection.
    async fn look(&self, keys: &[CacheKey]) -> Result<(Option<Head>, Vec<Cached>), CacheError> {
        if !rule("head_before_document") {
            let documents = self.documents(keys).await?;
            return Ok((self.head().await?, documents));
        }
        let head = self.head().await?;
        self.sim.with(|world| world.aim(Aim::Redis, STRUCK_MIDWAY / 2.0));
        let documents = if rule("hit_on_one_connection") {
            self.documents(keys).await?
        } else {
            self.documents_over_any(keys).await?
        };
        Ok((head, documents))
    }

    async fn lease(&self, key: &CacheKey) -> Result<Option<Lease>, CacheError> {
        let (place, number) = (place(self.of, key), self.sim.with(World::new_number));
        self.call(move |world| world.redis.lease(place, number)).await
    }

    async fn fill(
        &self,
        key: &CacheKey,
        lease: &Lease,
        revision: Revision,
        json: Option<&str>,
    ) -> Result<bool, CacheError> {
        let (place, lease, json) = (place(self.of, key), lease.clone(), json.map(Arc::from));
        self.call(move |world| world.redis.fill(place, &lease, revision, json)).await
    }

    async fn write_through(&self, generation: u32, namespace: u64, documents: &[Written]) -> Result<(), CacheError> {
        self.sim.with(World::save_redis_if_harsh);
        for written in documents {
            let written = written.clone();
            let place = (self.of, generation, namespace, written.key.clone());
            let write = move |world: &mut World| world.redis.write_through(place, &written);
            if self.sim.with(World::is_late_write) {
                return self.call_late(write).await;
            }
            self.call(write).await?;
            self.sim.with(|world| world.aim(Aim::Redis, STRUCK_MIDWAY));
        }
        Ok(())
    }

    async fn move_head(&self, expected: Option<&Head>, new: &Head) -> Result<bool, CacheError> {
        let (of, expected, new) = (self.of, expected.copied(), *new);
        let moved = move |world: &mut World| {
            let moved = world.redis.move_head(of, expected.as_ref(), &new);
            if moved {
                world.tell(|world| format!("{} moves the head of {of} to {new:?}", world.own_name()));
            }
            moved
        };
        self.call(moved).await
    }

    /// Nobody listens to any but the first projection.
    async fn ring(&self, ring: Ring) -> Result<(), CacheError> {
        if self.of != Pages::NAME {
            return Ok(());
        }
        self.call(move |world| world.ring(&ring)).await
    }
}

impl World {
    fn is_late_write(&mut self) -> bool {
        self.faults.plot == Plot::Late && self.is_hit(LATE)
    }
}
