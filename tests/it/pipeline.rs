//! The pipeline as people watch it: figures of real events on their way, who may see them, and what is said when a part stands still.

use crate::harness::client::Client;
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};

const PIPELINE: &str = "subscription { pipeline {
    at beatAgeMs logPosition streamPosition relayBacklog eventsPerSecond subscribers deliveriesPerSecond
    toStream { p50Ms p99Ms count } toSubscribers { p50Ms p99Ms count }
    projections { name position cachePosition eventsPerSecond backlog lagMs openFanOuts parkedDocuments isStuck
        toProjector { p50Ms p99Ms count } toCache { p50Ms p99Ms count } }
    events { name projection position decidedAt toStreamMs toProjectorMs toCacheMs toSubscribersMs }
    troubles { part message }
} }";
const LAGS: &str = "{ pipelineLags { at projection lagMs } }";
const PROGRESS: &str = "subscription($id: ID!) { commandProgress(id: $id) {
    state streamedMs projections { name state receivedMs visibleMs } } }";
const OPEN: (&str, &str) = ("MILLRACE_HTTP__PIPELINE", "true");
/// So many samples, one a second, until something must have shown.
const SAMPLES_MAX: usize = 60;

async fn watch(url: &str, access_token: Option<&str>) -> Socket {
    let mut socket = Socket::open(url, access_token).await;
    socket.subscribe("pipeline", PIPELINE, json!({})).await;
    socket
}

/// The first sample that is so.
async fn sample(socket: &mut Socket, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    for _ in 0..SAMPLES_MAX {
        last = socket.event("pipeline", what).await;
        if is_so(&last) {
            return last;
        }
    }
    panic!("no sample in which {what}: {last:#}")
}

fn projection<'a>(sample: &'a Value, name: &str) -> &'a Value {
    let all = sample["projections"].as_array().expect("projections");
    all.iter().find(|projection| projection["name"] == name).expect("the projection")
}

fn number(text: &Value) -> u64 {
    text.as_str().expect("a big number").parse().expect("a number")
}

#[tokio::test]
async fn events_are_seen_on_their_way_and_a_command_tells_how_long_it_took() {
    let stage = Stage::new().await.with(OPEN.0, OPEN.1);
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let mut socket = watch(&process.graphql(), None).await;
    let input = json!({ "title": "One", "body": "Words." });
    let created = ada.client.command("createPost", input, "post { id }").await;

    let seen = sample(&mut socket, "a post goes through the pipeline", |sample| {
        let events = sample["events"].as_array().expect("events");
        events.iter().any(|event| event["name"] == "post.created" && event["projection"] == "content")
    });
    let seen = seen.await;
    let hops = ["toStreamMs", "toProjectorMs", "toCacheMs", "toSubscribersMs"];
    for event in seen["events"].as_array().expect("events") {
        assert!(hops.iter().all(|hop| event[hop].as_f64().is_some_and(|ms| ms >= 0.0)), "{event:#}");
    }
    let quiet = sample(&mut socket, "all has arrived", |sample| {
        let projections = sample["projections"].as_array().expect("projections");
        let has_all =
            |projection: &Value| projection["backlog"] == "0" && projection["position"] == sample["logPosition"];
        let is_quiet = sample["relayBacklog"] == "0" && sample["logPosition"] == sample["streamPosition"];
        // On a busy machine a beat may be missed for a while.
        is_quiet && projections.iter().all(has_all) && sample["troubles"] == json!([])
    });
    let quiet = quiet.await;
    for name in ["people", "content", "shop", "commands"] {
        assert_eq!(projection(&quiet, name)["parkedDocuments"], 0);
    }
    assert!(quiet["toStream"]["p50Ms"].as_f64() <= quiet["toStream"]["p99Ms"].as_f64(), "{quiet:#}");
    assert!(projection(&quiet, "content")["toCache"]["count"].as_i64() >= Some(1), "{quiet:#}");

    eventually("lags are remembered", async || {
        let lags = client.ask(LAGS, json!({})).await["pipelineLags"].clone();
        let of_content = lags.as_array()?.iter().filter(|lag| lag["projection"] == "content");
        (of_content.count() >= 2).then_some(())
    })
    .await;
    the_way_of(&created["receipt"]["commandId"], &process.graphql(), &ada.client).await;
    process.stop().await;
}

/// The last thing told of a command: how long it took to each step.
async fn the_way_of(command_id: &Value, url: &str, sender: &Client) {
    let mut socket = Socket::open(url, sender.access_token.as_deref()).await;
    socket.subscribe("progress", PROGRESS, json!({ "id": command_id })).await;
    let status = loop {
        let status = socket.event("commandProgress", "the command's next state").await;
        if status["state"] == "VISIBLE" {
            break status;
        }
    };
    let streamed = status["streamedMs"].as_f64().expect("it was seen in the stream");
    let content = projection(&status, "content");
    let (received, visible) = (content["receivedMs"].as_f64(), content["visibleMs"].as_f64());
    assert!(Some(streamed) <= received && received <= visible, "{status:#}");
    assert_eq!(projection(&status, "shop")["visibleMs"], Value::Null, "it changed nothing there");
}

#[tokio::test]
async fn what_stands_still_is_said_and_said_no_more_when_it_goes_on() {
    let stage = Stage::new().await.with(OPEN.0, OPEN.1);
    let mut cluster = Cluster::start(&stage).await;
    let client = Client::new(&cluster.urls()[0]);
    let ada = client.sign_up("Ada").await;
    let mut socket = watch(&cluster.urls()[0], None).await;
    sample(&mut socket, "nothing is wrong", |sample| sample["troubles"] == json!([])).await;

    cluster.take_down("projector").await;
    ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "").await;
    // A relay beats on, but nobody is left who would remember what it says.
    let stuck =
        sample(&mut socket, "the relay is not heard", |sample| says(sample, "relay", "no relay has told")).await;
    assert_eq!(stuck["logPosition"], Value::Null);
    cluster.bring_back("projector", &[]).await;
    sample(&mut socket, "all is well again", |sample| {
        sample["troubles"] == json!([]) && projection(sample, "content")["backlog"] == "0"
    })
    .await;

    cluster.take_down("relay").await;
    ada.client.command("createPost", json!({ "title": "Two", "body": "Words." }), "").await;
    sample(&mut socket, "the relay is missed", |sample| says(sample, "relay", "no relay has told")).await;
    cluster.bring_back("relay", &[]).await;
    sample(&mut socket, "all is well again", |sample| sample["troubles"] == json!([])).await;
    cluster.stop().await;
}

fn says(sample: &Value, part: &str, words: &str) -> bool {
    let troubles = sample["troubles"].as_array().expect("troubles");
    troubles.iter().any(|trouble| {
        trouble["part"] == part && trouble["message"].as_str().is_some_and(|message| message.contains(words))
    })
}

#[tokio::test]
async fn where_it_is_not_opened_admins_alone_may_watch() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let mut ada = client.sign_up("Ada").await;
    assert_eq!(refusal(&client).await, "UNAUTHENTICATED");
    assert_eq!(refusal(&ada.client).await, "FORBIDDEN");
    stage.grant(&ada, "staff").await;
    ada.try_sign_in().await;
    assert_eq!(refusal(&ada.client).await, "FORBIDDEN", "staff run the shop");
    let page = reqwest::get(process.graphql().replace("/graphql", "/pipeline")).await.expect("an answer");
    assert_eq!(page.status().as_u16(), 404);
    let mut socket = watch(&process.graphql(), ada.client.access_token.as_deref()).await;
    match socket.receive("the refusal").await {
        Received::Message(message) => {
            assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "FORBIDDEN", "{message:#}")
        }
        other => panic!("{other:?}"),
    }

    stage.grant(&ada, "admin").await;
    ada.try_sign_in().await;
    let mut socket = watch(&process.graphql(), ada.client.access_token.as_deref()).await;
    let sample = sample(&mut socket, "a sample comes", |_| true).await;
    assert!(number(&projection(&sample, "people")["position"]) >= 1, "{sample:#}");
    eventually("lags are remembered while somebody watches", || async {
        let answer = ada.client.ask(LAGS, json!({})).await;
        answer["pipelineLags"].as_array().is_some_and(|lags| !lags.is_empty()).then_some(())
    })
    .await;
    process.stop().await;
}

/// The code with which the lags are refused.
async fn refusal(client: &Client) -> String {
    let answer = client.send(LAGS, json!({}), &[]).await.expect("an answer");
    answer.body["errors"][0]["extensions"]["code"].as_str().expect("a code").to_owned()
}
