//! Over a real MongoDB and a real Redis, whose connections are cut and stopped on the way.

use super::world::{Note, Notes, change, checkpoint, history, key, request};
use crate::cache::redis::{RedisCache, RedisSettings, ring_channel};
use crate::cache::{Cache, CacheSession, Ring};
use crate::live::{Cursor, Feed, Heard, Item, LiveLimits, RedisRings, Subscription, run};
use crate::projection::Audience::Everyone;
use crate::reader::ServedStore;
use crate::store::mongo::{MongoStore, ServedPointer};
use crate::store::{Checkpoint, Commit, Committed, DocumentStore, Stored};
use millrace_events::{Position, Revision};
use millrace_servers::{Shared, unique_name};
use mongodb::bson::doc;
use mongodb::{Client, Database};
use redis::AsyncConnectionConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Nothing here takes that long, unless it never happens.
const SOON: Duration = Duration::from_secs(20);
const KEPT: Duration = Duration::from_secs(3_600);

/// What a connection through the wire does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wire {
    Passes,
    /// Connections are closed, and new ones too.
    Cut,
    /// Connections stay, but nothing passes, and new ones are closed.
    Silent,
}

/// A way to Redis that can be cut.
struct Proxy {
    url: String,
    wire: watch::Sender<Wire>,
}

impl Proxy {
    async fn to(redis: &str) -> Self {
        let server = redis.trim_start_matches("redis://").trim_end_matches('/').to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let wire = watch::channel(Wire::Passes).0;
        let state = wire.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                if *state.borrow() == Wire::Passes {
                    tokio::spawn(pass(client, server.clone(), state.subscribe()));
                }
            }
        });
        Self { url, wire }
    }
}

async fn pass(mut client: TcpStream, server: String, mut state: watch::Receiver<Wire>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => return,
        _ = state.wait_for(|wire| *wire != Wire::Passes) => {}
    }
    let _ = state.wait_for(|wire| *wire == Wire::Cut).await;
}

/// A database and a way to Redis of its own.
struct World {
    database: Database,
    redis: String,
    proxy: Proxy,
    prefix: String,
    cache: RedisCache,
}

impl World {
    async fn begin() -> Self {
        let urls = Shared::from_environment().await.unwrap().urls();
        let client = Client::with_uri_str(&urls.mongodb).await.unwrap();
        let database = client.database(&unique_name("live"));
        ServedPointer::<Notes>::new(database.clone()).begin(KEPT).await.unwrap();
        let prefix = unique_name("live");
        let settings = RedisSettings { url: urls.redis.clone(), prefix: prefix.clone(), document_ttl: KEPT };
        let cache = RedisCache::new(&settings, "notes").unwrap();
        Self { database, redis: urls.redis.clone(), proxy: Proxy::to(&urls.redis).await, prefix, cache }
    }

    fn store(&self) -> MongoStore<Notes> {
        MongoStore::new(self.database.clone(), 1)
    }

    fn rings(&self, stop: &CancellationToken) -> RedisRings {
        RedisRings::listen(&self.proxy.url, ring_channel(&self.prefix, "notes"), Arc::default(), stop.clone()).unwrap()
    }

    fn feed(&self) -> Arc<Feed<Notes, ServedStore<Notes>>> {
        Arc::new(Feed::new(Arc::new(ServedStore::new(self.database.clone())), LiveLimits::default()))
    }

    /// Commits one change of a note; gives the ring that tells it.
    async fn write(&self, note: &str) -> Ring {
        let store = self.store();
        let from = store.checkpoint().await.unwrap();
        let (seq, position) = (from.seq + 1, from.revision.position.next());
        let revision = Revision::at(position);
        let document = Stored { revision, broken_since: None, document: Note::new(seq) };
        let changes = vec![change(note, seq, position, Everyone, Everyone)];
        let commit = Commit {
            checkpoint: Checkpoint { history: Some(history(1)), revision, seq, ..checkpoint(1, 1) },
            documents: vec![(key(note), Some(document))],
            parked: vec![],
            changes: changes.clone(),
            dead_letters: vec![],
            repaired: vec![],
        };
        assert_eq!(store.commit(from.revision, &commit).await.unwrap(), Committed::Yes);
        Ring::of(1, changes)
    }

    async fn ring(&self, ring: &Ring) {
        self.cache.session().await.unwrap().ring(ring.clone()).await.unwrap();
    }

    /// Rings with any text. The rings' own connection goes through the proxy, this one does not.
    async fn ring_text(&self, text: &str) {
        let client = redis::Client::open(self.redis.as_str()).unwrap();
        let patient = AsyncConnectionConfig::new().set_response_timeout(Some(SOON)).set_connection_timeout(Some(SOON));
        let mut connection = client.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(ring_channel(&self.prefix, "notes")).arg(text);
        let heard_by: u32 = publish.query_async(&mut connection).await.unwrap();
        assert_eq!(heard_by, 1, "somebody listens");
    }
}

async fn heard(rings: &mut RedisRings) -> Heard {
    timeout(SOON, rings.next()).await.expect("nothing is heard").expect("listening has ended")
}

async fn item(subscription: &mut Subscription<Notes, ServedStore<Notes>>) -> Item<Note> {
    timeout(SOON, subscription.next()).await.expect("nothing comes").expect("the subscription is over")
}

async fn next_seq(subscription: &mut Subscription<Notes, ServedStore<Notes>>) -> u64 {
    match item(subscription).await {
        Item::Change { change, .. } => change.seq,
        other => panic!("{other:?}"),
    }
}

async fn snapshot(subscription: &mut Subscription<Notes, ServedStore<Notes>>) -> Cursor {
    match item(subscription).await {
        Item::Snapshot { cursor, .. } => cursor,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn rings_are_heard_again_after_the_connection_broke() {
    let world = World::begin().await;
    let mut rings = world.rings(&CancellationToken::new());
    let ring = world.write("a").await;
    for end in [Wire::Cut, Wire::Silent] {
        assert_eq!(heard(&mut rings).await, Heard::Connected);
        world.ring(&ring).await;
        assert_eq!(heard(&mut rings).await, Heard::Ring(ring.clone()));
        world.proxy.wire.send_replace(end);
        assert_eq!(heard(&mut rings).await, Heard::Disconnected, "after {end:?}");
        world.proxy.wire.send_replace(Wire::Passes);
    }
}

#[tokio::test]
async fn what_is_no_ring_is_passed_over_and_stopping_ends_it() {
    let world = World::begin().await;
    let stop = CancellationToken::new();
    let mut rings = world.rings(&stop);
    assert_eq!(heard(&mut rings).await, Heard::Connected);
    world.ring_text("{\"generation\":").await;
    let ring = world.write("a").await;
    world.ring(&ring).await;
    assert_eq!(heard(&mut rings).await, Heard::Ring(ring));
    stop.cancel();
    assert_eq!(timeout(SOON, rings.next()).await, Ok(None));
}

#[tokio::test]
async fn changes_come_with_rings_without_them_and_without_redis() {
    let world = World::begin().await;
    let (feed, stop) = (world.feed(), CancellationToken::new());
    let (rings, running) = (world.rings(&stop), Arc::clone(&feed));
    let ended = stop.clone();
    let loop_ = tokio::spawn(async move { run(&running, Some(rings), ended).await });
    let mut progress = feed.progress();
    timeout(SOON, progress.wait_for(|progress| progress.generation == 1)).await.unwrap().unwrap();

    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    snapshot(&mut subscription).await;
    let ring = world.write("a").await;
    world.ring(&ring).await;
    assert_eq!(next_seq(&mut subscription).await, 1);
    world.write("a").await;
    assert_eq!(next_seq(&mut subscription).await, 2, "nothing rang");
    world.proxy.wire.send_replace(Wire::Cut);
    world.write("a").await;
    assert_eq!(next_seq(&mut subscription).await, 3, "Redis is away");
    world.proxy.wire.send_replace(Wire::Passes);
    let ring = world.write("a").await;
    world.ring(&ring).await;
    assert_eq!(next_seq(&mut subscription).await, 4, "Redis is back");

    stop.cancel();
    assert!(matches!(item(&mut subscription).await, Item::Closed { cursor: Some(Cursor { seq: 4, .. }), .. }));
    timeout(SOON, loop_).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_cursor_goes_on_elsewhere_until_its_changes_expire() {
    let world = World::begin().await;
    let (one, other) = (world.feed(), world.feed());
    one.tick().await.unwrap();
    let mut subscription = one.subscribe(request(["a"], None)).unwrap();
    let cursor = snapshot(&mut subscription).await;
    assert_eq!(cursor.history, None, "nothing has happened yet");
    for note in ["a", "b", "a"] {
        world.write(note).await;
    }
    other.tick().await.unwrap();
    let mut resumed = other.subscribe(request(["a"], Some(cursor.clone()))).unwrap();
    assert_eq!((next_seq(&mut resumed).await, next_seq(&mut resumed).await), (1, 3));

    let changes = world.database.collection::<mongodb::bson::Document>("notes_1_changes");
    changes.delete_one(doc! { "_id": 1_i64 }).await.unwrap();
    let mut late = other.subscribe(request(["a"], Some(cursor))).unwrap();
    assert!(matches!(item(&mut late).await, Item::HistoryGone));
}

#[tokio::test]
async fn the_next_generation_ends_what_was_followed() {
    let world = World::begin().await;
    let feed = world.feed();
    feed.tick().await.unwrap();
    let mut subscription = feed.subscribe(request(["a"], None)).unwrap();
    world.write("a").await;
    let cursor = snapshot(&mut subscription).await;
    assert_eq!((cursor.seq, cursor.position), (1, Position(1)));
    ServedPointer::<Notes>::new(world.database.clone()).supersede(1, history(2), KEPT).await.unwrap();
    feed.tick().await.unwrap();
    assert!(matches!(item(&mut subscription).await, Item::HistoryGone));
    let mut resumed = feed.subscribe(request(["a"], Some(cursor))).unwrap();
    assert!(matches!(item(&mut resumed).await, Item::HistoryGone));
    let mut anew = feed.subscribe(request(["a"], None)).unwrap();
    let cursor = snapshot(&mut anew).await;
    assert_eq!((cursor.generation, cursor.history), (2, Some(history(2))));
}
