//! A rename reaches everything that a person wrote, 20,000 comments here, while other people's writes keep flowing; also when the
//! projector is killed in the middle.

mod comments;

use crate::checker::{checkpoint, everything_holds, number};
use crate::harness::client::{Client, Person, token};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use futures_util::TryStreamExt;
use futures_util::future::{join_all, try_join_all};
use millrace_events::{CommandId, PostId, UserId};
use millrace_log::{Log, PostgresSettings};
use mongodb::bson::{Bson, Document, doc};
use sea_orm::TransactionTrait;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const COMMENTS: usize = 20_000;
const POSTS: usize = 50;
/// Comments recorded in one transaction, and transactions at once.
const COMMENTS_AT_ONCE: usize = 1_000;
const TRANSACTIONS_AT_ONCE: usize = 4;
/// So many writes of others at the least are seen while the name is still spreading, each time.
const WRITES_MIN: usize = 5;
/// Chunks that an event which lies in the stream may have to wait for. One is under way, and one may have begun before the event was
/// heard; the rest is for a busy machine. A rename of this size is a hundred chunks.
const CHUNKS_BEFORE_EVENT_MAX: usize = 10;
const CHUNKS_MIN: usize = 100;

/// A checkpoint's or a change's revision.
type Revision = (u64, u64);

/// The stores behind a cluster.
struct World {
    log: Log,
    mongodb: mongodb::Database,
    stream: async_nats::jetstream::Context,
    stream_name: String,
}

/// A write of somebody else.
struct Write {
    position: u64,
    /// Where the projection stood when the write's event lay in the stream.
    stood_at: Revision,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rename_reaches_20_000_comments_while_others_write() {
    let stage = Stage::new().await;
    let mut cluster = Cluster::start(&stage).await;
    let client = Client::new(&cluster.urls()[0]);
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let posts = posts_of(&ben).await;
    let world = World::of(&stage).await;
    world.record_comments(&ada, &posts).await;
    world.is_folded().await;

    for (name, kill) in [("Augusta", false), ("Adelaide", true)] {
        let rename = ada.client.command("updateProfile", json!({ "firstName": name }), "").await;
        let command_id = rename["receipt"]["commandId"].as_str().expect("an id").to_owned();
        eventually("the name spreads", || async { (state(&ada, &command_id).await == "SPREADING").then_some(()) })
            .await;
        let mut writes = Vec::new();
        while state(&ada, &command_id).await != "VISIBLE" {
            writes.push(world.write_and_see(&ben, &posts[writes.len() % POSTS]).await);
            if kill && writes.len() == WRITES_MIN {
                cluster.kill(cluster.index_of("projector")).await;
            }
        }
        // The last one may have been seen after the end.
        assert!(writes.len() > WRITES_MIN, "others saw {} of their writes meanwhile", writes.len());
        world.writes_kept_flowing(&writes).await;
        world.all_carry(&ada, &format!("{name} Test")).await;
    }
    everything_holds(&stage).await;
    cluster.stop().await;
}

async fn posts_of(author: &Person) -> Vec<String> {
    let post = |number: usize| async move {
        let input = json!({ "title": format!("Post {number}"), "body": "Words." });
        let payload = author.client.command("createPost", input, "").await;
        payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned()
    };
    join_all((0..POSTS).map(post)).await
}

async fn state(person: &Person, command_id: &str) -> String {
    let status = person.client.command_status(&json!(command_id)).await;
    status["state"].as_str().unwrap_or_default().to_owned()
}

impl World {
    async fn of(stage: &Stage) -> Self {
        let settings = PostgresSettings::new(stage.variable("MILLRACE_POSTGRES__URL"));
        Self {
            log: Log::connect(&settings).await.expect("PostgreSQL"),
            mongodb: stage.mongodb().await,
            stream: async_nats::jetstream::new(stage.nats().await),
            stream_name: format!("{}-log", stage.name),
        }
    }

    /// Rows and events as `addComment` leaves them, each a command of its own, many in one transaction.
    async fn record_comments(&self, author: &Person, posts: &[String]) {
        let author = UserId::from_global(&author.id).expect("an id");
        let posts: Vec<PostId> = posts.iter().map(|id| PostId::from_global(id).expect("an id")).collect();
        for _ in 0..COMMENTS / COMMENTS_AT_ONCE / TRANSACTIONS_AT_ONCE {
            let transactions = (0..TRANSACTIONS_AT_ONCE).map(|_| async {
                let tx = self.log.database().begin().await?;
                comments::record(&tx, author, &posts, COMMENTS_AT_ONCE).await;
                tx.commit().await
            });
            try_join_all(transactions).await.expect("comments are recorded");
            self.log.sequence().await.expect("they get positions");
        }
    }

    async fn is_folded(&self) {
        let head = self.log.head().await.expect("a head").position.0;
        let step = COMMENTS_AT_ONCE as u64;
        for position in (0..head).step_by(COMMENTS_AT_ONCE).map(|position| (position + step).min(head)) {
            eventually(&format!("position {position} is folded"), || async {
                (self.revision().await >= (position, 0)).then_some(())
            })
            .await;
        }
    }

    async fn revision(&self) -> Revision {
        let checkpoint = checkpoint(&self.mongodb, "content").await;
        checkpoint.map_or((0, 0), |checkpoint| revision_of(&checkpoint.document))
    }

    /// Adds a comment, and looks until it is there for who brings its token.
    async fn write_and_see(&self, writer: &Person, post: &str) -> Write {
        let payload = writer.client.command("addComment", json!({ "postId": post, "text": "Meanwhile." }), "").await;
        let command_id = payload["receipt"]["commandId"].as_str().expect("an id");
        let command_id = CommandId::from_global(command_id).expect("an id");
        let (_, position) = self.log.placed(command_id).await.expect("an answer").expect("a position");
        eventually("the event lies in the stream", || async {
            let stream = self.stream.get_stream(&self.stream_name).await.expect("a stream");
            (stream.cached_info().state.last_sequence >= position.0).then_some(())
        })
        .await;
        let stood_at = self.revision().await;
        eventually("the comment shows", || shows(writer, post, &payload)).await;
        Write { position: position.0, stood_at }
    }

    /// Each event was folded after few chunks, however many were still to be done.
    async fn writes_kept_flowing(&self, writes: &[Write]) {
        let chunks = self.chunks().await;
        assert!(chunks.len() >= CHUNKS_MIN, "{} chunks", chunks.len());
        for write in writes {
            let waited =
                chunks.iter().filter(|chunk| write.stood_at < **chunk && **chunk < (write.position, 0)).count();
            assert!(waited <= CHUNKS_BEFORE_EVENT_MAX, "{waited} chunks before position {}", write.position);
        }
    }

    /// Revisions of all chunks that brought a new card.
    async fn chunks(&self) -> BTreeSet<Revision> {
        let collection = checkpoint(&self.mongodb, "content").await.expect("a checkpoint").collection;
        let changes = self.mongodb.collection::<Document>(&format!("{collection}_changes"));
        let cards = changes.find(doc! { "event": "card" }).projection(doc! { "revision": 1 });
        let cards: Vec<Document> = cards.await.expect("changes").try_collect().await.expect("changes");
        cards.iter().map(|change| pair(change.get("revision"))).collect()
    }

    /// All comments, and all copies of them in posts.
    async fn all_carry(&self, author: &Person, name: &str) {
        let author = UserId::from_global(&author.id).expect("an id");
        let collection = checkpoint(&self.mongodb, "content").await.expect("a checkpoint").collection;
        let documents = self.mongodb.collection::<Document>(&collection);
        let comments = doc! { "kind": "comment", "authorId": author.to_string(), "author.fullName": name };
        assert_eq!(documents.count_documents(comments).await.expect("a count"), COMMENTS as u64, "comments of {name}");
        let copy = doc! { "author.id": author.to_global(), "author.fullName": { "$ne": name } };
        let stale = doc! { "kind": "post", "comments": { "$elemMatch": copy } };
        assert_eq!(documents.count_documents(stale).await.expect("a count"), 0, "posts with an old name");
        let with_copies = doc! { "kind": "post", "comments.author.fullName": name };
        assert!(documents.count_documents(with_copies).await.expect("a count") > 0, "posts show {name}");
    }
}

/// Whether the newest comment of a post is the payload's own, for who brings its token. While no projector runs it times out.
async fn shows(reader: &Person, post: &str, payload: &Value) -> Option<()> {
    let query = "query($id: ID!) { post(id: $id) { comments(first: 1) { nodes { id } } } }";
    let header = [("millrace-consistency", token(payload))];
    let headers = header.each_ref().map(|(name, value)| (*name, value.as_str()));
    let answer = reader.client.send(query, json!({ "id": post }), &headers).await.expect("an answer");
    let newest = &answer.body["data"]["post"]["comments"]["nodes"][0]["id"];
    (*newest == payload["receipt"]["aggregateId"]).then_some(())
}

fn revision_of(document: &Document) -> Revision {
    pair(document.get("rev"))
}

fn pair(revision: Option<&Bson>) -> Revision {
    let revision = revision.and_then(Bson::as_document).expect("a revision");
    let field = |name: &str| revision.get(name).map(number);
    (field("p").expect("a position"), field("n").expect("n"))
}
