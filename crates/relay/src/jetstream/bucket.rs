//! The bucket of keys. A bucket is a stream; it is made as one here, because only so it can carry an identity.

use std::collections::BTreeSet;

use async_nats::jetstream::Context;
use async_nats::jetstream::kv::{Operation, Store, UpdateErrorKind};
use async_nats::jetstream::stream::{Config, DiscardPolicy, Info, StorageType};
use millrace_events::{KeyState, Position, UserId};
use uuid::Uuid;

use super::direct_get::Stored;
use super::{Nats, NatsError, direct_get, stream};
use crate::ports::{BucketState, InBucket};
use crate::settings::NatsSettings;

/// The revision that stands for "nothing was ever there".
pub(super) const NOTHING: u64 = 0;
/// An older value that stayed readable would keep a destroyed key.
const VALUES_PER_KEY: i64 = 1;
/// How many values are read at once.
const PAGE_VALUES: u32 = 1_000;

impl Nats {
    pub(super) async fn store(&self) -> Result<&Store, NatsError> {
        let open = || async { self.context.get_key_value(self.settings.bucket()).await.map_err(NatsError::Bucket) };
        self.bucket.get_or_try_init(open).await
    }

    /// The persons whose keys the bucket knows as destroyed. A restore of PostgreSQL destroys them again before anything else.
    ///
    /// The list ends where the leader has nothing more, not at the last sequence: the value there may have been purged, and a mark that
    /// is put again meanwhile moves beyond it.
    pub async fn destroyed_keys(&self) -> Result<BTreeSet<UserId>, NatsError> {
        let name = self.settings.bucket_stream();
        let mut destroyed = BTreeSet::new();
        if stream::info(&self.context, &name).await?.is_none() {
            return Ok(destroyed);
        }
        let mut after = Position::START;
        loop {
            let page = direct_get::page(&self.context, &name, after, PAGE_VALUES).await?;
            let Some(last) = page.last() else { return Ok(destroyed) };
            after = last.message.sequence;
            destroyed.extend(page.iter().filter(|value| is_mark(&value.message.payload)).filter_map(person_of));
        }
    }
}

/// The bucket's state; made if there is none.
pub(super) async fn state(context: &Context, settings: &NatsSettings) -> Result<BucketState, NatsError> {
    let info = match stream::info(context, &settings.bucket_stream()).await? {
        Some(info) => info,
        None => create(context, settings).await?,
    };
    Ok(BucketState { identity: stream::identity(&info.config.metadata), last: info.state.last_sequence })
}

/// The settings that clients expect of a bucket, with one value per key.
async fn create(context: &Context, settings: &NatsSettings) -> Result<Info, NatsError> {
    let config = Config {
        name: settings.bucket_stream(),
        subjects: vec![format!("$KV.{}.>", settings.bucket())],
        max_messages_per_subject: VALUES_PER_KEY,
        num_replicas: settings.replicas,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        deny_delete: true,
        allow_rollup: true,
        allow_direct: true,
        metadata: [(stream::IDENTITY.to_owned(), Uuid::now_v7().to_string())].into(),
        ..Config::default()
    };
    Ok(context.create_stream(config).await.map_err(NatsError::Create)?.cached_info().clone())
}

pub(super) async fn read(store: &Store, person: UserId) -> Result<InBucket, NatsError> {
    let Some(entry) = store.entry(key_of(person)).await.map_err(NatsError::ReadKey)? else {
        return Ok(InBucket::Absent);
    };
    let revision = entry.revision;
    let state = (entry.operation == Operation::Put).then(|| serde_json::from_slice(&entry.value).ok()).flatten();
    Ok(state.map_or(InBucket::Unreadable { revision }, |state| InBucket::Key { state, revision }))
}

/// False if the bucket holds another revision by now.
pub(super) async fn write_over(
    store: &Store,
    person: UserId,
    state: &KeyState,
    revision: u64,
) -> Result<bool, NatsError> {
    match store.update(key_of(person), encode(state)?.into(), revision).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == UpdateErrorKind::WrongLastRevision => Ok(false),
        Err(error) => Err(NatsError::UpdateKey(error)),
    }
}

pub(super) async fn put(store: &Store, person: UserId, state: &KeyState) -> Result<(), NatsError> {
    store.put(key_of(person), encode(state)?.into()).await.map(|_| ()).map_err(NatsError::PutKey)
}

fn key_of(person: UserId) -> String {
    person.0.simple().to_string()
}

fn encode(state: &KeyState) -> Result<Vec<u8>, NatsError> {
    serde_json::to_vec(state).map_err(NatsError::EncodeKey)
}

fn is_mark(value: &[u8]) -> bool {
    serde_json::from_slice(value).is_ok_and(|state: KeyState| state == KeyState::Destroyed)
}

fn person_of(value: &Stored) -> Option<UserId> {
    value.subject.rsplit('.').next()?.parse().ok().map(UserId)
}
