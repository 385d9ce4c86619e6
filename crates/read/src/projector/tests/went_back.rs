//! A log that went back below what was fetched, but not below what was folded, concerns nobody.

use super::{Bench, failure};
use crate::projector::testing::{TestLog, post, user};
use crate::projector::{Alarm, Obstacle, RoundError, Step};
use millrace_events::Position;

/// Found by the model, harsh schedule 167.
#[tokio::test]
async fn half_a_command_of_a_log_that_went_back_is_not_kept() {
    let mut log = TestLog::new(5);
    log.write_and_like(post(1), user(1), "lost");
    let mut bench = Bench::over(&log);
    bench.source.replace(&log.until(1));
    assert!(matches!(bench.step().await, Step::Waiting(Obstacle::HalfCommand(Position(1)))));
    let mut log = log.branch(0, 5);
    log.write_and_like(post(1), user(1), "other");
    bench.source.replace(&log);
    let error = failure(&mut bench.projector).await;
    assert!(matches!(error, RoundError::Alarm(Alarm::ChainBroken { position: Position(2), .. })), "{error:?}");
    assert!(matches!(bench.step().await, Step::Folded { events: 2 }));
}
