//! The disk of a server is full: writes are refused with a typed error, reads go on, and all is well once there is room again.

use super::operator::{complains, is_ready};
use super::scene::Scene;
use crate::harness::client::{Client, mutation};
use crate::harness::eventually;
use crate::harness::stage::Stage;
use millrace_servers::{Kind, Options};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

/// PostgreSQL's folder begins with 60 MB.
const POSTGRESQL_BYTES: u64 = 320 << 20;
const NATS_BYTES: u64 = 64 << 20;
/// MongoDB keeps three files of 100 MB for its journal.
const MONGODB_BYTES: u64 = 512 << 20;
/// Segments of 16 MB that are there to be written, so that tables and not the write-ahead log meet the end of the disk: a full one
/// stops PostgreSQL altogether.
const LOG_SEGMENTS: usize = 4;

/// A stage with a full disk to come; none where nobody may make one.
async fn stage(kind: Kind, bytes: u64) -> Option<Stage> {
    if std::fs::read_to_string("/proc/self/status").is_ok_and(|status| status.contains("Uid:\t0\t")) {
        return Some(Stage::with_servers(Options { room: Some((kind, bytes)), ..Options::for_tests() }).await);
    }
    eprintln!("not tried: only root may limit the room of a server");
    None
}

async fn create_post(client: &Client) -> Value {
    let input = json!({ "title": "Long", "body": "Words. ".repeat(1_000) });
    client.send(&mutation("createPost", ""), json!({ "input": input }), &[]).await.expect("an answer").body
}

async fn reads_go_on(scene: &Scene<'_>) {
    let read = "query($id: ID!) { post(id: $id) { title } }";
    for url in scene.cluster.urls() {
        let answer = Client::new(&url).ask(read, json!({ "id": scene.posts[0] })).await;
        assert_eq!(answer["post"]["title"], "Post 0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_postgresqls_disk_full_commands_are_refused_until_there_is_room() {
    let Some(stage) = stage(Kind::Postgresql, POSTGRESQL_BYTES).await else { return };
    let scene = Scene::begin(&stage).await;
    scene.go_on().await;
    prepare_log_segments(&stage).await;
    // None of the clients whose answers are held against the log.
    let writer = Client::new(&scene.cluster.urls()[0]).sign_up("Writer").await;
    let postgresql = scene.servers().postgresql();
    postgresql.fill_room().expect("the disk is full");
    let refused = eventually("a command is refused", || async {
        let answer = create_post(&writer.client).await;
        answer.get("errors").is_some().then_some(answer)
    })
    .await;
    let error = &refused["errors"][0]["extensions"];
    assert_eq!((&error["code"], &error["retryable"]), (&json!("UNAVAILABLE"), &json!(true)), "{refused:#}");
    reads_go_on(&scene).await;
    postgresql.clear_room().expect("there is room");
    scene.go_on().await;
    is_ready(scene.cluster.first("command")).await;
    scene.ends_well().await;
}

async fn prepare_log_segments(stage: &Stage) {
    let database = Database::connect(stage.variable("MILLRACE_POSTGRES__URL")).await.expect("PostgreSQL");
    for _ in 0..LOG_SEGMENTS {
        database.execute_unprepared("SELECT pg_switch_wal()").await.expect("a new segment");
    }
    database.execute_unprepared("CHECKPOINT").await.expect("old segments are kept for new ones");
}

/// NATS gives up its whole store when a write fails for want of space, and takes it up again when it is started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_natss_disk_full_commands_are_taken_and_folded_later() {
    let Some(stage) = stage(Kind::Nats, NATS_BYTES).await else { return };
    let scene = Scene::begin(&stage).await;
    scene.go_on().await;
    let nats = scene.servers().nats();
    nats.fill_room().expect("the disk is full");
    complains(scene.cluster.first("relay"), "relay", "the stream in NATS does not do as asked").await;
    scene.go_on().await;
    reads_go_on(&scene).await;
    nats.clear_room().expect("there is room");
    nats.stop().await.expect("NATS stops");
    nats.start().await.expect("NATS starts");
    scene.go_on().await;
    is_ready(scene.cluster.first("relay")).await;
    scene.ends_well().await;
}

/// MongoDB ends itself when its journal cannot be written, and goes on from it when it is started.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_mongodbs_disk_full_commands_are_taken_and_folded_later() {
    let Some(stage) = stage(Kind::Mongodb, MONGODB_BYTES).await else { return };
    let scene = Scene::begin(&stage).await;
    scene.go_on().await;
    reads_go_on(&scene).await;
    let mongodb = scene.servers().mongodb();
    mongodb.fill_room().expect("the disk is full");
    complains(scene.cluster.first("projector"), "projection content", "MongoDB did not").await;
    scene.go_on().await;
    // What the cache has.
    reads_go_on(&scene).await;
    mongodb.clear_room().expect("there is room");
    mongodb.stop().await.expect("MongoDB stops");
    mongodb.start().await.expect("MongoDB starts");
    scene.go_on().await;
    is_ready(scene.cluster.first("projector")).await;
    scene.ends_well().await;
}
