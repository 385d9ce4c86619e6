//! A client that looks at what its own commands did: with its tokens it sees them at once, on every instance, and never sees less again.

use crate::harness::client::{Client, Person, mutation, token};
use crate::harness::eventually;
use crate::load::Dice;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TRY_AGAIN_AFTER: Duration = Duration::from_millis(30);
const TRIES_MAX: usize = 2_000;
/// What a command may answer while servers come and go: it is sent again.
const COMMAND_LATER: &[&str] = &["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "CONSISTENCY_TIMEOUT"];
/// What a read may answer: that the projection is not there yet. That there is nothing to read from, it may not.
const READ_LATER: &[&str] = &["CONSISTENCY_TIMEOUT", "TIMEOUT"];

const PAGE: &str = "query($post: ID!, $user: ID!) {
    post(id: $post) { title commentCount viewerHasLiked comments(first: 1) { nodes { text author { firstName } } } }
    user(id: $user) { firstName }
}";

/// A witness at work until it is told to end.
pub struct Witness {
    stop: CancellationToken,
    reads: Arc<AtomicUsize>,
    work: tokio::task::JoinHandle<()>,
}

impl Witness {
    /// Begins; each request goes to whichever address comes up.
    pub fn begin(person: Person, urls: Vec<String>, seed: u64) -> Self {
        let (stop, reads) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let sees = Sees { person, urls, dice: Dice::new(seed + 100), tokens: [None, None], reads: Arc::clone(&reads) };
        let work = tokio::spawn(sees.until(stop.clone()));
        Self { stop, reads, work }
    }

    /// Waits for so many more answered reads.
    pub async fn reads(&self, count: usize) {
        let due = self.reads.load(Ordering::Relaxed) + count;
        eventually(&format!("a witness has read {count} times more"), || async {
            assert!(!self.work.is_finished(), "a witness has seen something wrong");
            (self.reads.load(Ordering::Relaxed) >= due).then_some(())
        })
        .await;
    }

    /// Ends, and fails if it has seen anything wrong.
    pub async fn end(self) {
        self.stop.cancel();
        self.work.await.expect("a witness that has seen nothing wrong");
    }
}

struct Sees {
    person: Person,
    urls: Vec<String>,
    dice: Dice,
    /// Of its last command, and of its last read.
    tokens: [Option<String>; 2],
    reads: Arc<AtomicUsize>,
}

impl Sees {
    async fn until(mut self, stop: CancellationToken) {
        let mut round = 0;
        while !stop.is_cancelled() {
            self.life_of_a_post(round).await;
            round += 1;
        }
    }

    /// After each command its effect is seen, together with that of all before.
    async fn life_of_a_post(&mut self, round: usize) {
        let (title, name) = (format!("Title {round}"), format!("Name{round}"));
        let payload = self.command("createPost", json!({ "title": title, "body": "Words." })).await;
        let id = payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned();
        let page = self.read(&id).await;
        assert_eq!((&page["post"]["title"], &page["post"]["commentCount"]), (&json!(title), &json!(0)), "{page:#}");
        for count in 1..=3 {
            let text = format!("Words {round}.{count}");
            self.command("addComment", json!({ "postId": id, "text": text })).await;
            let post = self.read(&id).await["post"].clone();
            let last = &post["comments"]["nodes"][0]["text"];
            assert_eq!((&post["commentCount"], last), (&json!(count), &json!(text)), "{post:#}");
        }
        self.command("updateProfile", json!({ "firstName": name })).await;
        assert_eq!(self.read(&id).await["user"]["firstName"], json!(name));
        self.command("likePost", json!({ "postId": id })).await;
        let page = self.read(&id).await;
        assert_eq!((&page["post"]["viewerHasLiked"], &page["user"]["firstName"]), (&json!(true), &json!(name)));
        self.command("deletePost", json!({ "postId": id })).await;
        let page = self.read(&id).await;
        assert_eq!(page["post"], Value::Null, "deleted");
        assert_eq!(self.read(&id).await, page, "and so it stays");
    }

    /// Sends a command under one idempotency key until it is answered.
    async fn command(&mut self, name: &str, mut input: Value) -> Value {
        input["idempotencyKey"] = json!(Uuid::now_v7().simple().to_string());
        let body = self.insist(&mutation(name, ""), json!({ "input": input }), COMMAND_LATER).await;
        let payload = body["data"][name].clone();
        assert_eq!(payload["errors"], json!([]), "{name}: {payload:#}");
        self.tokens[0] = Some(token(&payload));
        payload
    }

    async fn read(&mut self, post: &str) -> Value {
        let variables = json!({ "post": post, "user": self.person.id });
        let body = self.insist(PAGE, variables, READ_LATER).await;
        assert_eq!(body["extensions"]["millrace"]["stale"], false, "{body:#}");
        self.tokens[1] = body["extensions"]["millrace"]["token"].as_str().map(str::to_owned);
        self.reads.fetch_add(1, Ordering::Relaxed);
        body["data"].clone()
    }

    async fn insist(&mut self, query: &str, variables: Value, later: &[&str]) -> Value {
        let tokens = self.tokens.iter().flatten().cloned().collect::<Vec<_>>().join(",");
        let headers = if tokens.is_empty() { vec![] } else { vec![("millrace-consistency", tokens.as_str())] };
        for _ in 0..TRIES_MAX {
            let url = self.urls[self.dice.below(self.urls.len())].clone();
            let client = Client { url, ..self.person.client.clone() };
            let body = client.send(query, variables.clone(), &headers).await.expect("an answer").body;
            match body["errors"][0]["extensions"]["code"].as_str() {
                None => return body,
                Some(code) => assert!(later.contains(&code), "{query}: {body:#}"),
            }
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
        }
        panic!("never answered: {query}");
    }
}
