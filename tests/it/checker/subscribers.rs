//! Subscribers that come back after every break with their last cursor, and the check that each got every change once, in order.

use super::due::Due;
use crate::harness::client::Person;
use crate::harness::eventually;
use crate::harness::socket::{Received, Socket};
use millrace_read::live::Cursor;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::task::JoinHandle;

const POST: &str = "subscription($id: ID!, $after: String) { event: postChanged(id: $id, after: $after) {
    __typename ... on LiveEvent { cursor } ... on PostChanged { post { title likeCount } }
} }";
const COMMENTS: &str = "subscription($id: ID!, $after: String) { event: commentAdded(postId: $id, after: $after) {
    __typename ... on LiveEvent { cursor } ... on CommentAdded { comment { id text } }
} }";
const FEED: &str = "subscription($after: String) { event: feedChanged(after: $after) {
    __typename ... on LiveEvent { cursor } ... on FeedPostAdded { post { title } }
} }";
const ORDERS: &str = "subscription($after: String) { event: viewerOrders(after: $after) {
    __typename ... on LiveEvent { cursor } ... on OrderChanged { order { status } }
} }";
const WALLETS: &str = "subscription($after: String) { event: walletChanged(after: $after) {
    __typename ... on LiveEvent { cursor } ... on WalletChanged { wallet { balance { amountMinor } } }
} }";
const COME_BACK_AFTER: Duration = Duration::from_millis(50);
/// After so many events a subscriber leaves by itself and goes on elsewhere, as a phone does that changes its network.
const ROAM_AFTER: usize = 12;
/// The server's word that a token is no longer good.
const FORBIDDEN: u16 = 4403;

/// What is subscribed to.
#[derive(Clone)]
pub enum Watched {
    /// A post.
    Post(String),
    /// A post's comments.
    Comments(String),
    /// The feed of a person.
    Feed(Box<Person>),
    /// A person's orders.
    Orders(Box<Person>),
    /// A person's wallets.
    Wallets(Box<Person>),
}

/// One event: the change's number, and the event's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub seq: u64,
    pub event: String,
}

/// What a subscriber has got so far.
#[derive(Debug, Default)]
struct Got {
    cursor: Option<String>,
    /// The last change that its first snapshot has in it.
    began_at: Option<u64>,
    told: Vec<Told>,
    resumed: usize,
}

/// A subscriber at work.
pub struct Subscriber {
    watched: Watched,
    got: Arc<Mutex<Got>>,
    task: JoinHandle<()>,
}

impl Subscriber {
    /// Begins, at whichever of the addresses answers.
    pub fn begin(urls: &[String], watched: Watched) -> Self {
        let got = Arc::new(Mutex::new(Got::default()));
        let task = tokio::spawn(follow(urls.to_vec(), watched.clone(), Arc::clone(&got)));
        Self { watched, got, task }
    }

    /// Returns once the snapshot has come.
    pub async fn has_begun(&self) {
        eventually("a subscription begins", || async { self.got().began_at }).await;
    }

    /// Waits until the last change that is due was told.
    pub async fn gets_the_last(&self, due: &Due) {
        let (due, _) = self.owed(due);
        eventually("the subscriber gets the last change", || async {
            let is_there =
                due.last().is_none_or(|last| self.got().told.last().is_some_and(|told| told.seq >= last.seq));
            (is_there || self.task.is_finished()).then_some(())
        })
        .await;
    }

    /// Waits until the last change was told, stops, and compares with what was due. Answers how often it came back.
    pub async fn got_everything_once(self, due: &Due) -> usize {
        self.gets_the_last(due).await;
        let (due, allowed) = self.owed(due);
        self.task.abort();
        if let Err(error) = self.task.await
            && let Ok(panic) = error.try_into_panic()
        {
            std::panic::resume_unwind(panic);
        }
        let got = self.got.lock().expect("got");
        let is_ascending = got.told.is_sorted_by(|earlier, later| earlier.seq < later.seq);
        assert!(is_ascending, "twice or out of order: {:?}", got.told);
        let counted: Vec<&Told> = got.told.iter().filter(|told| !allowed.contains(told)).collect();
        assert_eq!(counted, due.iter().collect::<Vec<_>>(), "what the subscriber got, and what was due");
        got.resumed
    }

    /// What it is told, and what it may be told besides.
    fn owed(&self, due: &Due) -> (Vec<Told>, Vec<Told>) {
        due.after(self.got().began_at.expect("it has begun"), &self.watched)
    }

    fn got(&self) -> MutexGuard<'_, Got> {
        self.got.lock().expect("got")
    }
}

/// Subscribes again and again, each time at the next address and with the last cursor.
async fn follow(urls: Vec<String>, mut watched: Watched, got: Arc<Mutex<Got>>) {
    for url in urls.iter().cycle() {
        match Socket::try_open(url, watched.access_token()).await {
            Ok(socket) => listen(socket, &watched, &got).await,
            Err(Received::Closed(FORBIDDEN)) => watched.sign_in(url).await,
            Err(_) => {}
        }
        tokio::time::sleep(COME_BACK_AFTER).await;
    }
}

/// Takes what comes over one socket, until it breaks or the subscriber roams.
async fn listen(mut socket: Socket, watched: &Watched, got: &Mutex<Got>) {
    let after = got.lock().expect("got").cursor.clone();
    got.lock().expect("got").resumed += usize::from(after.is_some());
    socket.subscribe("1", watched.query(), watched.variables(after)).await;
    for _ in 0..ROAM_AFTER {
        match socket.listen().await {
            Received::Message(message) if message["type"] == "next" => {
                if !got.lock().expect("got").take(&message["payload"]) {
                    return;
                }
            }
            _ => return,
        }
    }
}

impl Got {
    /// Notes one event; false if the subscription cannot go on here.
    fn take(&mut self, payload: &Value) -> bool {
        let event = &payload["data"]["event"];
        assert_ne!(event["__typename"], "HistoryGone", "{payload:#}");
        let Some(cursor) = event["cursor"].as_str() else { return false };
        let seq = cursor.parse::<Cursor>().expect("a cursor").seq;
        if self.cursor.replace(cursor.to_owned()).is_none() {
            self.began_at = Some(seq);
        } else {
            let event = event["__typename"].as_str().expect("a type").to_owned();
            self.told.push(Told { seq, event });
        }
        true
    }
}

impl Watched {
    fn query(&self) -> &'static str {
        match self {
            Self::Post(_) => POST,
            Self::Comments(_) => COMMENTS,
            Self::Feed(_) => FEED,
            Self::Orders(_) => ORDERS,
            Self::Wallets(_) => WALLETS,
        }
    }

    fn variables(&self, after: Option<String>) -> Value {
        match self {
            Self::Post(id) | Self::Comments(id) => json!({ "id": id, "after": after }),
            Self::Feed(_) | Self::Orders(_) | Self::Wallets(_) => json!({ "after": after }),
        }
    }

    fn access_token(&self) -> Option<&str> {
        match self {
            Self::Post(_) | Self::Comments(_) => None,
            Self::Feed(person) | Self::Orders(person) | Self::Wallets(person) => person.client.access_token.as_deref(),
        }
    }

    /// An access token lives for five minutes, or until the person ends their sign-ins or deactivates their account.
    async fn sign_in(&mut self, url: &str) {
        if let Self::Feed(person) | Self::Orders(person) | Self::Wallets(person) = self {
            person.client.url = url.to_owned();
            person.try_sign_in().await;
        }
    }
}
