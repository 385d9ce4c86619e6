//! A log that went back: the relay stops and never makes the stream anew, until there is a new history.

use millrace_events::Position;
use millrace_relay::{WentBack, recreate_for_new_history};

use crate::world::World;

impl World {
    /// PostgreSQL as it was when the log ended there.
    async fn put_back(&self, head: u64) {
        self.sql(&format!("DELETE FROM log WHERE position > {head}; UPDATE log_head SET position = {head}")).await;
    }

    async fn twenty_copied() -> Self {
        let world = Self::new().await;
        world.write(20).await;
        let relay = world.relay();
        world.until_copied().await;
        relay.end().await;
        world
    }
}

#[tokio::test]
async fn a_stream_above_the_head_stops_the_relay_at_once() {
    let world = World::new().await;
    world.write(20).await;
    let mut relay = world.relay();
    world.until_copied().await;
    let identity = world.identity().await;
    world.put_back(15).await;
    let status = relay.until(|status| status.stopped.is_some()).await;
    assert_eq!(status.stopped, Some(WentBack::AboveHead { position: Position(20), head: Position(15) }));

    // It stays so, although the log grows beyond the stream.
    world.write(30).await;
    let seen = *relay.status.borrow_and_update();
    relay.until(|status| status.head.unwrap().position == Position(45) && status.last_round > seen.last_round).await;
    assert!(relay.status.borrow().stopped.is_some());
    assert_eq!((world.identity().await, world.stream().await.unwrap().state.last_sequence), (identity, 20));
}

#[tokio::test]
async fn another_event_at_the_end_stops_a_relay_that_starts() {
    let world = World::twenty_copied().await;
    let identity = world.identity().await;
    world.put_back(19).await;
    world.write(5).await;
    let mut relay = world.relay();
    let status = relay.until(|status| status.stopped.is_some()).await;
    assert_eq!(status.stopped, Some(WentBack::AnotherEvent(Position(20))));
    assert_eq!((world.identity().await, world.stream().await.unwrap().state.last_sequence), (identity, 20));
}

/// The stream ends where the log does, and what comes next would fit by its position.
#[tokio::test]
async fn another_event_under_the_end_stops_a_running_relay_before_it_publishes_the_next() {
    let world = World::new().await;
    world.write(20).await;
    let mut relay = world.relay();
    world.until_copied().await;
    relay.until(|status| status.last == Some(Position(20))).await;
    // In one transaction: nobody sees the log in between.
    let event = "post.edited', 1, NULL, now(), NULL, '{}'";
    let at = |position: u64| {
        format!(
            "INSERT INTO log SELECT {position}, gen_random_uuid(), gen_random_uuid(), 0, 1, 'post', gen_random_uuid(), 1, '{event};"
        )
    };
    world
        .sql(&format!(
            "BEGIN; DELETE FROM log WHERE position = 20; {} {} UPDATE log_head SET position = 21; COMMIT; NOTIFY millrace_log",
            at(20),
            at(21)
        ))
        .await;
    let status = relay.until(|status| status.stopped.is_some()).await;
    assert_eq!(status.stopped, Some(WentBack::AnotherEvent(Position(20))));
    assert_eq!(world.stream().await.unwrap().state.last_sequence, 20);
}

/// A stranger at the end must not make the relay swallow what lies before it.
#[tokio::test]
async fn a_damaged_stream_is_not_made_anew_if_the_log_went_back_too() {
    let world = World::twenty_copied().await;
    let identity = world.identity().await;
    world.stranger().await;
    world.put_back(10).await;
    let mut relay = world.relay();
    let status = relay.until(|status| status.stopped.is_some()).await;
    assert!(matches!(status.stopped, Some(WentBack::AboveHead { position: Position(11), .. })), "{status:?}");
    assert_eq!(world.identity().await, identity);
}

#[tokio::test]
async fn a_new_history_makes_the_stream_anew_and_the_relay_goes_on() {
    let world = World::new().await;
    world.write(20).await;
    let mut relay = world.relay();
    world.until_copied().await;
    let identity = world.identity().await;
    world.put_back(15).await;
    relay.until(|status| status.stopped.is_some()).await;
    world.log.new_history(&[]).await.unwrap();
    relay.until(|status| status.stopped.is_none()).await;
    world.until_copied().await;
    world.write(10).await;
    world.until_copied().await;
    assert_ne!(world.identity().await, identity);
}

#[tokio::test]
async fn a_new_history_without_a_stop_is_noticed_too() {
    let world = World::new().await;
    world.write(20).await;
    let _relay = world.relay();
    world.until_copied().await;
    world.log.new_history(&[]).await.unwrap();
    world.write(10).await;
    world.until_copied().await;
}

#[tokio::test]
async fn the_operator_can_make_the_stream_anew() {
    let world = World::twenty_copied().await;
    let identity = world.identity().await;
    let history = world.log.new_history(&[]).await.unwrap();
    recreate_for_new_history(&world.log, &world.nats).await.unwrap();
    let info = world.stream().await.unwrap();
    assert_eq!((info.state.messages, &info.config.metadata["millrace-history"]), (0, &history.0.to_string()));
    assert_ne!(world.identity().await, identity);
    let _relay = world.relay();
    world.until_copied().await;
}
