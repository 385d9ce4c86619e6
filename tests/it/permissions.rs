//! The stream has one writer: what projectors connect with may read, and nothing else. All tests run with both users.

use crate::checker::{everything_holds, settled};
use crate::harness::client::Client;
use crate::harness::cluster::{Cluster, ONE_EACH};
use crate::harness::eventually;
use crate::harness::stage::Stage;
use async_nats::jetstream::{self, Context};
use async_nats::{Client as Nats, ConnectOptions, Event};
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// NATS tells nobody who asks that he may not: the question is dropped.
const SILENCE: Duration = Duration::from_secs(2);
/// How long an answer may take that must come.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A connection as this user, and what the server says of it.
async fn connect(url: &str, user: &str) -> (Nats, Arc<Mutex<Vec<String>>>) {
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    let options = ConnectOptions::with_user_and_password(user.to_owned(), user.to_owned());
    let options = options.request_timeout(Some(ANSWER_WAIT)).event_callback(move |event| {
        if let Event::ServerError(error) = event {
            heard.lock().expect("lines").push(error.to_string());
        }
        std::future::ready(())
    });
    (options.connect(url).await.expect("NATS"), said)
}

fn jetstream_over(client: &Nats, wait: Duration) -> Context {
    let mut context = jetstream::new(client.clone());
    context.set_timeout(wait);
    context
}

async fn last(context: &Context, stream: &str) -> u64 {
    context.get_stream(stream).await.expect("the stream").cached_info().state.last_sequence
}

async fn publishes(context: &Context, subject: &str, wait: Duration) -> bool {
    let sent = context.publish(subject.to_owned(), "{}".into()).await.expect("sent");
    tokio::time::timeout(wait, sent.into_future()).await.is_ok_and(|ack| ack.is_ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projectors_may_read_the_stream_and_write_nothing() {
    let stage = Stage::new().await;
    let cluster = Cluster::of_size(&stage, ONE_EACH).await;
    let ada = Client::new(&cluster.urls()[0]).sign_up("Ada").await.client;
    ada.command("createPost", json!({ "title": "One", "body": "Words." }), "").await;
    everything_holds(&stage).await;
    cluster.stop().await;

    let (stream, subject) = (format!("{}-log", stage.name), format!("{}.log.post.created", stage.name));
    let (bucket, key) = (format!("KV_{}-keys", stage.name), format!("$KV.{}-keys.somebody", stage.name));
    let (client, said) = connect(&stage.urls.nats_projector, "projector").await;
    let (reader, silenced) = (jetstream_over(&client, ANSWER_WAIT), jetstream_over(&client, SILENCE));
    let before = last(&reader, &stream).await;
    assert!(before > 0, "it reads how far the stream is");
    for subject in [&subject, &key] {
        assert!(!publishes(&reader, subject, SILENCE).await, "{subject}");
    }
    assert!(silenced.delete_stream(&stream).await.is_err() && silenced.delete_stream(&bucket).await.is_err());
    let stream_of_theirs = reader.get_stream(&stream).await.expect("the stream");
    let purged = tokio::time::timeout(SILENCE, stream_of_theirs.purge().into_future()).await;
    assert!(!purged.is_ok_and(|purged| purged.is_ok()));
    eventually("the server says that it refused", || async {
        let said = said.lock().expect("lines").join("\n").to_lowercase();
        (said.contains("permissions violation for publish") && said.contains(&subject)).then_some(())
    })
    .await;
    let (relay, _) = connect(&stage.urls.nats_relay, "relay").await;
    let writer = jetstream_over(&relay, ANSWER_WAIT);
    assert_eq!(last(&writer, &stream).await, before, "nothing was written");
    let silenced = jetstream_over(&relay, SILENCE);
    assert!(silenced.create_consumer_on_stream(jetstream::consumer::pull::Config::default(), &stream).await.is_err());
    assert!(publishes(&writer, &subject, ANSWER_WAIT).await, "relays may: this test would notice if nobody could");
    writer.delete_stream(&stream).await.expect("relays may");
    assert!(
        async_nats::connect(stage.urls.nats.replace("operator:operator@", "")).await.is_err(),
        "nobody is anonymous"
    );

    // The stranger went with the stream: the relay makes it anew.
    let cluster = Cluster::of_size(&stage, ONE_EACH).await;
    settled(&stage).await;
    everything_holds(&stage).await;
    cluster.stop().await;
}
