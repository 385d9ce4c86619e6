//! Empties superseded generations beside the rounds, so that the one that is served does not wait for it.

use crate::cache::redis::RedisSettings;
use crate::cache::superseded::forget_superseded;
use crate::projection::Projection;
use crate::store::StoreError;
use crate::store::mongo::{FIRST_GENERATION, ServedPointer};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// After an error it is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Whenever a projector begins to fold a generation, those before it are emptied: also at each start, should a process have died between.
pub async fn empty<P: Projection>(
    pointer: ServedPointer<P>,
    cache: &RedisSettings,
    mut folded: watch::Receiver<Option<u32>>,
) {
    while folded.changed().await.is_ok() {
        let Some(generation) = *folded.borrow_and_update() else { continue };
        while let Err(error) = empty_before(&pointer, cache, generation).await {
            complain(P::NAME, generation, &*error);
            sleep(AGAIN).await;
        }
    }
}

/// The cache last: it was filled from the documents.
async fn empty_before<P: Projection>(
    pointer: &ServedPointer<P>,
    cache: &RedisSettings,
    generation: u32,
) -> Result<(), StoreError> {
    let documents = pointer.empty_superseded(generation).await?;
    let copies = if generation > FIRST_GENERATION { forget_superseded(cache, P::NAME, generation).await? } else { 0 };
    if documents > 0 || copies > 0 {
        tracing::info!(projection = P::NAME, generation, documents, copies, "what was superseded is deleted");
    }
    Ok(())
}

fn complain(projection: &str, generation: u32, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(projection, generation, error, "what was superseded is not deleted yet");
}
