//! Subscriptions over what is folded meanwhile.

use super::stage::{Stage, viewer};
use crate::models::tests::{Log, id};
use async_graphql::Response;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use millrace_events::{CommentId, PostId, UserId, Viewer};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

const ADA: UserId = UserId(id(1));
const BEN: UserId = UserId(id(2));
const POST: PostId = PostId(id(9));
const SAID: CommentId = CommentId(id(100));
const PATIENCE: Duration = Duration::from_secs(20);

fn begin(log: &mut Log) {
    log.sign_up(ADA, "Ada").sign_up(BEN, "Ben").post(POST, ADA, true);
}

async fn next(events: &mut BoxStream<'static, Response>) -> Option<Value> {
    let response = timeout(PATIENCE, events.next()).await.unwrap()?;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().unwrap();
    data.as_object().unwrap().values().next().cloned()
}

async fn event(events: &mut BoxStream<'static, Response>) -> Value {
    next(events).await.unwrap()
}

fn post_changed(after: &Value) -> String {
    format!(
        "subscription {{ postChanged(id: \"{}\", after: {after}) {{ __typename
            ... on LiveEvent {{ cursor position commandId }}
            ... on PostSnapshot {{ post {{ title likeCount }} }}
            ... on PostChanged {{ post {{ title likeCount author {{ followerCount }} }} }}
            ... on PostDeleted {{ postId }} ... on HistoryGone {{ code }} }} }}",
        POST.to_global()
    )
}

#[tokio::test]
async fn a_post_tells_its_changes_to_its_end() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let mut events = stage.subscribe(&Viewer::Anonymous, &post_changed(&Value::Null));
    let first = event(&mut events).await;
    assert_eq!((&first["__typename"], &first["post"]["likeCount"]), (&json!("PostSnapshot"), &json!(0)));
    assert_eq!(first["commandId"], Value::Null);

    stage.fold(|log| nothing(log.like(POST, BEN))).await;
    let liked = event(&mut events).await;
    assert_eq!((&liked["__typename"], &liked["post"]["likeCount"]), (&json!("PostChanged"), &json!(1)));
    assert_eq!((&liked["position"], &liked["post"]["author"]["followerCount"]), (&json!("4"), &json!(0)));
    assert_eq!(liked["commandId"], json!(stage.last().command_id.to_global()));
    drop(events);

    stage.fold(|log| nothing(log.edit_post(POST, ADA, "Two").delete_post(POST, ADA, true))).await;
    let mut events = stage.subscribe(&Viewer::Anonymous, &post_changed(&liked["cursor"]));
    let edited = event(&mut events).await;
    assert_eq!((&edited["__typename"], &edited["post"]), (&json!("PostChanged"), &Value::Null), "deleted since");
    assert_eq!(event(&mut events).await["postId"], json!(POST.to_global()));
    assert_eq!(next(&mut events).await, None, "what is deleted never comes back");
}

#[tokio::test]
async fn a_draft_shows_nothing_until_it_is_published() {
    let stage = Stage::new().await;
    stage.fold(|log| nothing(log.sign_up(ADA, "Ada").post(POST, ADA, false))).await;
    let mut events = stage.subscribe(&viewer(BEN), &post_changed(&Value::Null));
    assert_eq!(event(&mut events).await["post"], Value::Null);
    stage.fold(|log| nothing(log.edit_post(POST, ADA, "Two").publish(POST, ADA).unpublish(POST, ADA))).await;
    let published = event(&mut events).await;
    assert_eq!((&published["__typename"], &published["position"]), (&json!("PostChanged"), &json!("4")));
    assert_eq!(event(&mut events).await["__typename"], "PostDeleted");
    stage.fold(|log| nothing(log.edit_post(POST, ADA, "Three").publish(POST, ADA))).await;
    assert_eq!(event(&mut events).await["post"]["title"], "Three");
}

#[tokio::test]
async fn comments_come_once_each_and_none_of_a_hidden_post() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    stage.fold(|log| nothing(log.comment(SAID, POST, BEN, "First"))).await;
    let query = format!(
        "subscription {{ commentAdded(postId: \"{}\") {{ __typename ... on CommentsSnapshot {{ comments {{ text }} }}
            ... on CommentAdded {{ commentId comment {{ text }} }} ... on PostDeleted {{ postId }} }} }}",
        POST.to_global()
    );
    let mut events = stage.subscribe(&viewer(BEN), &query);
    assert_eq!(event(&mut events).await["comments"], json!([{ "text": "First" }]));
    let other = CommentId(id(101));
    stage
        .fold(|log| {
            nothing(log.like(POST, BEN).edit_comment(SAID, POST, BEN, "1st").comment(other, POST, ADA, "Second"))
        })
        .await;
    let added = event(&mut events).await;
    assert_eq!((&added["commentId"], &added["comment"]["text"]), (&json!(other.to_global()), &json!("Second")));
    let (secret, shown) = (CommentId(id(102)), CommentId(id(103)));
    stage.fold(|log| nothing(log.unpublish(POST, ADA).comment(secret, POST, ADA, "Note to myself"))).await;
    assert_eq!(event(&mut events).await["__typename"], "PostDeleted");
    stage.fold(|log| nothing(log.publish(POST, ADA).comment(shown, POST, ADA, "Third"))).await;
    let mut told = event(&mut events).await;
    if told["commentId"] == json!(secret.to_global()) {
        // Read after the publishing that came with the same fold: then it is public anyway.
        told = event(&mut events).await;
    }
    assert_eq!(told["comment"]["text"], "Third");
}

#[tokio::test]
async fn the_feed_follows_whom_the_viewer_follows() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let query = "subscription { feedChanged { __typename ... on LiveEvent { cursor }
        ... on FeedSnapshot { posts { nodes { title } } } ... on FeedPostAdded { post { title } }
        ... on FeedPostChanged { post { likeCount } } ... on FeedPostGone { postId } } }";
    let mut events = stage.subscribe(&viewer(BEN), query);
    assert_eq!(event(&mut events).await["posts"]["nodes"], json!([]));
    stage.fold(|log| nothing(log.follow(BEN, ADA))).await;
    let followed = event(&mut events).await;
    assert_eq!(
        (&followed["__typename"], &followed["posts"]["nodes"]),
        (&json!("FeedSnapshot"), &json!([{ "title": "Title" }]))
    );

    let other = PostId(id(10));
    stage.fold(|log| nothing(log.post(other, ADA, true).like(other, BEN))).await;
    assert_eq!(event(&mut events).await["__typename"], "FeedPostAdded");
    let liked = event(&mut events).await;
    assert_eq!((&liked["__typename"], &liked["post"]["likeCount"]), (&json!("FeedPostChanged"), &json!(1)));
    stage.fold(|log| nothing(log.unpublish(other, ADA))).await;
    assert_eq!(event(&mut events).await["postId"], json!(other.to_global()));
    stage.fold(|log| nothing(log.unfollow(BEN, ADA).like(POST, BEN))).await;
    assert_eq!(event(&mut events).await["posts"]["nodes"], json!([]), "and nothing of the like");
    stage.fold(|log| nothing(log.follow(BEN, ADA))).await;
    assert_eq!(event(&mut events).await["__typename"], "FeedSnapshot");

    let resumed = query.replace("feedChanged", &format!("feedChanged(after: {})", followed["cursor"]));
    let mut events = stage.subscribe(&viewer(BEN), &resumed);
    assert_eq!(event(&mut events).await["__typename"], "FeedPostAdded", "without a snapshot");
}

#[tokio::test]
async fn progress_ends_when_the_command_is_visible() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let id = stage.last().command_id.to_global();
    let query = format!("subscription {{ commandProgress(id: \"{id}\") {{ id state }} }}");
    let mut events = stage.subscribe(&Viewer::Anonymous, &query);
    loop {
        let status = event(&mut events).await;
        if status["state"] == "VISIBLE" {
            break;
        }
    }
    assert_eq!(next(&mut events).await, None);
}

fn nothing(_: &mut Log) {}
