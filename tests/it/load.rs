//! Load as clients make it: random commands with idempotency keys, sent again until they are answered.

use crate::harness::client::Person;
use crate::harness::eventually;
use crate::market::{Market, Trader};
use crate::sender::Sender;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;

/// Dice of one kind of client begin with seeds below this.
const SEEDS_APART: u64 = 100;
/// Of so many random steps this many are about people and posts; the others are about trade, or what staff do.
const STEPS: usize = 24;
const STEPS_WITHOUT_TRADE: usize = 16;
/// Posts of their own that a person has at the most.
const OWN_POSTS_MAX: usize = 5;

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
    /// Each person sends commands about these posts, about posts of their own and about each other, one after another, to whichever
    /// address answers.
    pub fn begin(people: &[Person], urls: &[String], posts: &[String]) -> Self {
        Self::with(None, people, urls, posts)
    }

    /// The same, and they trade in this market.
    pub fn begin_trading(market: &Market, people: &[Person], urls: &[String], posts: &[String]) -> Self {
        Self::with(Some(market), people, urls, posts)
    }

    fn with(market: Option<&Market>, people: &[Person], urls: &[String], posts: &[String]) -> Self {
        let (stop, answered) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
        let commented = Arc::new(Mutex::new(Vec::new()));
        let workers = people.iter().enumerate().map(|(number, person)| {
            let seed = number as u64 + 1;
            let worker = Worker {
                sender: Sender::new(person, urls, seed),
                trader: market.map(|market| Trader::new(market, urls, seed + SEEDS_APART)),
                posts: posts.to_vec(),
                others: ids.iter().filter(|id| **id != person.id).cloned().collect(),
                comments: Vec::new(),
                own_posts: Vec::new(),
                answered: Arc::clone(&answered),
                commented: Arc::clone(&commented),
            };
            tokio::spawn(worker.run(stop.clone()))
        });
        Self { workers: workers.collect(), stop, answered, commented }
    }

    /// How many commands were answered.
    pub fn count(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Waits until this many commands were answered.
    pub async fn reach(&self, count: usize) {
        eventually(&format!("{count} commands are answered"), || async {
            assert!(!self.workers.iter().any(tokio::task::JoinHandle::is_finished), "a client has given up");
            (self.count() >= count).then_some(())
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
    sender: Sender,
    trader: Option<Trader>,
    posts: Vec<String>,
    others: Vec<String>,
    comments: Vec<String>,
    own_posts: Vec<String>,
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
        let steps = if self.trader.is_some() { STEPS } else { STEPS_WITHOUT_TRADE };
        match self.below(steps) {
            0..=3 => self.comment().await,
            4 => self.edit_comment().await,
            5 => self.remove_comment().await,
            6 => self.about_a_post("likePost").await,
            7 => self.about_a_post("unlikePost").await,
            8 => self.rename().await,
            9 => self.about_somebody("followUser").await,
            10 => self.about_somebody("unfollowUser").await,
            11 => self.write_post().await,
            12 => self.edit_post().await,
            13 => self.about_an_own_post("publishPost").await,
            14 => self.about_an_own_post("unpublishPost").await,
            15 => self.delete_post().await,
            16..=17 => self.be_moderated().await,
            _ => self.trade().await,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.sender.below(end)
    }

    fn a_post(&mut self) -> String {
        let index = self.below(self.posts.len());
        self.posts[index].clone()
    }

    async fn trade(&mut self) {
        if let Some(trader) = &mut self.trader {
            trader.one(&mut self.sender, &self.others).await;
        }
    }

    async fn comment(&mut self) {
        let (post, text) = (self.a_post(), format!("Words {}", self.below(1_000_000)));
        let payload = self.sender.insist("addComment", json!({ "postId": post, "text": text })).await;
        let id = id_of(&payload).expect("an id");
        self.commented.lock().expect("comments").push(id.clone());
        self.comments.push(id);
    }

    async fn edit_comment(&mut self) {
        let text = format!("Other words {}", self.below(1_000_000));
        if let Some(comment) = self.comments.last() {
            self.sender.insist("editComment", json!({ "commentId": comment, "text": text })).await;
        }
    }

    async fn remove_comment(&mut self) {
        if let Some(comment) = self.comments.pop() {
            self.sender.insist("deleteComment", json!({ "commentId": comment })).await;
        }
    }

    async fn about_a_post(&mut self, name: &str) {
        let post = self.a_post();
        self.sender.insist(name, json!({ "postId": post })).await;
    }

    async fn rename(&mut self) {
        let name = format!("Name{}", self.below(1_000));
        self.sender.insist("updateProfile", json!({ "firstName": name })).await;
    }

    async fn about_somebody(&mut self, name: &str) {
        let index = self.below(self.others.len());
        self.sender.insist(name, json!({ "userId": self.others[index] })).await;
    }

    async fn write_post(&mut self) {
        if self.own_posts.len() < OWN_POSTS_MAX {
            let publish = self.below(2) == 0;
            let input = json!({ "title": "Another", "body": "Words.", "publish": publish });
            let payload = self.sender.insist("createPost", input).await;
            self.own_posts.extend(id_of(&payload));
        }
    }

    async fn edit_post(&mut self) {
        let title = format!("Yet another {}", self.below(1_000));
        if let Some(post) = self.own_posts.last() {
            self.sender.insist("editPost", json!({ "postId": post, "title": title })).await;
        }
    }

    /// What staff hide cannot be published, nor be made a draft.
    async fn about_an_own_post(&mut self, name: &str) {
        if let Some(post) = self.own_posts.first() {
            self.sender.try_to(name, json!({ "postId": post }), &["InvalidTransition"]).await;
        }
    }

    /// Staff hide a post or a comment of this person, or show it again.
    async fn be_moderated(&mut self) {
        let (hides, is_post) = (self.below(2) == 0, self.below(2) == 0);
        let (post, comment) = (self.own_posts.first(), self.comments.last());
        let (name, mut input) = match (is_post, hides, post, comment) {
            (true, true, Some(id), _) => ("hidePost", json!({ "postId": id })),
            (true, false, Some(id), _) => ("unhidePost", json!({ "postId": id })),
            (false, true, _, Some(id)) => ("hideComment", json!({ "commentId": id })),
            (false, false, _, Some(id)) => ("unhideComment", json!({ "commentId": id })),
            _ => return,
        };
        if hides {
            input["reason"] = json!("It names a neighbour.");
        }
        if let Some(trader) = &mut self.trader {
            trader.moderate(name, input).await;
        }
    }

    async fn delete_post(&mut self) {
        if let Some(post) = self.own_posts.pop() {
            self.sender.insist("deletePost", json!({ "postId": post })).await;
        }
    }
}

fn id_of(payload: &Value) -> Option<String> {
    payload["receipt"]["aggregateId"].as_str().map(str::to_owned)
}
