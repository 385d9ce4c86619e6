//! Where each projection stands, for `commandStatus`.

use super::error::Refusal;
use super::read_side::ReadSide;
use crate::cache::{Cache, CacheSession, Head};
use crate::models::{Registered, Visitor, visit};
use crate::projection::FanOut;
use crate::reader::ReadError;
use crate::store::{Checkpoint, DocumentStore};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, try_join_all};
use millrace_events::Position;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use uuid::Uuid;

/// What has become of a command: first in the log, then in the stream, then in each projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, async_graphql::Enum)]
pub enum CommandState {
    /// In the log. The request's consistency token says so; the read side has not met it yet.
    Committed,
    /// On its way to the projections.
    Streamed,
    /// Folded: a read that brings the command's token shows it.
    Applied,
    /// Shown; but copies of it, such as a new name beside old comments, are still being made.
    Spreading,
    /// Every read shows it.
    Visible,
}

/// One projection at one moment.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its name.
    pub projection: &'static str,
    /// How far it has folded.
    pub checkpoint: Checkpoint,
    /// What the cache holds of it; none if there is no cache, and all is read from the store.
    pub head: Option<Head>,
}

impl Standing {
    /// What has become, here, of a command whose events lie at these positions, the first of this aggregate.
    pub fn of_command(&self, first: Position, last: Position, aggregate: Uuid) -> CommandState {
        let is_its = |fan_out: &FanOut| {
            let is_asked_for = fan_out.first() <= last && fan_out.position >= first;
            is_asked_for && (fan_out.since.is_none() || fan_out.work.selector().value == aggregate.to_string())
        };
        if self.checkpoint.revision.position < last {
            CommandState::Streamed
        } else if self.head.is_some_and(|head| self.is_behind(head, last)) {
            CommandState::Applied
        } else if self.checkpoint.open.iter().any(is_its) {
            CommandState::Spreading
        } else {
            CommandState::Visible
        }
    }

    /// A head of another generation answers nobody.
    fn is_behind(&self, head: Head, last: Position) -> bool {
        head.generation == self.checkpoint.generation && head.revision.position < last
    }
}

/// For this long a look is everybody's who wants to know: however many follow commands, the stores are looked at so often and no more.
const LOOK_HOLDS: Duration = Duration::from_millis(30);

/// Where all projections stood at a look.
pub type Stood = Result<Arc<[Standing]>, Refusal>;

/// The last look, and since when it holds. One looks, the others wait for it.
#[derive(Debug, Default)]
pub struct Standings(Mutex<Option<(Instant, Stood)>>);

impl Standings {
    /// Where all projections stand.
    pub async fn now(&self, side: &ReadSide) -> Stood {
        let mut last = self.0.lock().await;
        if let Some((_, stood)) = last.as_ref().filter(|(since, _)| since.elapsed() < LOOK_HOLDS) {
            return stood.clone();
        }
        let began = Instant::now();
        let stood = standings(side).await.map(Arc::from);
        // Those who waited for a look that failed do not each try in turn.
        let since = if stood.is_ok() { began } else { Instant::now() };
        *last = Some((since, stood.clone()));
        stood
    }
}

async fn standings(side: &ReadSide) -> Result<Vec<Standing>, Refusal> {
    let mut lookers = Lookers { side, futures: vec![] };
    visit(&mut lookers);
    try_join_all(lookers.futures).await
}

struct Lookers<'a> {
    side: &'a ReadSide,
    futures: Vec<BoxFuture<'a, Result<Standing, Refusal>>>,
}

impl Visitor for Lookers<'_> {
    fn visit<P: Registered>(&mut self) {
        self.futures.push(look::<P>(self.side).boxed());
    }
}

async fn look<P: Registered>(side: &ReadSide) -> Result<Standing, Refusal> {
    let reader = side.reader::<P>();
    let checkpoint = reader.store().checkpoint().await;
    let checkpoint = checkpoint.map_err(|error| Refusal::of_read(P::NAME, ReadError::Store(error)))?;
    let head = async { reader.cache().session().await?.head().await };
    Ok(Standing { projection: P::NAME, checkpoint, head: head.await.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::projection::{FanOutWork, Selector};
    use millrace_events::{CommandId, EventId, Revision, Timestamp};
    use time::OffsetDateTime;

    fn standing(checkpoint: u64, head: Option<(u32, u64)>, open: &[u64]) -> Standing {
        let fan_out = |position: &u64| FanOut {
            position: Position(*position),
            since: None,
            event_id: EventId(Uuid::nil()),
            command_id: CommandId(Uuid::nil()),
            at: Timestamp::new(OffsetDateTime::UNIX_EPOCH),
            task: "card".into(),
            work: FanOutWork::each(Selector { kind: "post".into(), field: "cardIds".into(), value: String::new() }),
            reads: vec![],
        };
        let checkpoint = Checkpoint {
            history: None,
            stream: None,
            generation: 2,
            fold_version: 1,
            revision: Revision::at(Position(checkpoint)),
            seq: 0,
            last_event: None,
            last_at: None,
            open: open.iter().map(fan_out).collect(),
            retired: false,
        };
        let head = head.map(|(generation, position)| Head {
            generation,
            namespace: 1,
            seq: 0,
            revision: Revision::at(Position(position)),
        });
        Standing { projection: "content", checkpoint, head }
    }

    #[test]
    fn a_command_goes_from_state_to_state() {
        let state = |standing: Standing| standing.of_command(Position(8), Position(9), Uuid::nil());
        assert_eq!(state(standing(8, None, &[])), CommandState::Streamed);
        assert_eq!(state(standing(9, Some((2, 8)), &[])), CommandState::Applied);
        assert_eq!(state(standing(9, Some((2, 9)), &[8])), CommandState::Spreading);
        assert_eq!(state(standing(20, Some((2, 20)), &[7, 12])), CommandState::Visible);
        assert_eq!(state(standing(9, None, &[])), CommandState::Visible, "without a cache the store answers");
        assert_eq!(state(standing(9, Some((1, 8)), &[])), CommandState::Visible, "another generation's head");
    }
    /// Two renames are spread as one, under the later one's position.
    #[test]
    fn a_rename_is_spreading_until_the_sweep_that_took_it_over_is_done() {
        let (ada, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut standing = standing(20, Some((2, 20)), &[12]);
        let fan_out = &mut standing.checkpoint.open[0];
        fan_out.work =
            FanOutWork::each(Selector { kind: "post".into(), field: "cardIds".into(), value: ada.to_string() });
        fan_out.since = Some(Position(5));
        let state = |at: u64, aggregate| standing.of_command(Position(at), Position(at), aggregate);
        assert_eq!(
            [4, 5, 8, 12, 13].map(|at| state(at, ada) == CommandState::Spreading),
            [false, true, true, true, false]
        );
        assert_eq!(state(8, ben), CommandState::Visible, "somebody else's command in between");
    }
}
