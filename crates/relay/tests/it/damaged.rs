//! A stream that is no copy any more is made anew.

use async_nats::jetstream::stream::Config;
use millrace_events::Position;
use std::sync::Arc;

use crate::world::World;

impl World {
    /// Puts a stream in the place of the relay's that says it is the same, holds the same, but lets one delete.
    async fn replace_unprotected(&self) {
        let config = self.stream().await.unwrap().config;
        let messages = self.events().await;
        self.context.delete_stream(self.nats.stream()).await.unwrap();
        let config = Config { deny_delete: false, deny_purge: false, ..config };
        self.context.create_stream(config).await.unwrap();
        for event in messages {
            let payload = serde_json::to_vec(&event).unwrap();
            self.context.publish(self.nats.subject_of(&event.name), payload.into()).await.unwrap().await.unwrap();
        }
    }

    /// A stream of 20 events that lets one delete, and no relay.
    async fn unprotected() -> Self {
        let world = Self::new().await;
        world.write(20).await;
        let relay = world.relay();
        world.until_copied().await;
        relay.end().await;
        world.replace_unprotected().await;
        world
    }

    async fn until_made_anew(&self, identity: &str) {
        self.until("the stream is made anew", async || {
            self.stream()
                .await
                .is_some_and(|info| info.config.metadata.get("millrace-identity").is_some_and(|now| now != identity))
        })
        .await;
        self.until_copied().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_deleted_again_and_again_under_load_is_filled_again() {
    let world = Arc::new(World::new().await);
    let _relays = [world.relay(), world.relay()];
    let writer = {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            for _ in 0..60 {
                world.write(10).await;
            }
        })
    };
    for _ in 0..5 {
        world
            .until("something was copied", async || world.stream().await.is_some_and(|info| info.state.messages > 0))
            .await;
        // A relay may be just making it anew.
        let _ = world.context.delete_stream(world.nats.stream()).await;
    }
    writer.await.unwrap();
    world.until_copied().await;
    assert_eq!(world.stream().await.unwrap().state.last_sequence, 600);
}

#[tokio::test]
async fn an_unprotected_stream_that_is_sound_stays_and_is_protected_again() {
    let world = World::unprotected().await;
    let identity = world.identity().await;
    let _relay = world.relay();
    let is_protected = async || {
        let config = world.stream().await.unwrap().config;
        config.deny_delete && config.deny_purge
    };
    world.until("the stream is protected", is_protected).await;
    world.write(5).await;
    world.until_copied().await;
    assert_eq!(world.identity().await, identity);
}

#[tokio::test]
async fn a_purged_stream_is_made_anew() {
    let world = World::unprotected().await;
    let identity = world.identity().await;
    world.context.get_stream(world.nats.stream()).await.unwrap().purge().await.unwrap();
    assert_eq!(world.stream().await.unwrap().state.last_sequence, 20);
    let _relay = world.relay();
    world.until_made_anew(&identity).await;
}

#[tokio::test]
async fn a_stream_without_one_message_is_made_anew() {
    for deleted in [1, 7, 20] {
        let world = World::unprotected().await;
        let identity = world.identity().await;
        let stream = world.context.get_stream(world.nats.stream()).await.unwrap();
        assert!(stream.delete_message(deleted).await.unwrap());
        let _relay = world.relay();
        world.until_made_anew(&identity).await;
    }
}

#[tokio::test]
async fn a_strangers_message_at_the_end_costs_the_stream() {
    let world = World::new().await;
    world.write(20).await;
    let _relay = world.relay();
    world.until_copied().await;
    let identity = world.identity().await;
    world.stranger().await;
    world.write(1).await;
    world.until_made_anew(&identity).await;
}

/// Nothing is published meanwhile, so that only the look that is due finds it.
#[tokio::test]
async fn a_strangers_message_is_found_in_quiet_times() {
    let world = World::new().await;
    world.write(20).await;
    let _relay = world.relay();
    world.until_copied().await;
    let identity = world.identity().await;
    world.stranger().await;
    world.until_made_anew(&identity).await;
}

/// The end of the stream looks right: only comparing each message finds it.
#[tokio::test]
async fn a_message_that_was_exchanged_in_the_middle_is_found() {
    let world = World::new().await;
    let relay = world.relay();
    world.write(20).await;
    world.until_copied().await;
    relay.end().await;
    let (config, identity) = (world.stream().await.unwrap().config, world.identity().await);
    world.context.delete_stream(world.nats.stream()).await.unwrap();
    world.context.create_stream(config).await.unwrap();
    for event in world.events().await {
        if event.position == Position(7) {
            world.stranger().await;
            continue;
        }
        let payload = serde_json::to_vec(&event).unwrap();
        world.context.publish(world.nats.subject_of(&event.name), payload.into()).await.unwrap().await.unwrap();
    }
    let _relay = world.relay();
    world.until_made_anew(&identity).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_between_pipelined_windows_do_not_stay() {
    let world = Arc::new(World::new().await);
    let _relays = [world.relay(), world.relay()];
    world.until("there is a stream", async || world.stream().await.is_some()).await;
    let writer = {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            for _ in 0..40 {
                world.write(50).await;
            }
        })
    };
    for _ in 0..30 {
        // The stream may be gone at this moment.
        let subject = world.nats.subject_of("stranger");
        if let Ok(ack) = world.context.publish(subject, "hello".into()).await {
            let _ = ack.await;
        }
    }
    writer.await.unwrap();
    world.until_copied().await;
    assert_eq!(world.stream().await.unwrap().state.last_sequence, 2_000);
}

#[tokio::test]
async fn a_stream_that_no_relay_made_is_made_anew() {
    let world = World::new().await;
    let config = Config { name: world.nats.stream(), subjects: vec![world.nats.subjects()], ..Config::default() };
    world.context.create_stream(config).await.unwrap();
    world.stranger().await;
    world.write(20).await;
    let _relay = world.relay();
    world.until_made_anew("").await;
}
