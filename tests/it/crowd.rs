//! People, posts, and subscribers of all kinds: who must come out well whatever happens to the processes.
//!
//! The one who trades while their orders and wallets are watched is a client of the load like the others: signs out, changes the password,
//! deactivates the account. Each breaks the subscriptions, which then go on after their cursors.

use crate::checker::due::Due;
use crate::checker::subscribers::{Subscriber, Watched};
use crate::checker::{books, everything_holds, settled};
use crate::harness::client::{Client, Person};
use crate::harness::stage::Stage;
use crate::sender::Sender;
use serde_json::json;

const PEOPLE: usize = 6;
const POSTS: usize = 3;

/// The people are clients of a load; the watcher only follows.
pub struct Crowd {
    pub people: Vec<Person>,
    pub posts: Vec<String>,
    pub watcher: Person,
    pub subscribers: Vec<Subscriber>,
    urls: Vec<String>,
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
        watched.push(Watched::Orders(Box::new(people[1].clone())));
        watched.push(Watched::Wallets(Box::new(people[1].clone())));
        let subscribers: Vec<Subscriber> =
            watched.into_iter().map(|watched| Subscriber::begin(urls, watched)).collect();
        for subscriber in &subscribers {
            subscriber.has_begun().await;
        }
        Self { people, posts, watcher, subscribers, urls: urls.to_vec() }
    }

    /// The one whom the watcher does not follow at the beginning.
    pub fn last(&self) -> &Person {
        &self.people[PEOPLE - 1]
    }

    /// Everything holds, and every subscriber got everything once, the end of a post too. Answers how often they came back. That end is the
    /// crowd's own, which no answer of the load tells of: those are held against the log before.
    pub async fn all_is_well(self, stage: &Stage) -> usize {
        books::are_sequenced(stage).await;
        settled(stage).await;
        let due = Due::read(stage).await;
        for subscriber in &self.subscribers {
            // Of comments on a post that is gone nobody hears any more.
            subscriber.gets_the_last(&due).await;
        }
        self.delete_a_post().await;
        everything_holds(stage).await;
        let due = Due::read(stage).await;
        let mut resumed = 0;
        for subscriber in self.subscribers {
            resumed += subscriber.got_everything_once(&due).await;
        }
        resumed
    }

    async fn delete_a_post(&self) {
        let mut author = Sender::new(&self.people[0], &self.urls, 12);
        author.insist("deletePost", json!({ "postId": self.posts[0] })).await;
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
