//! Subscriptions: a snapshot, then every change once and in order, also across a break.

use crate::harness::client::Client;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};

const POST_CHANGED: &str = "subscription($id: ID!, $after: String) { postChanged(id: $id, after: $after) {
    __typename
    ... on LiveEvent { cursor position commandId }
    ... on PostSnapshot { post { title commentCount likeCount } }
    ... on PostChanged { post { title commentCount likeCount } }
    ... on PostDeleted { postId }
} }";

#[tokio::test]
async fn a_post_tells_its_changes_and_goes_on_after_a_break() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let input = json!({ "title": "One", "body": "Words." });
    let payload = ada.client.command("createPost", input, "post { id }").await;
    let id = payload["post"]["id"].clone();

    let mut socket = Socket::open(&process.graphql(), ada.client.access_token.as_deref()).await;
    socket.subscribe("1", POST_CHANGED, json!({ "id": id })).await;
    let first = socket.event("postChanged", "the snapshot").await;
    assert_eq!(first["__typename"], "PostSnapshot");
    assert_eq!(first["post"]["title"], "One");

    ada.client.command("likePost", json!({ "postId": id }), "").await;
    let liked = socket.event("postChanged", "the like").await;
    assert_eq!(liked["post"]["likeCount"], 1);
    drop(socket);

    ada.client.command("editPost", json!({ "postId": id, "title": "Two" }), "").await;
    ada.client.command("addComment", json!({ "postId": id, "text": "Three" }), "").await;
    let mut socket = Socket::open(&process.graphql(), None).await;
    socket.subscribe("1", POST_CHANGED, json!({ "id": id, "after": liked["cursor"] })).await;
    let edited = socket.event("postChanged", "the edit").await;
    let commented = socket.event("postChanged", "the comment").await;
    assert_eq!(edited["__typename"], "PostChanged");
    assert!(position(&liked) < position(&edited) && position(&edited) < position(&commented));
    assert_eq!(commented["post"]["commentCount"], 1);

    ada.client.command("deletePost", json!({ "postId": id }), "").await;
    assert_eq!(socket.event("postChanged", "the deletion").await["postId"], id);
    process.stop().await;
    loop {
        match socket.receive("the end").await {
            Received::Closed(code) => break assert_eq!(code, 1001, "the server says that it goes away"),
            Received::Message(message) => assert_ne!(message["type"], "next", "{message:#}"),
            Received::Lost => panic!("the socket was cut"),
        }
    }
}

/// Why an operation ends, by its first error.
async fn refusal(socket: &mut Socket) -> Value {
    loop {
        let Received::Message(message) = socket.receive("a refusal").await else { panic!("the socket ended") };
        let payload = &message["payload"];
        match message["type"].as_str() {
            Some("error") => return payload[0]["extensions"].clone(),
            Some("next") => return payload["errors"][0]["extensions"].clone(),
            _ => {}
        }
    }
}

#[tokio::test]
async fn how_many_listen_and_to_how_much_are_settings() {
    let stage = Stage::new().await.with("MILLRACE_LIVE__SUBSCRIBERS_MAX", "1");
    let stage = stage.with("MILLRACE_LIVE__TOPICS_PER_SUBSCRIBER_MAX", "1");
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let mut socket = Socket::open(&process.graphql(), ben.client.access_token.as_deref()).await;
    let feed = "subscription { feedChanged { __typename } }";
    socket.subscribe("1", feed, json!({})).await;
    assert_eq!(socket.event("feedChanged", "the snapshot").await["__typename"], "FeedSnapshot");
    socket.subscribe("2", feed, json!({})).await;
    let refused = refusal(&mut socket).await;
    assert_eq!((&refused["code"], &refused["limit"]), (&json!("LIMIT_EXCEEDED"), &json!("subscribers_max")));
    ben.client.command("followUser", json!({ "userId": ada.id }), "").await;
    let refused = refusal(&mut socket).await;
    assert_eq!((&refused["limit"], &refused["max"]), (&json!("topics_per_subscriber_max"), &json!(1)));
    process.stop().await;
}

fn position(event: &Value) -> u64 {
    event["position"].as_str().expect("a position").parse().expect("a number")
}

#[tokio::test]
async fn comments_feed_and_progress_are_live() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    ben.client.command("followUser", json!({ "userId": ada.id }), "user { id }").await;
    let mut socket = Socket::open(&process.graphql(), ben.client.access_token.as_deref()).await;

    let feed = "subscription { feedChanged { __typename ... on FeedPostAdded { post { title } } } }";
    socket.subscribe("feed", feed, json!({})).await;
    let first = socket.event("feedChanged", "the feed's snapshot").await;
    assert_eq!(first["__typename"], "FeedSnapshot");
    let input = json!({ "title": "News", "body": "Words." });
    let payload = ada.client.command("createPost", input, "post { id }").await;
    let mut news = socket.event("feedChanged", "the post in the feed").await;
    // The feed begins anew when it hears who is followed, which may be after its first snapshot.
    while news["__typename"] == "FeedSnapshot" {
        news = socket.event("feedChanged", "the post in the feed").await;
    }
    assert_eq!(news["post"]["title"], "News", "{news:#}");

    let id = payload["post"]["id"].clone();
    let comments = "subscription($id: ID!) { commentAdded(postId: $id) { __typename ... on CommentAdded { comment { text author { fullName } } } } }";
    let mut socket = Socket::open(&process.graphql(), None).await;
    socket.subscribe("comments", comments, json!({ "id": id })).await;
    let start = socket.event("commentAdded", "the comments' snapshot").await;
    assert_eq!(start["__typename"], "CommentsSnapshot");
    ben.client.command("addComment", json!({ "postId": id, "text": "Live." }), "").await;
    let added = socket.event("commentAdded", "the comment").await;
    assert_eq!(added["comment"], json!({ "text": "Live.", "author": { "fullName": "Ben Test" } }));

    follow_to_its_end(&process.graphql(), &ada.client, &payload["receipt"]["commandId"]).await;
    process.stop().await;
}

/// A command is told to who sent it: nobody else hears of it.
async fn follow_to_its_end(url: &str, sender: &Client, command_id: &Value) {
    let mut socket = Socket::open(url, sender.access_token.as_deref()).await;
    let progress = "subscription($id: ID!) { commandProgress(id: $id) { id state } }";
    socket.subscribe("progress", progress, json!({ "id": command_id })).await;
    loop {
        let status = socket.event("commandProgress", "the command's next state").await;
        assert_eq!(status["id"], *command_id);
        if status["state"] == "VISIBLE" {
            break;
        }
    }
    match socket.receive("the end of the progress").await {
        Received::Message(message) => assert_eq!(message["type"], "complete", "{message:#}"),
        other => panic!("no end but {other:?}"),
    }
}
