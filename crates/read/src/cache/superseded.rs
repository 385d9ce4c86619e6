//! Copies of documents of generations in whose place another one is served: nobody reads them, and no erasure reaches them.

use super::redis::RedisSettings;
use redis::aio::MultiplexedConnection;
use redis::{Client, RedisResult};

/// Keys that Redis is asked to look at in one step.
const SCANNED_AT_ONCE: usize = 1_000;

/// Deletes them, and with them the permissions to fill them; answers how many it were.
pub async fn forget_superseded(settings: &RedisSettings, projection: &str, served: u32) -> RedisResult<usize> {
    let mut connection = Client::open(settings.url.as_str())?.get_multiplexed_async_connection().await?;
    let prefix = format!("{}:{projection}:", settings.prefix);
    let (mut cursor, mut deleted) = (0u64, 0);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{prefix}*")).arg("COUNT").arg(SCANNED_AT_ONCE);
        let (next, mut keys): (u64, Vec<String>) = scan.query_async(&mut connection).await?;
        keys.retain(|key| generation(key, &prefix).is_some_and(|generation| generation < served));
        deleted += unlink(&mut connection, &keys).await?;
        cursor = next;
        if cursor == 0 {
            return Ok(deleted);
        }
    }
}

/// Each by a command of its own: they may lie in different slots.
async fn unlink(connection: &mut MultiplexedConnection, keys: &[String]) -> RedisResult<usize> {
    if keys.is_empty() {
        return Ok(0);
    }
    let mut pipeline = redis::pipe();
    for key in keys {
        pipeline.cmd("UNLINK").arg(key);
    }
    let unlinked: Vec<usize> = pipeline.query_async(connection).await?;
    Ok(unlinked.into_iter().sum())
}

fn generation(key: &str, prefix: &str) -> Option<u32> {
    key.strip_prefix(prefix)?.split(':').next()?.parse().ok()
}
