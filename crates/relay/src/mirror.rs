//! Mirroring keys into the bucket, before the events that need them are published.
//!
//! The guard is the projector's: a key that is absent means wait. Mirroring first only spares it the waiting.

use std::collections::{BTreeSet, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use millrace_events::{Envelope, KeyState, UserId, rule};

use crate::error::RelayError;
use crate::judge::WentBack;
use crate::keys::{KeyStep, judge_key, person_changed_by, persons_of};
use crate::ports::{BucketState, InBucket, LogSide, StreamSide};

/// How many keys are asked for or written at the same time.
const KEYS_AT_ONCE: usize = 64;
/// How many keys one page of the comparison of all of them has.
const KEYS_PER_PAGE: u32 = 100;
/// How often a key is tried that other relays write in the same moment.
const ATTEMPTS_MAX: usize = 4;
/// How many persons are remembered as mirrored; beyond that the memory starts anew.
const MIRRORED_MAX: usize = 100_000;

/// What a relay knows of the bucket.
#[derive(Debug, Default)]
pub struct Mirror {
    bucket: Option<BucketState>,
    mirrored: HashSet<UserId>,
    compared_to_serial: i64,
    is_behind: bool,
}

impl Mirror {
    /// Takes in the bucket's state. A bucket that is another one or has lost something is compared as a whole.
    pub fn look(&mut self, state: BucketState) {
        let known = self.bucket.replace(state);
        if known.is_some_and(|known| known.identity == state.identity && known.last <= state.last) {
            return;
        }
        self.mirrored.clear();
        self.compared_to_serial = 0;
        self.is_behind = true;
    }

    /// True while keys that were never compared with this bucket wait for it.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Mirrors the keys that these events need. `Some` if the log went back.
    pub async fn window(
        &mut self,
        log: &impl LogSide,
        stream: &impl StreamSide,
        events: &[Envelope],
    ) -> Result<Option<WentBack>, RelayError> {
        let changed = events.iter().filter_map(person_changed_by);
        let needed = events.iter().flat_map(persons_of).filter(|person| !self.mirrored.contains(person));
        let persons: BTreeSet<UserId> = changed.chain(needed).collect();
        self.persons(log, stream, &persons.into_iter().collect::<Vec<_>>()).await
    }

    /// Compares the next page of all keys, for ever round and round. `Some` if the log went back.
    pub async fn page(&mut self, log: &impl LogSide, stream: &impl StreamSide) -> Result<Option<WentBack>, RelayError> {
        let rows = log.keys_after(self.compared_to_serial, KEYS_PER_PAGE).await.map_err(RelayError::Log)?;
        let persons: Vec<UserId> = rows.iter().map(|row| row.user_id).collect();
        let went_back = self.persons(log, stream, &persons).await?;
        if went_back.is_some() {
            return Ok(went_back);
        }
        self.compared_to_serial = rows.last().map_or(0, |row| row.serial);
        self.is_behind = self.is_behind && !rows.is_empty();
        Ok(None)
    }

    async fn persons(
        &mut self,
        log: &impl LogSide,
        stream: &impl StreamSide,
        persons: &[UserId],
    ) -> Result<Option<WentBack>, RelayError> {
        let mut open = persons.to_vec();
        for _ in 0..ATTEMPTS_MAX {
            match self.attempt(log, stream, &open).await? {
                Attempt::WentBack(why) => return Ok(Some(why)),
                Attempt::Written { contended } if contended.is_empty() => return Ok(None),
                Attempt::Written { contended } => open = contended,
            }
        }
        open.first().map_or(Ok(None), |person| Err(RelayError::KeyContended(*person)))
    }

    async fn attempt(
        &mut self,
        log: &impl LogSide,
        stream: &impl StreamSide,
        persons: &[UserId],
    ) -> Result<Attempt, RelayError> {
        if persons.is_empty() {
            return Ok(Attempt::Written { contended: Vec::new() });
        }
        let mut steps = Vec::with_capacity(persons.len());
        for (person, in_bucket, in_log) in both_sides(log, stream, persons).await? {
            let step = judge_key(&in_bucket, &in_log);
            if step == KeyStep::WentBack && rule("relay_stops_when_log_went_back") {
                return Ok(Attempt::WentBack(WentBack::DestroyedKeyLives(person)));
            }
            steps.push((person, step, in_log));
        }
        // Collected, because the compiler loses sight of a lazy iterator's lifetimes once it is held over an await.
        let applied: Vec<_> = steps.iter().map(|(person, step, state)| apply(stream, *person, *step, state)).collect();
        let written: Vec<bool> = stream::iter(applied).buffered(KEYS_AT_ONCE).try_collect().await?;
        let (done, contended): (Vec<_>, Vec<_>) =
            steps.iter().map(|(person, ..)| *person).zip(written).partition(|(_, written)| *written);
        self.remember(done.into_iter().map(|(person, _)| person));
        Ok(Attempt::Written { contended: contended.into_iter().map(|(person, _)| person).collect() })
    }

    fn remember(&mut self, persons: impl Iterator<Item = UserId>) {
        if self.mirrored.len() > MIRRORED_MAX {
            self.mirrored.clear();
        }
        self.mirrored.extend(persons);
    }
}

enum Attempt {
    /// Those whom another relay wrote in the same moment are to be looked at again.
    Written {
        contended: Vec<UserId>,
    },
    WentBack(WentBack),
}

/// Bucket first, then PostgreSQL. Persons without a key in PostgreSQL are left out: there is nothing to mirror.
async fn both_sides(
    log: &impl LogSide,
    stream: &impl StreamSide,
    persons: &[UserId],
) -> Result<Vec<(UserId, InBucket, KeyState)>, RelayError> {
    let bucket = async {
        let asked: Vec<_> = persons.iter().map(|person| stream.key(*person)).collect();
        stream::iter(asked).buffered(KEYS_AT_ONCE).try_collect::<Vec<_>>().await.map_err(RelayError::Stream)
    };
    let keys = async { log.keys_of(persons).await.map_err(RelayError::Log) };
    let (in_bucket, mut in_log) = if rule("stream_read_before_log") {
        let in_bucket = bucket.await?;
        (in_bucket, keys.await?)
    } else {
        let in_log = keys.await?;
        (bucket.await?, in_log)
    };
    let pairs = persons.iter().zip(in_bucket);
    Ok(pairs.filter_map(|(person, there)| Some((*person, there, in_log.remove(person)?))).collect())
}

/// False if somebody else wrote in the same moment.
async fn apply(stream: &impl StreamSide, person: UserId, step: KeyStep, state: &KeyState) -> Result<bool, RelayError> {
    let written = match step {
        KeyStep::Nothing | KeyStep::WentBack => Ok(true),
        KeyStep::Create if rule("key_created_never_put") => stream.create_key(person, state).await,
        KeyStep::Replace { revision } => stream.replace_key(person, state, revision).await,
        KeyStep::Create | KeyStep::PutMark => stream.put_key(person, state).await.map(|()| true),
    };
    written.map_err(RelayError::Stream)
}
