//! PostgreSQL is put back to an older copy of its folder: everything stops and says so, until an operator begins a new history.

use super::operator::{complains, is_ready, metric};
use super::scene::{Scene, identity, jetstream};
use crate::checker::log::Log;
use crate::checker::{checkpoint, everything_holds, settled};
use crate::harness::client::{Client, Person, token};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::process::{Process, was_struck};
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use crate::load::Load;
use crate::market::Market;
use crate::sender::Sender;
use millrace_events::fail_point;
use millrace_log::PostgresSettings;
use millrace_read::models::NAMES;
use serde_json::{Value, json};

const REMEDY: &str = "millrace log new-history";
const COMMANDS_AFTER: usize = 40;
const POST_CHANGED: &str = "subscription($id: ID!, $after: String) { postChanged(id: $id, after: $after) {
    __typename ... on LiveEvent { cursor } ... on HistoryGone { code }
} }";

/// A system whose PostgreSQL is older than everything else, and what clients still hold from before.
struct WentBack<'a> {
    stage: &'a Stage,
    cluster: Cluster,
    market: Market,
    people: Vec<Person>,
    posts: Vec<String>,
    cursor: Value,
    token: String,
    checkpoints: Vec<u64>,
}

impl<'a> WentBack<'a> {
    async fn begin(stage: &'a Stage) -> Self {
        let scene = Scene::begin(stage).await;
        let (market, people, posts) = (scene.market.clone(), scene.people.clone(), scene.posts.clone());
        scene.go_on().await;
        let cluster = scene.holds().await;
        let postgresql = stage.servers.as_ref().expect("servers of its own").postgresql();
        let copies = tempfile::tempdir().expect("a folder");
        let copy = copies.path().join("postgresql");
        postgresql.stop().await.expect("PostgreSQL stops");
        postgresql.copy_data_to(&copy).expect("a copy");
        postgresql.start().await.expect("PostgreSQL starts");

        work(stage, &market, &people, &cluster, &posts).await;
        let edit = json!({ "postId": posts[0], "title": "Of the life that ends" });
        let token = token(&Sender::new(&people[0], &cluster.urls(), 1).insist("editPost", edit).await);
        settled(stage).await;
        let cursor = cursor(&cluster.urls()[0], &posts[0]).await;
        let checkpoints = checkpoints(stage).await;
        postgresql.kill().expect("PostgreSQL is killed");
        postgresql.put_data_back(&copy).expect("the older copy");
        postgresql.start().await.expect("PostgreSQL starts");
        Self { stage, cluster, market, people, posts, cursor, token, checkpoints }
    }

    /// Relay and projectors say that they have stopped, and what to do; nothing was folded or made anew.
    async fn everything_has_stopped(&self, stream_before: &Option<String>) {
        let (relay, projector) = (self.cluster.first("relay"), self.cluster.first("projector"));
        complains(relay, "relay", REMEDY).await;
        shows_one(relay, "millrace_relay_stopped").await;
        says(relay, &["ERROR", REMEDY]).await;
        for name in NAMES {
            complains(projector, &format!("projection {name}"), REMEDY).await;
            let series = format!("millrace_projection_stopped{{projection=\"{name}\"}}");
            shows_one(projector, &series).await;
            says(projector, &["ERROR", "the projection stops", name]).await;
        }
        assert_eq!(checkpoints(self.stage).await, self.checkpoints, "nothing was folded");
        assert_eq!(&identity(&jetstream(self.stage).await, self.stage).await, stream_before, "the witness is kept");
    }

    /// What clients hold from before is told apart: a typed end of the subscription, a typed error of the read.
    async fn what_is_old_is_refused(&self) {
        for url in self.cluster.urls() {
            let mut socket = Socket::open(&url, None).await;
            socket.subscribe("1", POST_CHANGED, json!({ "id": self.posts[0], "after": self.cursor })).await;
            let event = socket.event("postChanged", "the end of the old history").await;
            assert_eq!((&event["__typename"], &event["code"]), (&json!("HistoryGone"), &json!("HISTORY_GONE")));
            let read = "query($id: ID!) { post(id: $id) { title } }";
            let headers = [("millrace-consistency", self.token.as_str())];
            let answer =
                Client::new(&url).send(read, json!({ "id": self.posts[0] }), &headers).await.expect("an answer");
            assert_eq!(answer.body["errors"][0]["extensions"]["code"], "HISTORY_GONE", "{:#}", answer.body);
            let now = Client::new(&url).ask(read, json!({ "id": self.posts[0] })).await;
            assert_eq!(now["post"]["title"], "Post 0", "the edit of the ended life is gone");
        }
    }

    async fn goes_on(self) {
        work(self.stage, &self.market, &self.people, &self.cluster, &self.posts).await;
        self.cluster.stop().await;
    }
}

/// People write and trade; then everything holds, and what they were answered is in the log.
async fn work(stage: &Stage, market: &Market, people: &[Person], cluster: &Cluster, posts: &[String]) {
    let load = Load::begin(stage, market, people, &cluster.urls(), posts).await;
    load.reach(COMMANDS_AFTER).await;
    let acknowledged = load.end().await;
    everything_holds(stage).await;
    acknowledged.are_in_the_log_once(stage).await;
}

async fn cursor(url: &str, post: &str) -> Value {
    let mut socket = Socket::open(url, None).await;
    socket.subscribe("1", POST_CHANGED, json!({ "id": post })).await;
    socket.event("postChanged", "a snapshot").await["cursor"].clone()
}

async fn checkpoints(stage: &Stage) -> Vec<u64> {
    let mongodb = stage.mongodb().await;
    let mut positions = Vec::new();
    for name in NAMES {
        positions.push(checkpoint(&mongodb, name).await.expect("a checkpoint").position());
    }
    positions
}

/// Gauges are set once a second.
async fn shows_one(process: &Process, series: &str) {
    eventually(&format!("{series} is 1"), || async { (metric(process, series).await == 1.0).then_some(()) }).await;
}

async fn says(process: &Process, words: &[&str]) {
    eventually(&format!("a log line with {words:?}"), || async { process.has_said(words).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_postgresql_stops_everything_until_there_is_a_new_history() {
    let stage = Stage::with_own_servers().await;
    let mut went_back = WentBack::begin(&stage).await;
    let stream_before = identity(&jetstream(&stage).await, &stage).await;
    went_back.everything_has_stopped(&stream_before).await;

    // Somebody forgot the new history: commands are taken, but nothing of the other log is folded, by new processes neither.
    let mut liker = Sender::new(&went_back.people[1], &went_back.cluster.urls(), 2);
    liker.insist("likePost", json!({ "postId": went_back.posts[1] })).await;
    for role in ["relay", "projector"] {
        went_back.cluster.take_down(role).await;
        went_back.cluster.bring_back(role, &[]).await;
    }
    went_back.everything_has_stopped(&stream_before).await;

    let said = stage.run(&["log", "new-history"]).await;
    assert!(said.contains("begins"), "{said}");
    for role in ["relay", "projector"] {
        is_ready(went_back.cluster.first(role)).await;
    }
    everything_holds(&stage).await;
    for role in ["relay", "projector", "command", "query"] {
        went_back.cluster.take_down(role).await;
        went_back.cluster.bring_back(role, &[]).await;
    }
    went_back.what_is_old_is_refused().await;
    went_back.goes_on().await;
}

/// The operator's command dies before it comes to the stream, and the relay that then makes it anew dies too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_history_whose_makers_die_half_way_is_finished_by_the_next_relay() {
    let stage = Stage::with_own_servers().await;
    let mut went_back = WentBack::begin(&stage).await;
    complains(went_back.cluster.first("relay"), "relay", REMEDY).await;
    went_back.cluster.take_down("relay").await;
    let settings = PostgresSettings::new(stage.variable("MILLRACE_POSTGRES__URL"));
    let log = millrace_log::Log::connect(&settings).await.expect("PostgreSQL");
    log.new_history(&[]).await.expect("a new history");
    let relay = went_back.cluster.index_of("relay");
    assert!(went_back.cluster.strike(relay, "relay.stream_deleted", 1).await, "no relay deleted the stream");
    is_ready(went_back.cluster.first("relay")).await;
    everything_holds(&stage).await;
    let head = Log::of(&stage).await.head().await;
    assert!(head > 0, "the log is kept");
    went_back.what_is_old_is_refused().await;
    went_back.goes_on().await;
}

/// Who makes it dies at each step of its own: what runs finishes it, and the operator may ask for it again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_history_that_dies_at_any_step_is_finished() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::start(&stage).await;
    let ada = Client::new(&cluster.urls()[0]).sign_up("Ada").await;
    for point in fail_point::ON_NEW_HISTORY {
        ada.client.command("createPost", json!({ "title": point, "body": "Words." }), "").await;
        settled(&stage).await;
        if point.starts_with("history.") {
            let before = generations(&stage).await;
            the_operators_command_dies(&stage, point).await;
            holds_anew(&stage, &cluster, &before).await;
        }
        let before = generations(&stage).await;
        if point.starts_with("projector.") {
            the_projector_dies(&stage, &mut cluster, point).await;
        } else {
            stage.run(&["log", "new-history"]).await;
        }
        holds_anew(&stage, &cluster, &before).await;
    }
    cluster.stop().await;
}

async fn the_operators_command_dies(stage: &Stage, point: &str) {
    let dies_there = format!("{point}=abort");
    let died = stage.try_run_with(&["log", "new-history"], &[("MILLRACE_FAIL_POINTS", &dies_there)]).await;
    assert!(was_struck(died.status), "{point}: it ended, but not there: {}", died.status);
}

async fn the_projector_dies(stage: &Stage, cluster: &mut Cluster, point: &str) {
    let projector = cluster.index_of("projector");
    cluster.take_down("projector").await;
    stage.run(&["log", "new-history"]).await;
    assert!(cluster.strike(projector, point, 1).await, "fail point {point} was never reached");
}

/// Which collections are served.
async fn generations(stage: &Stage) -> Vec<String> {
    let mongodb = stage.mongodb().await;
    let mut collections = Vec::new();
    for name in NAMES {
        collections.push(checkpoint(&mongodb, name).await.expect("a checkpoint").collection);
    }
    collections
}

/// Waits until others are served than those, and checks everything.
async fn holds_anew(stage: &Stage, cluster: &Cluster, before: &[String]) {
    eventually("every projection is folded anew", || async {
        let now = generations(stage).await;
        now.iter().zip(before).all(|(now, before)| now != before).then_some(())
    })
    .await;
    for role in ["relay", "projector"] {
        is_ready(cluster.first(role)).await;
    }
    everything_holds(stage).await;
}
