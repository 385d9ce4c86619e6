//! kill -9 of every role at every fail point and at random moments, under load: nothing is lost, doubled or out of order.

use crate::checker::due::Due;
use crate::checker::everything_holds;
use crate::checker::subscribers::{Subscriber, Watched};
use crate::harness::client::{Client, Person};
use crate::harness::cluster::Cluster;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use crate::load::{Dice, Load, Sender};
use millrace_events::fail_point;
use serde_json::json;
use std::time::Duration;

const PEOPLE: usize = 6;
const POSTS: usize = 3;
const DEATHS_MIN: usize = 40;
/// Rounds of random kills.
const ROUNDS: usize = 18;
/// Between two rounds so many commands are answered.
const COMMANDS_BETWEEN: usize = 10;
/// A kill comes at a random moment of this span.
const MOMENTS_MS: usize = 150;
/// A process that is killed while it starts lives for less than this.
const START_MS: usize = 400;
/// Struck only when the stream is damaged: `faults.rs` does that.
const ELSEWHERE: &[&str] = &["relay.stream_deleted"];

/// People, posts and subscribers of all kinds.
pub struct Crowd {
    pub people: Vec<Person>,
    pub posts: Vec<String>,
    pub watcher: Person,
    pub subscribers: Vec<Subscriber>,
}

impl Crowd {
    /// Everybody has signed up, and every subscriber has its snapshot. The watcher follows all but the last of the people.
    pub async fn gather(urls: &[String]) -> Self {
        let client = Client::new(&urls[0]);
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            people.push(client.sign_up(&format!("Person{number}")).await);
        }
        let posts = posts(&people[0]).await;
        let watcher = client.sign_up("Watcher").await;
        for person in &people[..PEOPLE - 1] {
            watcher.client.command("followUser", json!({ "userId": person.id }), "").await;
        }
        let mut watched: Vec<Watched> = posts.iter().cloned().map(Watched::Comments).collect();
        watched.extend(posts.iter().cloned().map(Watched::Post));
        watched.push(Watched::Feed(Box::new(watcher.clone())));
        let subscribers: Vec<Subscriber> =
            watched.into_iter().map(|watched| Subscriber::begin(urls, watched)).collect();
        for subscriber in &subscribers {
            subscriber.has_begun().await;
        }
        Self { people, posts, watcher, subscribers }
    }

    /// Everything holds, and every subscriber got everything once. Answers how often they came back.
    pub async fn all_is_well(self, stage: &Stage) -> usize {
        everything_holds(stage).await;
        let due = Due::read(stage).await;
        let mut resumed = 0;
        for subscriber in self.subscribers {
            resumed += subscriber.got_everything_once(&due).await;
        }
        resumed
    }
}

async fn posts(author: &Person) -> Vec<String> {
    let mut posts = Vec::new();
    for number in 0..POSTS {
        let input = json!({ "title": format!("Post {number}"), "body": "Words." });
        let payload = author.client.command("createPost", input, "").await;
        posts.push(payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned());
    }
    posts
}

fn role_of(point: &str) -> &'static str {
    match point.split_once('.').expect("role and step").0 {
        "command" => "command",
        "relay" => "relay",
        "projector" => "projector",
        _ => "query",
    }
}

/// What leads a query process to its fail points: reads of what is not cached, and subscriptions that begin.
async fn press(stage: &Stage, url: String, post: String) {
    let query = "query($id: ID!) { post(id: $id) { title author { fullName } } }";
    let subscription = "subscription($id: ID!) { postChanged(id: $id) { __typename } }";
    let client = Client::with_patience(&url, Duration::from_secs(5));
    let mut redis = stage.redis().await;
    loop {
        let keys: Vec<String> =
            redis::cmd("KEYS").arg(format!("{}:*", stage.name)).query_async(&mut redis).await.expect("keys");
        for key in keys {
            let _deleted: u32 = redis::cmd("DEL").arg(key).query_async(&mut redis).await.expect("an answer");
        }
        let _it_may_die = client.send(query, json!({ "id": post }), &[]).await;
        if let Ok(mut socket) = Socket::try_open(&url, None).await {
            socket.subscribe("1", subscription, json!({ "id": post })).await;
            let _it_may_die: Received = socket.listen().await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn strike(stage: &Stage, cluster: &mut Cluster, crowd: &Crowd, number: usize, point: &str) {
    let indices = cluster.indices_of(role_of(point));
    let index = indices[number % indices.len()];
    let visit = 1 + number % 3;
    let struck = if role_of(point) == "query" {
        let pressing = press(stage, cluster.url_of(index), crowd.posts[0].clone());
        tokio::select! {
            struck = cluster.strike(index, point, visit) => struck,
            () = pressing => unreachable!("it goes on for ever"),
        }
    } else {
        cluster.strike(index, point, visit).await
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_when_processes_die() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::start(&stage).await;
    let urls = cluster.urls();
    let crowd = Crowd::gather(&urls).await;
    let load = Load::begin(&crowd.people, &urls, &crowd.posts);

    for (number, point) in fail_point::ALL.iter().filter(|point| !ELSEWHERE.contains(point)).enumerate() {
        strike(&stage, &mut cluster, &crowd, number, point).await;
    }
    let last = crowd.people[PEOPLE - 1].id.clone();
    Sender::new(&crowd.watcher, &urls, 11).insist("followUser", json!({ "userId": last })).await;
    let mut dice = Dice::new(7);
    for round in 0..ROUNDS {
        load.reach(load.count() + COMMANDS_BETWEEN).await;
        tokio::time::sleep(Duration::from_millis(dice.below(MOMENTS_MS) as u64)).await;
        kill_at_random(&mut cluster, &mut dice, round).await;
    }
    let answered = load.end().await;
    let resumed = crowd.all_is_well(&stage).await;
    println!("{} deaths, {answered} commands answered, {resumed} subscriptions resumed", cluster.deaths);
    assert!(cluster.deaths >= DEATHS_MIN, "{} deaths", cluster.deaths);
    cluster.stop().await;
}
