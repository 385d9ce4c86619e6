//! Lost answers, lost connections, and a NATS that is killed or put back.

use std::sync::Arc;

use millrace_relay::Beat;
use millrace_servers::{Binaries, Options, Servers};

use crate::proxy::Proxy;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn lost_acks_lose_and_double_nothing() {
    let world = Arc::new(World::new().await);
    let proxy = Proxy::to(&world.nats.url).await;
    let mut relay = world.relay_through(&proxy.url);
    relay.until(|status| status.last.is_some()).await;
    for _ in 0..4 {
        let before = world.stream().await.unwrap().state.last_sequence;
        proxy.lose_answers(true);
        world.write(300).await;
        world
            .until("something is stored that the relay does not know of", async || {
                world.stream().await.unwrap().state.last_sequence > before
            })
            .await;
        proxy.lose_answers(false);
        proxy.cut();
        world.write(300).await;
        world.until_copied().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_break_in_the_middle_lose_and_double_nothing() {
    let world = Arc::new(World::new().await);
    let (first, second) = (Proxy::to(&world.nats.url).await, Proxy::to(&world.nats.url).await);
    let _relays = [world.relay_through(&first.url), world.relay_through(&second.url)];
    world.until("there is a stream", async || world.stream().await.is_some()).await;
    let identity = world.identity().await;
    for _ in 0..30 {
        world.write(60).await;
        first.cut();
        world.write(60).await;
        second.cut();
    }
    world.until_copied().await;
    assert_eq!(world.identity().await, identity, "nothing was wrong, but the stream was made anew");
}

async fn own_servers() -> Servers {
    Servers::temporary(&Binaries::from_environment().await.unwrap(), Options::for_tests()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_is_killed_under_load_loses_nothing() {
    let servers = own_servers().await;
    let world = Arc::new(World::on(&servers.urls()).await);
    let _relays = [world.relay(), world.relay()];
    for _ in 0..4 {
        let writer = {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.write(400).await })
        };
        servers.nats().kill().unwrap();
        servers.nats().start().await.unwrap();
        writer.await.unwrap();
    }
    world.until_copied().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_is_put_back_to_an_older_copy_is_filled_up() {
    let servers = own_servers().await;
    let world = Arc::new(World::on(&servers.urls()).await);
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("nats");
    let _relays = [world.relay(), world.relay()];
    world.write(300).await;
    world.until_copied().await;
    let identity = world.identity().await;

    servers.nats().stop().await.unwrap();
    servers.nats().copy_data_to(&copy).unwrap();
    servers.nats().start().await.unwrap();
    world.write(300).await;
    world.until_copied().await;

    servers.nats().kill().unwrap();
    servers.nats().put_data_back(&copy).unwrap();
    servers.nats().start().await.unwrap();
    // Quiet at first: the reconnection alone must be reason enough to look.
    world.until_copied().await;
    world.write(50).await;
    world.until_copied().await;
    assert_eq!(world.identity().await, identity, "a lost end is appended");
}

/// A stopped process keeps its connections: nothing breaks, and nothing is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_nats_that_is_paused_is_waited_for() {
    let servers = own_servers().await;
    let world = World::on(&servers.urls()).await;
    let mut relay = world.relay();
    world.write(50).await;
    relay.until(|status| status.last.is_some_and(|last| last.0 == 50)).await;
    servers.nats().pause().unwrap();
    world.write(700).await;
    let stood_still = relay.status.borrow_and_update().last_round;
    relay.status.changed().await.unwrap();
    assert_eq!(relay.status.borrow().last_round, stood_still, "a round succeeded without NATS");
    servers.nats().resume().unwrap();
    world.until_copied().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_that_restarts_is_waited_for() {
    let servers = own_servers().await;
    let world = World::on(&servers.urls()).await;
    let mut relay = world.relay();
    world.write(50).await;
    world.until_copied().await;
    servers.postgresql().kill().unwrap();
    let mut beats = world.context.client().subscribe(world.nats.beat()).await.unwrap();
    let before = relay.status.borrow_and_update().last_round;
    servers.postgresql().start().await.unwrap();
    relay.until(|status| status.last_round > before).await;
    world.write(50).await;
    world.until_copied().await;
    let beat = futures_util::StreamExt::next(&mut beats).await.unwrap();
    assert!(serde_json::from_slice::<Beat>(&beat.payload).unwrap().head.0 >= 50);
}
