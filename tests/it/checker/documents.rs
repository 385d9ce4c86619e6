//! Every document in MongoDB says what the naive fold of the log says, and there is no document more.

use super::checkpoint;
use super::log::Log;
use super::naive::World;
use super::shop;
use crate::harness::stage::Stage;
use futures_util::TryStreamExt;
use millrace_events::{CommentId, PostId, UserId};
use mongodb::bson::{Document, doc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// How many comments of a post's window are compared: those that it serves.
const WINDOW: usize = 20;

/// Documents by key.
pub type Documents = BTreeMap<String, Value>;

/// Compares all of them.
pub async fn equal_fold(stage: &Stage) {
    let log = Log::of(stage).await.recorded().await;
    let (world, mongodb) = (World::of(&log), stage.mongodb().await);
    compare("people user", users(&world), all(&mongodb, "people", "user", &USER).await);
    compare("content post", posts(&world), windows_cut(all(&mongodb, "content", "post", &POST).await));
    compare("content comment", comments(&world), all(&mongodb, "content", "comment", &COMMENT).await);
    compare("content like", likes(&world), all(&mongodb, "content", "like", &[]).await);
    compare("people follow", follows(&world), all(&mongodb, "people", "follow", &[]).await);
    compare("shop", shop::documents(&log), whole(&mongodb, "shop").await);
}

/// Fields of a stored document that are not the document's own.
const OF_THE_STORE: [&str; 2] = ["_id", "rev"];

const USER: [&str; 6] = ["fullName", "firstName", "email", "postCount", "followerCount", "followingCount"];
const POST: [&str; 10] = [
    "title",
    "body",
    "tags",
    "status",
    "version",
    "commentCount",
    "likeCount",
    "author.fullName",
    "comments",
    "hidden.reason",
];
const COMMENT: [&str; 5] = ["text", "version", "author.fullName", "listedOn", "hidden.reason"];

/// Both are the same; fails with the first difference.
pub fn compare(what: &str, expected: Documents, found: Documents) {
    for (key, document) in &expected {
        assert_eq!(found.get(key), Some(document), "{what} {key}: found, expected");
    }
    let more: Vec<_> = found.keys().filter(|key| !expected.contains_key(*key)).collect();
    assert!(more.is_empty(), "{what}: more than the log says: {more:?}");
}

/// The named fields of all documents of a kind.
async fn all(mongodb: &mongodb::Database, projection: &str, kind: &str, fields: &[&str]) -> Documents {
    let checkpoint = checkpoint(mongodb, projection).await.expect("a checkpoint");
    let collection = mongodb.collection::<Document>(&checkpoint.collection);
    let documents: Vec<Document> =
        collection.find(doc! { "kind": kind }).await.expect("documents").try_collect().await.expect("documents");
    documents.into_iter().map(|document| chosen(document, fields)).collect()
}

/// All documents of a projection, with all their fields.
async fn whole(mongodb: &mongodb::Database, projection: &str) -> Documents {
    let checkpoint = checkpoint(mongodb, projection).await.expect("a checkpoint");
    let collection = mongodb.collection::<Document>(&checkpoint.collection);
    let documents = collection.find(doc! { "_id": { "$ne": "checkpoint" } }).await.expect("documents");
    let documents: Vec<Document> = documents.try_collect().await.expect("documents");
    documents.into_iter().map(entire).collect()
}

/// One that is parked has a field more than the log says.
fn entire(mut document: Document) -> (String, Value) {
    let key = document.get_str("_id").expect("a key").to_owned();
    OF_THE_STORE.iter().for_each(|field| drop(document.remove(field)));
    (key, mongodb::bson::Bson::Document(document).into_relaxed_extjson())
}

fn chosen(document: Document, fields: &[&str]) -> (String, Value) {
    assert!(document.get("brokenSince").is_none(), "a parked document: {document}");
    let key = document.get_str("_id").expect("a key").to_owned();
    let value = mongodb::bson::Bson::Document(document).into_relaxed_extjson();
    let field = |path: &&str| (path.to_string(), path.split('.').fold(&value, |value, name| &value[name]).clone());
    (key, Value::Object(fields.iter().map(field).collect()))
}

fn windows_cut(posts: Documents) -> Documents {
    let cut = |(key, mut post): (String, Value)| {
        let window = post["comments"].as_array().expect("a window").iter().take(WINDOW);
        let window: Vec<Value> =
            window.map(|c| json!({ "text": c["text"], "name": c["author"]["fullName"] })).collect();
        post["comments"] = json!(window);
        (key, post)
    };
    posts.into_iter().map(cut).collect()
}

fn users(world: &World) -> Documents {
    let count = |found: usize| json!(found);
    let user = |(id, user): (&UserId, &super::naive::User)| {
        let value = json!({
            "fullName": world.full_name(*id),
            "firstName": user.first_name,
            "email": user.email,
            "postCount": count(world.posts.values().filter(|post| post.author == *id && post.is_public()).count()),
            "followerCount": count(world.follows.iter().filter(|(_, followed)| followed == id).count()),
            "followingCount": count(world.follows.iter().filter(|(follower, _)| follower == id).count()),
        });
        (format!("user:{id}"), value)
    };
    world.users.iter().map(user).collect()
}

fn posts(world: &World) -> Documents {
    let post = |(id, post): (&PostId, &super::naive::Post)| {
        let comments = world.comments_of(*id);
        let shown = comments.iter().take(WINDOW);
        let shown: Vec<Value> =
            shown.map(|(_, c)| json!({ "text": c.text, "name": world.full_name(c.author) })).collect();
        let value = json!({
            "title": post.title,
            "body": post.body,
            "tags": post.tags,
            "status": match (&post.hidden, post.published) {
                (Some(_), _) => "HIDDEN",
                (None, true) => "PUBLISHED",
                (None, false) => "DRAFT",
            },
            "hidden.reason": post.hidden.clone().flatten(),
            "version": post.version,
            "commentCount": comments.len(),
            "likeCount": world.likes.iter().filter(|(liked, _)| liked == id).count(),
            "author.fullName": world.full_name(post.author),
            "comments": shown,
        });
        (format!("post:{id}"), value)
    };
    world.posts.iter().map(post).collect()
}

fn comments(world: &World) -> Documents {
    let comment = |(id, comment): (&CommentId, &super::naive::Comment)| {
        let name = world.full_name(comment.author);
        let listed_on = comment.hidden.is_none().then(|| comment.post.to_string());
        let value = json!({
            "text": comment.text, "version": comment.version, "author.fullName": name, "listedOn": listed_on,
            "hidden.reason": comment.hidden.clone().flatten(),
        });
        (format!("comment:{id}"), value)
    };
    world.comments.iter().map(comment).collect()
}

fn likes(world: &World) -> Documents {
    world.likes.iter().map(|(post, user)| (format!("like:{post}/{user}"), json!({}))).collect()
}

fn follows(world: &World) -> Documents {
    world.follows.iter().map(|(follower, followed)| (format!("follow:{follower}/{followed}"), json!({}))).collect()
}
