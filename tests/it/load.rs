//! Load as clients make it: random commands with idempotency keys, sent again until they are answered.

use crate::harness::client::{Client, Person, mutation};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const TRY_AGAIN_AFTER: Duration = Duration::from_millis(30);
const TRIES_MAX: usize = 2_000;
/// Codes of top-level errors after which the same command is sent again.
const RETRYABLE: &[&str] = &["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED", "CONSISTENCY_TIMEOUT"];

/// A small random number generator, so that a run can be told by its seed.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2).wrapping_add(1))
    }

    /// A number below `end` (xorshift64*).
    pub fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let mixed = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D);
        usize::try_from(mixed >> 33).expect("31 bits") % end
    }
}

/// Clients at work until they are stopped.
pub struct Load {
    stop: CancellationToken,
    workers: Vec<tokio::task::JoinHandle<()>>,
    pub answered: Arc<AtomicUsize>,
    /// Ids of the comments whose command was acknowledged.
    pub commented: Arc<Mutex<Vec<String>>>,
}

impl Load {
    /// Each person sends commands about these posts, one after another, to whichever address answers.
    pub fn begin(people: &[Person], urls: &[String], posts: &[String]) -> Self {
        let (stop, answered) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let commented = Arc::new(Mutex::new(Vec::new()));
        let workers = people.iter().enumerate().map(|(number, person)| {
            let worker = Worker {
                person: person.clone(),
                urls: urls.to_vec(),
                posts: posts.to_vec(),
                comments: Vec::new(),
                dice: Dice::new(number as u64 + 1),
                answered: Arc::clone(&answered),
                commented: Arc::clone(&commented),
            };
            tokio::spawn(worker.run(stop.clone()))
        });
        Self { workers: workers.collect(), stop, answered, commented }
    }

    /// Waits until this many commands were answered.
    pub async fn reach(&self, count: usize) {
        crate::harness::eventually(&format!("{count} commands are answered"), || async {
            (self.answered.load(Ordering::Relaxed) >= count).then_some(())
        })
        .await;
    }

    /// Stops; every command that was begun is answered. Answers how many.
    pub async fn end(self) -> usize {
        self.stop.cancel();
        for worker in self.workers {
            worker.await.expect("a client's end");
        }
        self.answered.load(Ordering::Relaxed)
    }
}

struct Worker {
    person: Person,
    urls: Vec<String>,
    posts: Vec<String>,
    comments: Vec<String>,
    dice: Dice,
    answered: Arc<AtomicUsize>,
    commented: Arc<Mutex<Vec<String>>>,
}

impl Worker {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.one().await;
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn one(&mut self) {
        let post = self.posts[self.dice.below(self.posts.len())].clone();
        match self.dice.below(10) {
            0..=4 => self.comment(&post).await,
            5 => self.remove_comment().await,
            6 => drop(insist(self, "likePost", json!({ "postId": post })).await),
            7 => drop(insist(self, "unlikePost", json!({ "postId": post })).await),
            8 => {
                let name = format!("Name{}", self.dice.below(1_000));
                insist(self, "updateProfile", json!({ "firstName": name })).await;
            }
            _ => drop(insist(self, "createPost", json!({ "title": "Another", "body": "Words." })).await),
        }
    }

    async fn comment(&mut self, post: &str) {
        let text = format!("Words {}", self.dice.below(1_000_000));
        let payload = insist(self, "addComment", json!({ "postId": post, "text": text })).await;
        let id = payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned();
        self.commented.lock().expect("comments").push(id.clone());
        self.comments.push(id);
    }

    async fn remove_comment(&mut self) {
        if let Some(comment) = self.comments.pop() {
            insist(self, "deleteComment", json!({ "commentId": comment })).await;
        }
    }
}

/// Sends a command under one idempotency key until it is answered.
async fn insist(worker: &mut Worker, name: &str, mut input: Value) -> Value {
    input["idempotencyKey"] = json!(Uuid::now_v7().simple().to_string());
    let text = mutation(name, "");
    for _ in 0..TRIES_MAX {
        let url = worker.urls[worker.dice.below(worker.urls.len())].clone();
        let client = Client { url, ..worker.person.client.clone() };
        if let Ok(answer) = client.send(&text, json!({ "input": input }), &[]).await {
            let code = answer.body["errors"][0]["extensions"]["code"].as_str().map(str::to_owned);
            match code {
                None => return accepted(name, &answer.body["data"][name]),
                Some(code) => assert!(RETRYABLE.contains(&code.as_str()), "{name}: {:#}", answer.body),
            }
        }
        tokio::time::sleep(TRY_AGAIN_AFTER).await;
    }
    panic!("{name} was never answered");
}

fn accepted(name: &str, payload: &Value) -> Value {
    assert_eq!(payload["errors"], json!([]), "{name}: {payload:#}");
    payload.clone()
}
