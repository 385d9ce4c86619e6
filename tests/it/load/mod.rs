//! Load as clients make it: random commands with idempotency keys, sent again until they are answered.

mod account;
mod community;

use crate::acknowledged::Acknowledged;
use crate::harness::client::Person;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::market::{Market, Trader};
use crate::sender::Sender;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_util::sync::CancellationToken;

/// Dice of one kind of client begin with seeds below this.
const SEEDS_APART: u64 = 100;
/// So many random steps there are; those that [`Worker::one`] does not name are about trade.
const STEPS: usize = 31;
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
    answered: Arc<AtomicUsize>,
    acknowledged: Acknowledged,
}

impl Load {
    /// Each person sends commands about these posts, about posts of their own, their account and each other, and trades in this market,
    /// one after another, to whichever address answers.
    pub async fn begin(stage: &Stage, market: &Market, people: &[Person], urls: &[String], posts: &[String]) -> Self {
        let (stop, answered) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
        let acknowledged = Acknowledged::begin(stage).await;
        let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
        let workers = people.iter().enumerate().map(|(number, person)| {
            let seed = number as u64 + 1;
            let worker = Worker {
                id: person.id.clone(),
                sender: Sender::new(person, urls, seed).noted_by(&acknowledged),
                trader: Trader::new(market, urls, seed + SEEDS_APART, &acknowledged),
                posts: posts.to_vec(),
                others: ids.iter().filter(|id| **id != person.id).cloned().collect(),
                comments: Vec::new(),
                own_posts: Vec::new(),
                answered: Arc::clone(&answered),
            };
            tokio::spawn(worker.run(stop.clone()))
        });
        Self { workers: workers.collect(), stop, answered, acknowledged }
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

    /// Stops; every command that was begun is answered. Tells what was.
    pub async fn end(self) -> Acknowledged {
        self.stop.cancel();
        for worker in self.workers {
            worker.await.expect("a client's end");
        }
        self.acknowledged
    }
}

struct Worker {
    id: String,
    sender: Sender,
    trader: Trader,
    posts: Vec<String>,
    others: Vec<String>,
    comments: Vec<String>,
    own_posts: Vec<String>,
    answered: Arc<AtomicUsize>,
}

impl Worker {
    async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.one().await;
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn one(&mut self) {
        match self.below(STEPS) {
            0..=3 => self.comment().await,
            4 => self.edit_comment().await,
            5 => self.remove_comment().await,
            6 => self.about_a_post("likePost").await,
            7 => self.about_a_post("unlikePost").await,
            8..=9 => self.update_profile().await,
            10 => self.about_somebody("followUser").await,
            11 => self.about_somebody("unfollowUser").await,
            12 => self.write_post().await,
            13 => self.edit_post().await,
            14 => self.about_an_own_post("publishPost").await,
            15 => self.about_an_own_post("unpublishPost").await,
            16 => self.delete_post().await,
            17..=18 => self.be_moderated().await,
            19 => self.be_staff_or_not().await,
            20 => self.sign_out().await,
            21 => self.deactivate().await,
            22 => self.change_credentials().await,
            _ => self.trade().await,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        self.sender.below(end)
    }

    async fn trade(&mut self) {
        self.trader.one(&mut self.sender, &self.others).await;
    }
}
