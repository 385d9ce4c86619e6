//! What operators see and do of parked documents, on the real servers.

use super::{RefoldError, Refolded, refold};
use crate::cache::redis::{RedisCache, RedisSettings};
use crate::models::{self, Registered, Visitor};
use crate::projection::DocumentKey;
use crate::projector::jetstream::JetStream;
use crate::store::DeadLetter;
use crate::store::mongo::{MongoError, ServedPointer};
use async_nats::Client;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use mongodb::Database;
use std::sync::Arc;

/// Dead letters that are listed of one projection.
pub const LETTERS_LISTED_MAX: usize = 1_000;

/// Why an operator's wish was not done.
#[derive(Debug, thiserror::Error)]
pub enum OperateError {
    /// There is no such projection.
    #[error("there is no projection {0}: they are {list}", list = models::NAMES.join(", "))]
    NoProjection(String),
    /// Nothing of the projection has been folded yet.
    #[error("projection {0} was never folded")]
    NeverFolded(&'static str),
    /// The documents cannot be reached.
    #[error(transparent)]
    Store(#[from] MongoError),
    /// The cache's address is none.
    #[error("the cache's address")]
    Cache(#[from] redis::RedisError),
    /// It was not folded anew.
    #[error(transparent)]
    Refold(#[from] RefoldError),
}

/// Where a document is folded anew.
#[derive(Clone)]
pub struct RefoldStores {
    /// Documents.
    pub database: Database,
    /// The stream.
    pub nats: Client,
    /// First part of the stream's names.
    pub prefix: String,
    /// The cache.
    pub redis: RedisSettings,
}

/// Folds a document of the generation that is served anew.
pub async fn refold_one(
    stores: RefoldStores,
    projection: &str,
    document: &str,
    namespace: u64,
) -> Result<Refolded, OperateError> {
    let key = DocumentKey::from_store(document);
    let mut chosen = Chosen { stores, projection, key, namespace, refold: None };
    models::visit(&mut chosen);
    match chosen.refold {
        Some(refold) => refold.await,
        None => Err(OperateError::NoProjection(projection.to_owned())),
    }
}

struct Chosen<'a> {
    stores: RefoldStores,
    projection: &'a str,
    key: DocumentKey,
    namespace: u64,
    refold: Option<BoxFuture<'static, Result<Refolded, OperateError>>>,
}

impl Visitor for Chosen<'_> {
    fn visit<P: Registered>(&mut self) {
        if P::NAME != self.projection {
            return;
        }
        let (stores, key, namespace) = (self.stores.clone(), self.key.clone(), self.namespace);
        self.refold = Some(
            async move {
                let pointer = ServedPointer::<P>::new(stores.database);
                let served = pointer.served().await?.ok_or(OperateError::NeverFolded(P::NAME))?;
                let cache = RedisCache::new(&stores.redis, P::NAME)?;
                // Relays' beats are not needed to read the stream.
                let source = JetStream::new(&stores.nats, &stores.prefix, Arc::default());
                let store = pointer.store(served.generation);
                Ok(refold::<P, _, _, _>(&source, &store, &cache, &key, namespace).await?)
            }
            .boxed(),
        );
    }
}

/// Why documents of the generations that are served are parked, by projection.
pub async fn dead_letters(database: &Database) -> Result<Vec<(&'static str, Vec<DeadLetter>)>, MongoError> {
    let mut all = AllLetters { database, found: vec![] };
    models::visit(&mut all);
    try_join_all(all.found).await
}

type Letters = (&'static str, Vec<DeadLetter>);

struct AllLetters<'a> {
    database: &'a Database,
    found: Vec<BoxFuture<'a, Result<Letters, MongoError>>>,
}

impl Visitor for AllLetters<'_> {
    fn visit<P: Registered>(&mut self) {
        let pointer = ServedPointer::<P>::new(self.database.clone());
        self.found.push(
            async move {
                let Some(served) = pointer.served().await? else { return Ok((P::NAME, vec![])) };
                Ok((P::NAME, pointer.store(served.generation).dead_letters(LETTERS_LISTED_MAX).await?))
            }
            .boxed(),
        );
    }
}
