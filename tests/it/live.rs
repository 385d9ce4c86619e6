//! Subscriptions: a snapshot, then every change once and in order, also across a break.

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

fn event<'a>(payload: &'a Value, field: &str) -> &'a Value {
    assert!(payload.get("errors").is_none(), "{payload:#}");
    &payload["data"][field]
}

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
    let first = socket.next().await;
    assert_eq!(event(&first, "postChanged")["__typename"], "PostSnapshot");
    assert_eq!(event(&first, "postChanged")["post"]["title"], "One");

    ada.client.command("likePost", json!({ "postId": id }), "").await;
    let liked = socket.next().await;
    assert_eq!(event(&liked, "postChanged")["post"]["likeCount"], 1);
    let cursor = event(&liked, "postChanged")["cursor"].clone();
    drop(socket);

    ada.client.command("editPost", json!({ "postId": id, "title": "Two" }), "").await;
    ada.client.command("addComment", json!({ "postId": id, "text": "Three" }), "").await;
    let mut socket = Socket::open(&process.graphql(), None).await;
    socket.subscribe("1", POST_CHANGED, json!({ "id": id, "after": cursor })).await;
    let (edited, commented) = (socket.next().await, socket.next().await);
    assert_eq!(event(&edited, "postChanged")["__typename"], "PostChanged");
    let position =
        |payload: &Value| -> u64 { event(payload, "postChanged")["position"].as_str().unwrap().parse().unwrap() };
    assert!(position(&liked) < position(&edited) && position(&edited) < position(&commented));
    assert_eq!(event(&commented, "postChanged")["post"]["commentCount"], 1);

    ada.client.command("deletePost", json!({ "postId": id }), "").await;
    assert_eq!(event(&socket.next().await, "postChanged")["postId"], id);
    process.stop().await;
    loop {
        match socket.receive().await {
            Received::Closed(code) => break assert_eq!(code, 1001, "the server says that it goes away"),
            Received::Message(message) => assert_ne!(message["type"], "next", "{message:#}"),
            Received::Lost => panic!("the socket was cut"),
        }
    }
}

#[tokio::test]
#[ignore = "waits for ever: not yet understood whether for the feed, the comments or the progress"]
async fn comments_feed_and_progress_are_live() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    ben.client.command("followUser", json!({ "userId": ada.id }), "user { id }").await;
    let mut socket = Socket::open(&process.graphql(), ben.client.access_token.as_deref()).await;

    let feed = "subscription { feedChanged { __typename ... on LiveEvent { cursor } ... on FeedPostAdded { post { title } } } }";
    socket.subscribe("feed", feed, json!({})).await;
    let first = event(&socket.next().await, "feedChanged").clone();
    assert_eq!(first["__typename"], "FeedSnapshot");
    let input = json!({ "title": "News", "body": "Words." });
    let payload = ada.client.command("createPost", input, "post { id }").await;
    let news = event(&socket.next().await, "feedChanged").clone();
    assert_eq!(news["post"]["title"], "News", "{news:#}");

    let id = payload["post"]["id"].clone();
    let comments = "subscription($id: ID!) { commentAdded(postId: $id) { __typename ... on CommentAdded { comment { text author { fullName } } } } }";
    let mut second = Socket::open(&process.graphql(), None).await;
    second.subscribe("comments", comments, json!({ "id": id })).await;
    let start = event(&second.next().await, "commentAdded").clone();
    assert_eq!(start["__typename"], "CommentsSnapshot");
    ben.client.command("addComment", json!({ "postId": id, "text": "Live." }), "").await;
    let added = event(&second.next().await, "commentAdded").clone();
    assert_eq!(added["comment"], json!({ "text": "Live.", "author": { "fullName": "Ben Test" } }));

    let command_id = payload["receipt"]["commandId"].clone();
    let progress = "subscription($id: ID!) { commandProgress(id: $id) { id state } }";
    second.subscribe("progress", progress, json!({ "id": command_id })).await;
    loop {
        let Received::Message(message) = second.receive().await else { panic!("no progress") };
        if message["id"] == "progress" && message["payload"]["data"]["commandProgress"]["state"] == "VISIBLE" {
            break;
        }
    }
    process.stop().await;
}
