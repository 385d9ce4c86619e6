//! Reads need neither PostgreSQL nor NATS; with Redis away the answers are the same.

use crate::harness::client::Client;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

const EVERYTHING: &str = "query($post: ID!, $user: ID!) {
    post(id: $post) { id title body commentCount likeCount author { fullName followerCount } comments { nodes { text author { fullName } } } }
    user(id: $user) { fullName postCount followerCount posts { nodes { title } } }
    posts(first: 5) { nodes { title } }
    users(search: \"Ada\") { nodes { fullName } }
    viewer { user { email } }
    feed { nodes { title } }
}";

async fn fill(client: &Client) -> (Client, Value) {
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let post = json!({ "title": "Still here", "body": "Words.", "tags": ["water"] });
    let payload = ada.client.command("createPost", post, "post { id }").await;
    let id = payload["post"]["id"].clone();
    ben.client.command("addComment", json!({ "postId": id, "text": "Yes." }), "post { id }").await;
    ben.client.command("followUser", json!({ "userId": ada.id }), "user { id }").await;
    let last = ben.client.command("likePost", json!({ "postId": id }), "post { likeCount }").await;
    assert_eq!(last["post"]["likeCount"], 1);
    (ben.client, json!({ "post": id, "user": ada.id }))
}

#[tokio::test]
async fn the_query_role_answers_with_postgresql_and_nats_stopped() {
    let stage = Stage::with_own_servers().await;
    let (all, client) = stage.all().await;
    let (reader, variables) = fill(&client).await;
    let before = reader.ask(EVERYTHING, variables.clone()).await;
    all.stop().await;
    let servers = stage.servers.as_ref().expect("own servers");
    servers.postgresql().stop().await.expect("PostgreSQL stops");
    servers.nats().stop().await.expect("NATS stops");

    let nowhere =
        [("MILLRACE_POSTGRES__URL", ""), ("MILLRACE_NATS__URL", ""), ("MILLRACE_COMMAND__URL", "http://127.0.0.1:9")];
    let query = crate::harness::process::Process::serve("query", &stage.environment_with(&nowhere)).await;
    let moved = Client { url: query.graphql(), ..reader };
    assert_eq!(moved.ask(EVERYTHING, variables).await, before);
    let refused = moved
        .send(&crate::harness::client::mutation("signOut", ""), json!({ "input": {} }), &[])
        .await
        .expect("an answer");
    assert_eq!(refused.body["errors"][0]["extensions"]["code"], "UNAVAILABLE", "{:#}", refused.body);
    query.stop().await;
}

#[tokio::test]
async fn with_redis_off_all_answers_are_the_same() {
    let stage = Stage::with_own_servers().await;
    let (all, client) = stage.all().await;
    let (reader, variables) = fill(&client).await;
    let before = reader.ask(EVERYTHING, variables.clone()).await;
    let servers = stage.servers.as_ref().expect("own servers");
    servers.redis().stop().await.expect("Redis stops");
    assert_eq!(reader.ask(EVERYTHING, variables.clone()).await, before);

    let post = json!({ "title": "Without a cache", "body": "Words." });
    let payload = reader.command("createPost", post, "post { title }").await;
    assert_eq!(payload["post"]["title"], "Without a cache", "a command shows in its payload: {payload:#}");
    servers.redis().start().await.expect("Redis starts");
    assert_ne!(reader.ask(EVERYTHING, variables).await, before, "the new post is in the list");
    all.stop().await;
}
