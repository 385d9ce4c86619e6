//! Texts that all instances share, each under a name that is made of it, such as its hash. Like all of the cache they may vanish at any
//! time: whoever sent one sends it again.

use super::redis::{RedisCache, RedisSettings};
use super::{Cache, CacheError};
use redis::RedisError;
use std::time::Duration;

/// What is shared, in the names of keys and in metrics.
const KIND: &str = "text";

/// The texts.
pub struct SharedTexts {
    cache: RedisCache,
    prefix: String,
    kept_s: u64,
}

impl SharedTexts {
    /// Texts that stay for so long after they were last asked for. Connects when it is first used.
    pub fn new(settings: &RedisSettings, kept: Duration) -> Result<Self, RedisError> {
        let cache = RedisCache::new(settings, KIND)?;
        Ok(Self { cache, prefix: settings.prefix.clone(), kept_s: kept.as_secs() })
    }

    /// The text of that name, if it is there.
    pub async fn get(&self, name: &str) -> Result<Option<String>, CacheError> {
        let session = self.cache.session().await?;
        let mut pipeline = redis::pipe();
        pipeline.cmd("GETEX").arg(self.key(name)).arg("EX").arg(self.kept_s);
        let (text,): (Option<String>,) = session.run(&pipeline).await?;
        Ok(text)
    }

    /// Keeps a text; false if there is no room for it.
    pub async fn put(&self, name: &str, text: &str) -> Result<bool, CacheError> {
        let session = self.cache.session().await?;
        let mut command = redis::cmd("SET");
        command.arg(self.key(name)).arg(text).arg("EX").arg(self.kept_s);
        session.write(&command).await
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{KIND}:{name}", self.prefix)
    }
}

impl std::fmt::Debug for SharedTexts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedTexts").field("kept_s", &self.kept_s).finish_non_exhaustive()
    }
}
