//! Follows the log up to the checkpoint, again from the beginning whenever something is looked at that was not folded.

use super::RefoldError;
use super::alone::Alone;
use crate::projection::Projection;
use crate::projector::alarm::Alarm;
use crate::projector::chain::{self, Link};
use crate::projector::fold::{Unopened, opened, persons};
use crate::projector::source::{Source, Wanted};
use crate::store::Checkpoint;
use millrace_events::Envelope;

/// Passes over the log. Each finds what the documents of the one before look at; three are usual.
const PASSES_MAX: u32 = 12;
/// Documents that are folded in memory at once.
const DOCUMENTS_MAX: usize = 100_000;
/// One page of the stream.
const PAGE: Wanted = Wanted { messages: 1_000, bytes: 4 << 20, wait: true };
/// So often in a row nothing may come although the checkpoint is not reached.
const EMPTY_PAGES_MAX: u32 = 10;

/// Folds up to the checkpoint.
pub(super) async fn follow<P: Projection, S: Source>(
    source: &S,
    alone: &mut Alone<P>,
    checkpoint: &Checkpoint,
) -> Result<(), RefoldError> {
    for _ in 0..PASSES_MAX {
        pass(source, alone, checkpoint).await?;
        if !alone.widen() {
            return is_what_was_folded(alone.link, checkpoint);
        }
        if alone.size() > DOCUMENTS_MAX {
            return Err(RefoldError::TooMany(DOCUMENTS_MAX));
        }
    }
    Err(RefoldError::TooManyPasses(PASSES_MAX))
}

async fn pass<P: Projection, S: Source>(
    source: &S,
    alone: &mut Alone<P>,
    checkpoint: &Checkpoint,
) -> Result<(), RefoldError> {
    let (end, mut empty_pages) = (checkpoint.revision.position, 0);
    while alone.link.position < end {
        let messages = source.after(alone.link.position, PAGE).await.map_err(RefoldError::Source)?;
        let followed = chain::follow(alone.link, messages)?;
        if followed.events.is_empty() {
            empty_pages += 1;
            match followed.obstacle {
                Some(obstacle) if empty_pages >= EMPTY_PAGES_MAX => return Err(RefoldError::Obstacle(obstacle)),
                None if empty_pages >= EMPTY_PAGES_MAX => {
                    return Err(RefoldError::Short { last: alone.link.position, checkpoint: end });
                }
                _ => continue,
            }
        }
        empty_pages = 0;
        let events = followed.events.into_iter().map(|fetched| *fetched.envelope);
        fold(source, alone, events.take_while(|event| event.position <= end).collect()).await?;
    }
    Ok(())
}

async fn fold<P: Projection, S: Source>(
    source: &S,
    alone: &mut Alone<P>,
    envelopes: Vec<Envelope>,
) -> Result<(), RefoldError> {
    let keys = source.keys(&persons(&envelopes)).await.map_err(RefoldError::Source)?;
    for envelope in envelopes {
        let link = Link::after(&envelope);
        let event = opened(envelope, &keys).map_err(|unopened| match unopened {
            Unopened::Obstacle(obstacle) => RefoldError::Obstacle(obstacle),
            Unopened::Alarm(alarm) => RefoldError::Alarm(alarm),
        })?;
        alone.take(&event).map_err(RefoldError::StillUnfoldable)?;
        alone.link = link;
    }
    Ok(())
}

/// What was followed must be the log that the checkpoint is of.
fn is_what_was_folded(link: Link, checkpoint: &Checkpoint) -> Result<(), RefoldError> {
    match (link.event_id, checkpoint.last_event) {
        (Some(found), Some(folded)) if found != folded => {
            Err(Alarm::AnotherEvent { position: link.position, folded, found }.into())
        }
        _ => Ok(()),
    }
}
