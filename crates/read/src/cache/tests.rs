//! The scripts, on a real Redis.

use super::redis::{RedisCache, RedisSettings};
use super::{Cache, CacheSession, Head};
use millrace_events::{Position, Revision};
use millrace_servers::{Shared, unique_name};
use std::time::Duration;

const KEPT: Duration = Duration::from_secs(60);

fn head(generation: u32, position: u64) -> Head {
    Head { generation, namespace: 1, seq: position, revision: Revision::at(Position(position)) }
}

/// The model has the same compare in memory, as the rule `head_moves_by_compare`.
#[tokio::test]
async fn the_head_moves_only_from_what_was_seen() {
    let url = Shared::from_environment().await.unwrap().urls().redis.clone();
    let settings = RedisSettings { url, prefix: unique_name("head"), document_ttl: KEPT };
    let session = RedisCache::new(&settings, "pages").unwrap().session().await.unwrap();
    let (first, second, other) = (head(1, 1), head(1, 2), head(2, 1));
    assert!(!session.move_head(Some(&first), &second).await.unwrap(), "there is none yet");
    assert!(session.move_head(None, &first).await.unwrap());
    for unseen in [None, Some(&second), Some(&other)] {
        assert!(!session.move_head(unseen, &other).await.unwrap(), "{unseen:?} was not there");
        assert_eq!(session.head().await.unwrap(), Some(first));
    }
    assert!(session.move_head(Some(&first), &second).await.unwrap());
    assert_eq!(session.head().await.unwrap(), Some(second));
}
