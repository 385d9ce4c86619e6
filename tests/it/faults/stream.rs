//! The stream is a copy that anyone can rebuild: it may be lost, emptied, foreign in part, or older than it was.

use super::operator::{complains, is_ready};
use super::scene::{Scene, identity, jetstream, stream_name};
use crate::harness::client::Client;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::metrics::shows;
use async_nats::jetstream::Context;
use async_nats::jetstream::stream::Config;
use serde_json::json;

const DELETIONS: usize = 3;

/// A system under load, and the stream's context for what nobody should do to it.
async fn begin(stage: &Stage) -> (Scene<'_>, Context) {
    (Scene::begin(stage).await, jetstream(stage).await)
}

async fn until_made_anew(context: &Context, stage: &Stage, before: Option<String>) {
    eventually("the stream is made anew", || async {
        identity(context, stage).await.filter(|now| Some(now) != before.as_ref())
    })
    .await;
}

/// A message that no relay wrote. The stream may be gone at this very moment.
async fn write_as_a_stranger(context: &Context, stage: &Stage) {
    eventually("a stranger's message lies in the stream", || async {
        let subject = format!("{}.log.post.created", stage.name);
        context.publish(subject, "hello".into()).await.ok()?.await.ok()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_is_deleted_under_load_is_filled_again() {
    let stage = Stage::with_own_servers().await;
    let (scene, context) = begin(&stage).await;
    for _ in 0..DELETIONS {
        scene.go_on().await;
        let before = identity(&context, &stage).await;
        context.delete_stream(stream_name(&stage)).await.expect("deleted");
        until_made_anew(&context, &stage, before).await;
    }
    scene.go_on().await;
    scene.ends_well().await;
}

/// The stream forbids it, whoever asks.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_purge_is_refused() {
    let stage = Stage::with_own_servers().await;
    let (scene, context) = begin(&stage).await;
    let before = identity(&context, &stage).await;
    scene.go_on().await;
    let mut stream = context.get_stream(stream_name(&stage)).await.expect("the stream");
    stream.purge().await.expect_err("a purge is denied");
    stream.delete_message(1).await.expect_err("deleting a message is denied");
    let config = stream.info().await.expect("its state").config.clone();
    let open = Config { deny_delete: false, deny_purge: false, ..config };
    context.update_stream(open).await.expect_err("what is denied stays denied");
    assert_eq!(identity(&context, &stage).await, before);
    scene.ends_well().await;
}

/// Made by hand in the relay's name and with all messages, but without its rules; then purged. Positions stay, messages are gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_its_rules_that_was_purged_is_made_anew() {
    let stage = Stage::with_own_servers().await;
    let (mut scene, context) = begin(&stage).await;
    scene.go_on().await;
    scene.cluster.take_down("relay").await;
    let before = identity(&context, &stage).await;
    make_without_rules(&context, &stage).await;
    let stream = context.get_stream(stream_name(&stage)).await.expect("the stream");
    stream.purge().await.expect("nothing denies it");
    scene.go_on().await;
    scene.cluster.bring_back("relay", &[]).await;
    until_made_anew(&context, &stage, before).await;
    shows(scene.cluster.first("relay"), "it is counted", |m| m.sample("millrace_relay_recreated_total") == Some(1.0))
        .await;
    scene.go_on().await;
    scene.ends_well().await;
}

async fn make_without_rules(context: &Context, stage: &Stage) {
    let mut stream = context.get_stream(stream_name(stage)).await.expect("the stream");
    let info = stream.info().await.expect("its state").clone();
    let mut messages = Vec::new();
    for sequence in 1..=info.state.last_sequence {
        let message = stream.get_raw_message(sequence).await.expect("a message");
        messages.push((message.subject.clone(), message.payload.clone()));
    }
    context.delete_stream(stream_name(stage)).await.expect("deleted");
    let open = Config { deny_delete: false, deny_purge: false, ..info.config };
    context.create_stream(open).await.expect("made by hand");
    for (subject, payload) in messages {
        context.publish(subject, payload).await.expect("sent").await.expect("stored");
    }
}

/// This deployment gives every connection the same permissions, so only the comparison keeps strangers out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strangers_message_costs_the_stream_and_no_document() {
    let stage = Stage::with_own_servers().await;
    let (scene, context) = begin(&stage).await;
    for _ in 0..DELETIONS {
        scene.go_on().await;
        let before = identity(&context, &stage).await;
        write_as_a_stranger(&context, &stage).await;
        until_made_anew(&context, &stage, before).await;
    }
    scene.go_on().await;
    is_ready(scene.cluster.first("projector")).await;
    scene.ends_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_dies_between_deleting_and_making_the_stream_is_followed_by_one_that_makes_it() {
    let stage = Stage::with_own_servers().await;
    let (mut scene, context) = begin(&stage).await;
    scene.go_on().await;
    let before = identity(&context, &stage).await;
    scene.cluster.take_down("relay").await;
    write_as_a_stranger(&context, &stage).await;
    let relay = scene.cluster.index_of("relay");
    assert!(scene.cluster.strike(relay, "relay.stream_deleted", 1).await, "no relay deleted the stream");
    until_made_anew(&context, &stage, before).await;
    scene.go_on().await;
    scene.ends_well().await;
}

/// As after a power cut, or a copy of the folder that somebody put back: the tail is appended to the very same stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_stream_gets_its_tail_and_nothing_is_folded_twice() {
    let stage = Stage::with_own_servers().await;
    let scene = Scene::begin(&stage).await;
    let (nats, copies) = (scene.servers().nats(), tempfile::tempdir().expect("a folder"));
    let copy = copies.path().join("nats");
    scene.go_on().await;
    nats.stop().await.expect("NATS stops");
    nats.copy_data_to(&copy).expect("a copy");
    complains(scene.cluster.first("relay"), "relay", "NATS does not answer").await;
    // Meanwhile commands are taken, and reads answered.
    scene.go_on().await;
    let reader = Client::new(&scene.cluster.urls()[1]);
    let query = "query($id: ID!) { post(id: $id) { title } }";
    let read = reader.ask(query, json!({ "id": scene.posts[0] })).await;
    assert_eq!(read["post"]["title"], "Post 0");
    nats.start().await.expect("NATS starts");
    scene.go_on().await;
    is_ready(scene.cluster.first("projector")).await;
    let before = identity(&jetstream(&stage).await, &stage).await;

    nats.kill().expect("NATS is killed");
    nats.put_data_back(&copy).expect("the older copy");
    nats.start().await.expect("NATS starts");
    scene.go_on().await;
    is_ready(scene.cluster.first("projector")).await;
    assert_eq!(identity(&jetstream(&stage).await, &stage).await, before, "it was not made anew");
    scene.ends_well().await;
}

/// Everything that NATS had is gone, the keys of persons too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_empty_nats_is_filled_again() {
    let stage = Stage::with_own_servers().await;
    let scene = Scene::begin(&stage).await;
    let nats = scene.servers().nats();
    scene.go_on().await;
    nats.kill().expect("NATS is killed");
    std::fs::remove_dir_all(nats.data_folder().join("jetstream")).expect("its data is gone");
    nats.start().await.expect("NATS starts");
    scene.go_on().await;
    scene.ends_well().await;
}
