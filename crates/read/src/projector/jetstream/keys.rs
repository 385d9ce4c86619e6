//! Keys of persons, out of the bucket that the relay fills.

use super::JetStreamError;
use crate::projector::source::SourceError;
use async_nats::jetstream::Context;
use async_nats::jetstream::kv::Store;
use millrace_events::{KeyState, UserId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// How long a live key is believed without asking: after an erasure a fold may meet the old key for so long, and cleans up at the
/// event that tells of it.
const KEY_KEPT: Duration = Duration::from_secs(2);
const KEYS_KEPT_MAX: usize = 50_000;

/// The bucket, and what was read of it a moment ago.
pub(super) struct Keys {
    bucket: String,
    store: OnceCell<Store>,
    kept: Mutex<HashMap<UserId, (KeyState, Instant)>>,
}

impl Keys {
    pub fn new(bucket: String) -> Self {
        Self { bucket, store: OnceCell::new(), kept: Mutex::default() }
    }

    /// Asked for anew at each absence: a key that is not there yet means wait.
    pub async fn key(&self, context: &Context, person: UserId) -> Result<Option<(UserId, KeyState)>, SourceError> {
        if let Some(state) = self.kept_key(person) {
            return Ok(Some((person, state)));
        }
        let store = self.store.get_or_try_init(|| context.get_key_value(&self.bucket)).await?;
        let Some(bytes) = store.get(person.0.simple().to_string()).await? else { return Ok(None) };
        let state = serde_json::from_slice(&bytes).map_err(|error| JetStreamError::MalformedKey(person, error))?;
        self.keep(person, &state);
        Ok(Some((person, state)))
    }

    fn kept_key(&self, person: UserId) -> Option<KeyState> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(&person).filter(|(_, asked)| asked.elapsed() < KEY_KEPT).map(|(state, _)| state.clone())
    }

    fn keep(&self, person: UserId, state: &KeyState) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEYS_KEPT_MAX {
            kept.clear();
        }
        kept.insert(person, (state.clone(), Instant::now()));
    }
}
