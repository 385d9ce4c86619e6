//! When nothing goes wrong.

use std::sync::Arc;

use futures_util::StreamExt;
use millrace_events::{EventId, Position};
use millrace_relay::Beat;
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::world::{PATIENCE, World, post};

const SOON_US: u128 = 50_000;
/// So often it may be tried: a busy machine is slow once, and not each time.
const TRIES_MAX: usize = 5;

#[tokio::test]
async fn what_was_there_before_and_what_comes_is_copied() {
    let world = World::new().await;
    world.write(1_200).await;
    let mut relay = world.relay();
    world.until_copied().await;
    world.write(30).await;
    world.until_copied().await;
    let status = relay.until(|status| status.last == Some(Position(1_230))).await;
    assert!(status.connected && status.stopped.is_none() && status.last_round.is_some());
    relay.end().await;
}

#[tokio::test]
async fn a_message_has_the_headers_of_the_contract() {
    let world = World::new().await;
    world.write(2).await;
    let _relay = world.relay();
    world.until_copied().await;
    let (event, stream) =
        (world.events().await.remove(1), world.context.get_stream(world.nats.stream()).await.unwrap());
    let message = stream.get_raw_message(2).await.unwrap();
    assert_eq!(message.subject.as_str(), format!("{}.log.post.edited", world.nats.prefix));
    assert_eq!(message.payload, serde_json::to_vec(&event).unwrap());
    let header = |name: &str| message.headers.get(name).unwrap().as_str().to_owned();
    assert_eq!(header("Nats-Expected-Last-Sequence"), "1");
    assert_eq!(header("Nats-Msg-Id"), event.event_id.to_string());
    assert_eq!(header("ce-id"), event.event_id.to_string());
    assert_eq!(header("Millrace-Predecessor"), event.predecessor.unwrap().to_string());
    assert_eq!(header("ce-type"), "post.edited");
    assert_eq!(header("ce-specversion"), "1.0");
    assert_eq!(header("ce-time"), event.at.to_string());
    assert!(header("ce-source").ends_with(&event.history.to_string()));
}

#[tokio::test]
async fn the_stream_keeps_everything_and_has_an_identity() {
    let world = World::new().await;
    let _relay = world.relay();
    world.until("there is a stream", async || world.stream().await.is_some()).await;
    let config = world.stream().await.unwrap().config;
    assert!(config.deny_delete && config.deny_purge && config.allow_direct);
    assert_eq!((config.max_messages, config.max_bytes, config.max_age.as_secs()), (-1, -1, 0));
    assert_eq!(config.metadata["millrace-history"], world.log.head().await.unwrap().history.0.to_string());
    let history_of_bucket = async || {
        let bucket = world.context.get_key_value(world.nats.bucket()).await.ok()?;
        Some(bucket.status().await.ok()?.history())
    };
    world.until("the bucket keeps one value", async || history_of_bucket().await == Some(1)).await;
}

/// An event of a process that died before its own sequencing.
#[tokio::test]
async fn what_nobody_sequenced_is_sequenced_by_the_relay() {
    let world = World::new().await;
    let mut relay = world.relay();
    world.commit(post(), json!({})).await;
    relay.until(|status| status.last == Some(Position(1))).await;
    world.until_copied().await;
}

/// Far faster than the poll: the notification wakes the relay.
#[tokio::test]
async fn a_new_event_is_published_without_waiting_for_the_poll() {
    let world = World::new().await;
    let mut relay = world.relay();
    world.write(1).await;
    relay.until(|status| status.last == Some(Position(1))).await;
    let mut tries = Vec::new();
    loop {
        let times_us = publishing_times_us(&world).await;
        if times_us[20] < SOON_US {
            break;
        }
        tries.push(times_us);
        assert!(tries.len() < TRIES_MAX, "half of them took longer than {SOON_US} us: {tries:?}");
    }
}

/// How long each of forty events takes into the stream, the shortest first.
async fn publishing_times_us(world: &World) -> Vec<u128> {
    let mut live = world.context.client().subscribe(world.nats.subjects()).await.unwrap();
    let mut times_us = Vec::new();
    for _ in 0..40 {
        let event_id = world.commit(post(), json!({})).await;
        world.log.sequence().await.unwrap();
        let sequenced = Instant::now();
        let message = timeout(PATIENCE, live.next()).await.unwrap().unwrap();
        times_us.push(sequenced.elapsed().as_micros());
        let id: EventId = serde_json::from_value(read(&message.payload, "eventId")).unwrap();
        assert_eq!(id, event_id);
    }
    times_us.sort_unstable();
    times_us
}

fn read(payload: &[u8], field: &str) -> serde_json::Value {
    serde_json::from_slice::<serde_json::Value>(payload).unwrap()[field].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_relays_under_load_write_one_copy() {
    let world = Arc::new(World::new().await);
    let _relays = [world.relay(), world.relay()];
    world.until("there is a stream", async || world.stream().await.is_some()).await;
    let identity = world.identity().await;
    let writers = (0..8).map(|_| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            for _ in 0..25 {
                world.write(10).await;
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    world.until_copied().await;
    assert_eq!(world.log.head().await.unwrap().position, Position(2_000));
    assert_eq!(world.identity().await, identity, "nothing was wrong, but the stream was made anew");
}

/// Each as large as an event may be, so that a window is bounded by its bytes.
#[tokio::test]
async fn large_events_are_copied_in_smaller_windows() {
    let world = World::new().await;
    let text = "x".repeat(255 * 1024);
    for _ in 0..40 {
        world.commit(post(), json!({ "text": text })).await;
    }
    let _relay = world.relay();
    world.until("all are there", async || world.stream().await.is_some_and(|info| info.state.messages == 40)).await;
    world.until_copied().await;
}

#[tokio::test]
async fn a_relay_beats_every_second() {
    let world = World::new().await;
    let head = world.write(3).await;
    let mut beats = world.context.client().subscribe(world.nats.beat()).await.unwrap();
    let _relay = world.relay();
    let beats = beats.by_ref().map(|beat| serde_json::from_slice::<Beat>(&beat.payload).unwrap());
    // The first ones may tell of a stream that is still being filled.
    let is_filling = |beat: &Beat| std::future::ready(beat.last != head);
    let heard: Vec<Beat> = timeout(PATIENCE, beats.skip_while(is_filling).take(2).collect()).await.unwrap();
    let history = world.log.head().await.unwrap().history;
    assert!(heard.iter().all(|beat| beat.history == history && beat.head == head && beat.last == head), "{heard:?}");
    assert!(heard[1].at.unix_ms() - heard[0].at.unix_ms() >= 900, "{heard:?}");
}

/// NATS may come up after the relay.
#[tokio::test]
async fn a_relay_waits_for_nats() {
    let world = World::new().await;
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let relay = world.relay_through(&format!("nats://{closed}"));
    assert!(!relay.status.borrow().connected);
    relay.end().await;
}
