//! kill -9 of every role at every fail point and at random moments, under load: nothing is lost, doubled or out of order. The points on
//! the way to a new history, which ends what subscribers resume, are struck in `faults/history.rs`.

use crate::checker::books;
use crate::crowd::Crowd;
use crate::harness::client::Client;
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use crate::load::{Dice, Load};
use crate::market::Market;
use crate::sender::Sender;
use millrace_events::fail_point;
use serde_json::json;
use std::time::Duration;

const DEATHS_MIN: usize = 40;
/// Rounds of random kills.
const ROUNDS: usize = 18;
/// Between two rounds so many commands are answered.
const COMMANDS_BETWEEN: usize = 10;
/// A kill comes at a random moment of this span.
const MOMENTS_MS: usize = 150;
/// A process that is killed while it starts lives for less than this.
const START_MS: usize = 400;
/// So that orders expire meanwhile.
const PAY_WITHIN: (&str, &str) = ("MILLRACE_SHOP__PAY_WITHIN_S", "2");
/// So often one tries to follow somebody whose account is deactivated just then.
const TRIES_MAX: usize = 2_000;
const PRESS_EVERY: Duration = Duration::from_millis(20);
const DAMAGE_EVERY: Duration = Duration::from_millis(500);

fn role_of(point: &str) -> &'static str {
    match point.split_once('.').expect("role and step").0 {
        "command" | "money" | "notice" | "expiry" => "command",
        "relay" => "relay",
        "projector" => "projector",
        _ => "query",
    }
}

/// What leads to a fail point that mere commands do not lead to.
async fn lead_to(point: &str, stage: &Stage, url: Option<String>, post: &str) {
    match url {
        Some(url) => read_and_subscribe(stage, &url, post).await,
        None if point == "relay.stream_deleted" => damage(stage).await,
        None => std::future::pending().await,
    }
}

/// Reads of what is not cached, and subscriptions that begin.
async fn read_and_subscribe(stage: &Stage, url: &str, post: &str) {
    let query = "query($id: ID!) { post(id: $id) { title author { fullName } } }";
    let subscription = "subscription($id: ID!) { postChanged(id: $id) { __typename } }";
    let client = Client::with_patience(url, Duration::from_secs(5));
    let mut redis = stage.redis().await;
    loop {
        for key in stage.redis_keys(&format!("{}:", stage.name)).await {
            let _deleted: u32 = redis::cmd("DEL").arg(key).query_async(&mut redis).await.expect("an answer");
        }
        let _it_may_die = client.send(query, json!({ "id": post }), &[]).await;
        if let Ok(mut socket) = Socket::try_open(url, None).await {
            socket.subscribe("1", subscription, json!({ "id": post })).await;
            let _it_may_die = socket.listen().await;
        }
        tokio::time::sleep(PRESS_EVERY).await;
    }
}

/// Strangers' messages among the events.
async fn damage(stage: &Stage) {
    let nats = stage.nats().await;
    loop {
        let stranger = nats.publish(format!("{}.log.stranger", stage.name), "not of the log".into()).await;
        stranger.expect("a message");
        tokio::time::sleep(DAMAGE_EVERY).await;
    }
}

async fn strike(stage: &Stage, cluster: &mut Cluster, crowd: &Crowd, number: usize, point: &str) {
    let role = role_of(point);
    let indices = cluster.indices_of(role);
    let index = indices[number % indices.len()];
    let url = (role == "query").then(|| cluster.url_of(index));
    let struck = tokio::select! {
        struck = cluster.strike(index, point, 1 + number % 3) => struck,
        () = lead_to(point, stage, url, &crowd.posts[0]) => false,
    };
    assert!(struck, "fail point {point} was never reached");
}

/// One process, two at once, or one that is killed again while it starts.
async fn kill_at_random(cluster: &mut Cluster, dice: &mut Dice, round: usize) {
    let index = if round < cluster.len() { round } else { dice.below(cluster.len()) };
    match round % 3 {
        0 => cluster.kill(index).await,
        1 => cluster.kill_together(&[index, (index + 1 + dice.below(cluster.len() - 1)) % cluster.len()]).await,
        _ => cluster.kill_twice(index, Duration::from_millis(dice.below(START_MS) as u64)).await,
    }
}

/// Every order that nobody paid has expired: until then rows and log go on changing.
async fn nothing_waits_to_be_paid(stage: &Stage) {
    let database = books::connect(stage).await;
    let pending = "SELECT count(*) AS n FROM orders WHERE status = 'pending'";
    let is_over = || async { (books::number(&database, pending).await == 0).then_some(()) };
    eventually("no order waits to be paid", is_over).await;
}

/// The watcher follows one more, as soon as that account is not deactivated.
async fn follow_the_last(crowd: &Crowd, urls: &[String]) {
    let mut watcher = Sender::new(&crowd.watcher, urls, 11);
    let input = json!({ "userId": crowd.last().id });
    for _ in 0..TRIES_MAX {
        if watcher.try_to("followUser", input.clone(), &["NotFound"]).await.is_some() {
            return;
        }
        tokio::time::sleep(PRESS_EVERY).await;
    }
    panic!("nobody to follow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_processes_die() {
    let stage = Stage::new().await.with(PAY_WITHIN.0, PAY_WITHIN.1);
    let mut cluster = Cluster::start(&stage).await;
    let urls = cluster.urls();
    let crowd = Crowd::gather(&urls).await;
    let market = Market::open(&stage, &urls[0]).await;
    let load = Load::begin(&stage, &market, &crowd.people, &urls, &crowd.posts).await;

    let points = fail_point::ALL.iter().filter(|point| !fail_point::ON_NEW_HISTORY.contains(point));
    for (number, point) in points.enumerate() {
        strike(&stage, &mut cluster, &crowd, number, point).await;
    }
    follow_the_last(&crowd, &urls).await;
    let mut dice = Dice::new(7);
    for round in 0..ROUNDS {
        load.reach(load.count() + COMMANDS_BETWEEN).await;
        tokio::time::sleep(Duration::from_millis(dice.below(MOMENTS_MS) as u64)).await;
        kill_at_random(&mut cluster, &mut dice, round).await;
    }
    let acknowledged = load.end().await;
    nothing_waits_to_be_paid(&stage).await;
    books::are_sequenced(&stage).await;
    acknowledged.are_in_the_log_once(&stage).await;
    let resumed = crowd.all_is_well(&stage).await;
    println!("{} deaths, {resumed} subscriptions resumed", cluster.deaths);
    assert!(cluster.deaths >= DEATHS_MIN, "{} deaths", cluster.deaths);
    assert!(resumed > 0, "no subscription was resumed");
    cluster.stop().await;
}
