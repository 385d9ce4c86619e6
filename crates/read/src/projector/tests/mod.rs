mod beats;
mod chain;
mod drafts;
mod drain;
mod erasure;
mod kept;
mod lag;
mod pauses;
mod property;
mod rounds;
mod stream;
mod through;
mod went_back;

use super::RoundError;
use super::testing::{MemoryCache, MemorySource, MemoryStore, Pages, PagesDocument, Workshop};
use super::{Projector, Step};

pub(super) type Store = MemoryStore<PagesDocument>;
pub(super) type Tested = Projector<Pages, MemorySource, Store, MemoryCache>;
/// A projector of the test projection, and what it works on.
pub(super) type Bench = Workshop<Pages>;

pub(super) async fn step(projector: &mut Tested) -> Step {
    super::testing::step(projector).await
}

pub(super) async fn failure(projector: &mut Tested) -> RoundError {
    projector.round(7).await.unwrap_err()
}
