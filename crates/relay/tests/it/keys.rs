//! Keys of persons in the bucket.

use std::collections::BTreeSet;

use async_nats::jetstream::stream::Config;
use futures_util::StreamExt;
use millrace_events::{KeyState, UserId};
use millrace_log::keys;
use millrace_relay::WentBack;
use millrace_relay::jetstream::Nats;
use millrace_relay::ports::StreamSide;
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::world::{PATIENCE, World, user};

impl World {
    /// Signs a person up and answers the key.
    async fn sign_up(&self) -> (UserId, KeyState) {
        let person = UserId::generate();
        let key = keys::create(self.log.database(), person).await.unwrap();
        self.commit(user(person), json!({})).await;
        self.log.sequence().await.unwrap();
        (person, KeyState::Live(key))
    }

    async fn erase(&self, person: UserId) {
        keys::destroy(self.log.database(), person).await.unwrap();
        self.commit(millrace_events::Aggregate { version: 2, ..user(person) }, json!({})).await;
        self.log.sequence().await.unwrap();
    }

    async fn in_bucket(&self, person: UserId) -> Option<KeyState> {
        let bucket = self.context.get_key_value(self.nats.bucket()).await.ok()?;
        let value = bucket.get(person.0.simple().to_string()).await.ok()??;
        serde_json::from_slice(&value).ok()
    }

    async fn until_mirrored(&self, person: UserId, state: &KeyState) {
        self.until("the bucket has the key", async || self.in_bucket(person).await.as_ref() == Some(state)).await;
    }

    async fn nats(&self) -> Nats {
        Nats::connect(self.nats.clone()).await.unwrap()
    }
}

/// Who listens gets an event even before it is stored: the earliest moment at which a key can be missed.
#[tokio::test]
async fn a_key_is_there_before_its_first_event() {
    let world = World::new().await;
    let mut relay = world.relay();
    relay.until(|status| status.last.is_some()).await;
    let mut live = world.context.client().subscribe(world.nats.subjects()).await.unwrap();
    for _ in 0..30 {
        let (person, key) = world.sign_up().await;
        timeout(PATIENCE, live.next()).await.unwrap().unwrap();
        assert_eq!(world.in_bucket(person).await, Some(key));
    }
}

#[tokio::test]
async fn a_mark_takes_the_place_of_the_key_and_is_final() {
    let world = World::new().await;
    let _relay = world.relay();
    let (person, key) = world.sign_up().await;
    world.until_mirrored(person, &key).await;
    world.erase(person).await;
    world.until_mirrored(person, &KeyState::Destroyed).await;
    // What a relay does that read the live key before it was destroyed and was paused since.
    let late = world.nats().await;
    assert!(!late.create_key(person, &key).await.unwrap());
    assert_eq!(world.in_bucket(person).await, Some(KeyState::Destroyed));
    assert_eq!(late.destroyed_keys().await.unwrap(), BTreeSet::from([person]));
    let bucket = world.context.get_stream(world.nats.bucket_stream()).await.unwrap();
    assert_eq!(bucket.cached_info().state.messages, 1, "the key that was destroyed can still be read");
}

#[tokio::test]
async fn a_bucket_that_was_deleted_is_filled_again() {
    let world = World::new().await;
    let _relay = world.relay();
    let (ada, ada_key) = world.sign_up().await;
    let (bob, bob_key) = world.sign_up().await;
    world.until_mirrored(ada, &ada_key).await;
    world.until_mirrored(bob, &bob_key).await;
    world.erase(bob).await;
    world.until_mirrored(bob, &KeyState::Destroyed).await;
    world.context.delete_key_value(world.nats.bucket()).await.unwrap();
    world.until_mirrored(ada, &ada_key).await;
    world.until_mirrored(bob, &KeyState::Destroyed).await;
    world.until_copied().await;
}

#[tokio::test]
async fn what_no_relay_wrote_is_written_over() {
    let world = World::new().await;
    let _relay = world.relay();
    let (person, key) = world.sign_up().await;
    world.until_mirrored(person, &key).await;
    let bucket = world.context.get_key_value(world.nats.bucket()).await.unwrap();
    let name = person.0.simple().to_string();
    bucket.put(&name, "hello".into()).await.unwrap();
    world.until_mirrored(person, &key).await;
    bucket.delete(&name).await.unwrap();
    world.until_mirrored(person, &key).await;
}

/// Two relays and many persons at once: nobody's key is lost to somebody else's.
#[tokio::test(flavor = "multi_thread")]
async fn two_relays_mirror_the_same_keys() {
    let world = World::new().await;
    let mut people = Vec::new();
    for _ in 0..150 {
        people.push(world.sign_up().await);
    }
    let _relays = [world.relay(), world.relay()];
    world.until_copied().await;
    for (person, key) in people {
        assert_eq!(world.in_bucket(person).await, Some(key));
    }
}

#[tokio::test]
async fn a_destroyed_key_that_lives_again_stops_the_relay_until_it_is_destroyed_again() {
    let world = World::new().await;
    let relay = world.relay();
    let (person, key) = world.sign_up().await;
    world.until_mirrored(person, &key).await;
    let before = world.log.head().await.unwrap().position;
    world.erase(person).await;
    world.until_mirrored(person, &KeyState::Destroyed).await;
    world.until_copied().await;
    relay.end().await;

    // PostgreSQL is restored, and the stream lost its end too: only the bucket still knows.
    let KeyState::Live(bytes) = &key else { panic!("a live key") };
    let bytes: String = bytes.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    world
        .sql(&format!(
            "DELETE FROM log WHERE position > {before}; UPDATE log_head SET position = {before};
             UPDATE person_key SET key = '\\x{bytes}', destroyed_at = NULL"
        ))
        .await;
    world.context.delete_stream(world.nats.stream()).await.unwrap();
    let mut relay = world.relay();
    let status = relay.until(|status| status.stopped.is_some()).await;
    assert_eq!(status.stopped, Some(WentBack::DestroyedKeyLives(person)));
    assert_eq!(world.in_bucket(person).await, Some(KeyState::Destroyed));

    let destroyed: Vec<UserId> = world.nats().await.destroyed_keys().await.unwrap().into_iter().collect();
    world.log.new_history(&destroyed).await.unwrap();
    relay.until(|status| status.stopped.is_none()).await;
    world.until_copied().await;
    assert_eq!(world.in_bucket(person).await, Some(KeyState::Destroyed));
}

/// A replica that has nothing of the end of the list, which a real one shows only for a moment: the bucket's own server is told not to
/// answer direct reads, and this answers in its place.
async fn lagging_replica(world: &World) {
    let name = world.nats.bucket_stream();
    let config = world.context.get_stream(&name).await.unwrap().cached_info().config.clone();
    world.context.update_stream(Config { allow_direct: false, ..config }).await.unwrap();
    // By hand: the client cannot publish a status.
    let address = world.nats.url.strip_prefix("nats://").unwrap().rsplit('@').next().unwrap().to_owned();
    let server = TcpStream::connect(address).await.unwrap();
    let (lines, mut out) = server.into_split();
    let mut lines = BufReader::new(lines).lines();
    let hello = "CONNECT {\"user\":\"operator\",\"pass\":\"operator\",\"headers\":true,\"verbose\":false}";
    out.write_all(format!("{hello}\r\nSUB $JS.API.DIRECT.GET.{name} 1\r\nPING\r\n").as_bytes()).await.unwrap();
    while lines.next_line().await.unwrap().unwrap() != "PONG" {}
    tokio::spawn(async move {
        while let Ok(Some(line)) = lines.next_line().await {
            // MSG <subject> <sid> <reply-to> <bytes>
            let Some(reply) = line.strip_prefix("MSG ").and_then(|line| line.split(' ').nth(2)) else { continue };
            let answer = "NATS/1.0 404 No Messages\r\n\r\n";
            let sent = format!("HPUB {reply} {0} {0}\r\n{answer}\r\n", answer.len());
            out.write_all(sent.as_bytes()).await.unwrap();
        }
    });
}

#[tokio::test]
async fn a_replica_that_lags_hides_no_destroyed_key() {
    let world = World::new().await;
    let relay = world.relay();
    let mut people = BTreeSet::new();
    for _ in 0..3 {
        let (person, _) = world.sign_up().await;
        world.erase(person).await;
        world.until_mirrored(person, &KeyState::Destroyed).await;
        people.insert(person);
    }
    relay.end().await;
    lagging_replica(&world).await;
    assert_eq!(world.nats().await.destroyed_keys().await.unwrap(), people);
}

/// The last sequence of a bucket may be nobody's.
#[tokio::test]
async fn a_bucket_whose_end_was_purged_still_names_the_others() {
    let world = World::new().await;
    let relay = world.relay();
    let (ada, _) = world.sign_up().await;
    let (bob, bob_key) = world.sign_up().await;
    world.erase(ada).await;
    world.until_mirrored(ada, &KeyState::Destroyed).await;
    let (last, last_key) = world.sign_up().await;
    world.until_mirrored(bob, &bob_key).await;
    world.until_mirrored(last, &last_key).await;
    relay.end().await;
    let bucket = world.context.get_stream(world.nats.bucket_stream()).await.unwrap();
    bucket.purge().filter(format!("$KV.{}.{}", world.nats.bucket(), last.0.simple())).await.unwrap();
    assert_eq!(world.nats().await.destroyed_keys().await.unwrap(), BTreeSet::from([ada]));
    bucket.purge().await.unwrap();
    assert_eq!(world.nats().await.destroyed_keys().await.unwrap(), BTreeSet::new());
}
