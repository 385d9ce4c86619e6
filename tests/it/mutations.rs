//! Each mutation shows in its queries: at once to who brings its token, within a second to everybody.

use crate::harness::client::{Client, PASSWORD, Person, token};
use crate::harness::eventually;
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SHOWS_WITHIN: Duration = Duration::from_secs(1);
/// So often it may be tried: a busy machine is late once, and not each time.
const TRIES_MAX: usize = 5;
const POST: &str = "query($id: ID!) { post(id: $id) {
    id title body tags status commentCount likeCount viewerHasLiked
    author { id firstName lastName fullName }
    comments(first: 20) { nodes { id text author { id fullName } } }
} }";

async fn post(client: &Client, id: &str, token: &str) -> Value {
    client.ask_with(POST, json!({ "id": id }), &[("millrace-consistency", token)]).await["post"].clone()
}

async fn write_post(author: &Person, title: &str) -> String {
    let input = json!({ "title": title, "body": "Words.", "tags": ["water"] });
    let payload = author.client.command("createPost", input, "post { id title status author { fullName } }").await;
    assert_eq!(payload["post"]["title"], title, "the payload shows the post: {payload:#}");
    payload["post"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn accounts_and_sessions() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;

    let viewer = ada.client.ask("{ viewer { user { id fullName email } } }", json!({})).await;
    assert_eq!(viewer["viewer"]["user"], json!({ "id": ada.id, "fullName": "Ada Test", "email": ada.email }));
    let public = client.ask("query($id: ID!) { user(id: $id) { fullName email } }", json!({ "id": ada.id })).await;
    assert_eq!(public["user"], json!({ "fullName": "Ada Test", "email": null }), "an address is not for everybody");

    let taken = json!({ "firstName": "Eve", "lastName": "X", "email": ada.email.to_uppercase(), "password": PASSWORD });
    let rejected = client.try_command("signUp", taken, "user { id }").await;
    assert_eq!(rejected["errors"][0]["__typename"], "EmailTaken", "{rejected:#}");

    let credentials = json!({ "email": ada.email, "password": PASSWORD });
    let payload = client.command("signIn", credentials, "session { accessToken refreshToken }").await;
    let mut second = client.clone();
    second.access_token = payload["session"]["accessToken"].as_str().map(str::to_owned);
    let wrong = json!({ "email": ada.email, "password": "not the password" });
    let rejected = client.try_command("signIn", wrong, "user { id }").await;
    assert_eq!(rejected["errors"][0]["__typename"], "InvalidCredentials", "{rejected:#}");

    let renewed = json!({ "refreshToken": ada.refresh_token });
    let payload = client.command("refreshSession", renewed, "session { accessToken }").await;
    assert!(payload["session"]["accessToken"].is_string());

    second.command("signOut", json!({}), "").await;
    eventually("a signed-out token is refused by queries", || async {
        let answer = second.send("{ viewer { user { id } } }", json!({}), &[]).await.expect("an answer");
        (answer.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED").then_some(())
    })
    .await;
    ada.client.ask("{ viewer { user { id } } }", json!({})).await;
    process.stop().await;
}

#[tokio::test]
async fn a_profile_change_reaches_posts_and_comments() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let post_id = write_post(&ada, "Names").await;
    let comment = json!({ "postId": post_id, "text": "Mine." });
    ben.client.command("addComment", comment, "comment { id }").await;

    let profile = json!({ "firstName": "Benedikt", "bio": "Mills." });
    let payload = ben.client.command("updateProfile", profile, "user { fullName bio }").await;
    assert_eq!(payload["user"], json!({ "fullName": "Benedikt Test", "bio": "Mills." }));
    eventually("the new name stands on the comment", || async {
        let post = post(&client, &post_id, &token(&payload)).await;
        (post["comments"]["nodes"][0]["author"]["fullName"] == "Benedikt Test").then_some(())
    })
    .await;
    process.stop().await;
}

#[tokio::test]
async fn a_post_from_draft_to_deletion() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let draft = json!({ "title": "Draft", "body": "Words.", "tags": ["Water", "wood"], "publish": false });
    let payload = ada.client.command("createPost", draft, "post { id status }").await;
    assert_eq!(payload["post"]["status"], "DRAFT");
    let id = payload["post"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(post(&ben.client, &id, &token(&payload)).await, Value::Null, "a draft looks as if it did not exist");
    assert_eq!(post(&ada.client, &id, &token(&payload)).await["tags"], json!(["water", "wood"]));

    let input = json!({ "postId": id });
    let published = ada.client.command("publishPost", input.clone(), "post { status }").await;
    assert_eq!(post(&ben.client, &id, &token(&published)).await["title"], "Draft");
    let edit = json!({ "postId": id, "title": "Done" });
    let edited = ada.client.command("editPost", edit, "post { title body }").await;
    assert_eq!(edited["post"], json!({ "title": "Done", "body": "Words." }));
    assert_eq!(post(&ben.client, &id, &token(&edited)).await["title"], "Done");

    let foreign = ben.client.try_command("editPost", json!({ "postId": id, "title": "Ben's" }), "post { id }").await;
    assert_eq!(foreign["errors"][0]["__typename"], "NotAllowed", "{foreign:#}");
    let stale = json!({ "postId": id, "title": "Late", "expectedVersion": 1 });
    let conflict = ada.client.try_command("editPost", stale, "post { id }").await;
    assert_eq!(conflict["errors"][0]["__typename"], "VersionConflict", "{conflict:#}");

    let hidden = ada.client.command("unpublishPost", input.clone(), "post { status }").await;
    assert_eq!(post(&ben.client, &id, &token(&hidden)).await, Value::Null);
    let deleted = ada.client.command("deletePost", input, "deletedPostId").await;
    assert_eq!(deleted["deletedPostId"], json!(id));
    assert_eq!(post(&ada.client, &id, &token(&deleted)).await, Value::Null);
    process.stop().await;
}

#[tokio::test]
async fn comments_likes_and_follows() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let id = write_post(&ada, "Talk").await;

    let input = json!({ "postId": id, "text": "First." });
    let added =
        ben.client.command("addComment", input, "comment { id text author { fullName } } post { commentCount }").await;
    assert_eq!(added["post"]["commentCount"], 1);
    assert_eq!(added["comment"]["author"]["fullName"], "Ben Test");
    let comment_id = added["comment"]["id"].clone();
    let edit = json!({ "commentId": comment_id, "text": "Second thoughts." });
    let edited = ben.client.command("editComment", edit, "comment { text }").await;
    let shown = post(&client, &id, &token(&edited)).await;
    assert_eq!(shown["comments"]["nodes"][0]["text"], "Second thoughts.");

    let like = json!({ "postId": id });
    let liked = ben.client.command("likePost", like.clone(), "post { likeCount viewerHasLiked }").await;
    assert_eq!(liked["post"], json!({ "likeCount": 1, "viewerHasLiked": true }));
    let again = ben.client.command("likePost", like.clone(), "post { likeCount }").await;
    assert_eq!(again["post"]["likeCount"], 1, "liking twice changes nothing");
    let unliked = ben.client.command("unlikePost", like, "post { likeCount viewerHasLiked }").await;
    assert_eq!(unliked["post"], json!({ "likeCount": 0, "viewerHasLiked": false }));

    let deleted = ben.client.command("deleteComment", json!({ "commentId": comment_id }), "deletedCommentId").await;
    assert_eq!(deleted["deletedCommentId"], comment_id);
    let shown = post(&client, &id, &token(&deleted)).await;
    assert_eq!((&shown["commentCount"], &shown["comments"]["nodes"]), (&json!(0), &json!([])));

    let follow = json!({ "userId": ada.id });
    let followed = ben.client.command("followUser", follow.clone(), "user { followerCount viewerFollows }").await;
    assert_eq!(followed["user"], json!({ "followerCount": 1, "viewerFollows": true }));
    let header = token(&followed);
    let feed = "{ feed(first: 5) { nodes { id } } }";
    let shown = ben.client.ask_with(feed, json!({}), &[("millrace-consistency", &header)]).await;
    assert_eq!(shown["feed"]["nodes"], json!([{ "id": id }]));
    let unfollowed = ben.client.command("unfollowUser", follow, "user { followerCount viewerFollows }").await;
    assert_eq!(unfollowed["user"], json!({ "followerCount": 0, "viewerFollows": false }));
    let header = token(&unfollowed);
    let shown = ben.client.ask_with(feed, json!({}), &[("millrace-consistency", &header)]).await;
    assert_eq!(shown["feed"]["nodes"], json!([]));
    process.stop().await;
}

#[tokio::test]
async fn lists_page_filter_and_search() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    for n in 0..5 {
        write_post(&ada, &format!("Post {n} heron")).await;
    }
    let page = "query($after: String) { posts(first: 2, after: $after) { nodes { title } pageInfo { hasNextPage endCursor } } }";
    let (mut titles, mut after) = (Vec::new(), Value::Null);
    loop {
        let posts = ada.client.ask(page, json!({ "after": after })).await["posts"].clone();
        titles.extend(posts["nodes"].as_array().expect("nodes").iter().map(|node| node["title"].clone()));
        after = posts["pageInfo"]["endCursor"].clone();
        if posts["pageInfo"]["hasNextPage"] == json!(false) {
            break;
        }
    }
    let newest_first: Vec<Value> = (0..5).rev().map(|n| json!(format!("Post {n} heron"))).collect();
    assert_eq!(titles, newest_first);

    let count = |data: Value| data["posts"]["nodes"].as_array().map(Vec::len);
    let by_tag = client.ask(r#"{ posts(tag: "water") { nodes { id } } }"#, json!({})).await;
    let by_author =
        client.ask("query($id: ID!) { posts(authorId: $id) { nodes { id } } }", json!({ "id": ada.id })).await;
    let by_text = client.ask(r#"{ posts(search: "heron") { nodes { id } } }"#, json!({})).await;
    assert_eq!([count(by_tag), count(by_author), count(by_text)], [Some(5); 3]);
    let people = client.ask(r#"{ users(search: "Ada") { nodes { id } } }"#, json!({})).await;
    assert_eq!(people["users"]["nodes"], json!([{ "id": ada.id }]));
    let node = client.ask("query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": ada.id })).await;
    assert_eq!(node["node"], json!({ "__typename": "User", "id": ada.id }));
    process.stop().await;
}

#[tokio::test]
async fn without_a_token_it_shows_within_a_second() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let mut late = Vec::new();
    loop {
        let shown_after = shown_after(&ada, &client, &format!("Quick {}", late.len())).await;
        if shown_after < SHOWS_WITHIN {
            break;
        }
        late.push(shown_after);
        assert!(late.len() < TRIES_MAX, "{late:?}");
    }
    process.stop().await;
}

/// How long it takes until a new post is in the list of somebody who has no token.
async fn shown_after(author: &Person, reader: &Client, title: &str) -> Duration {
    let payload = author.client.command("createPost", json!({ "title": title, "body": "Words." }), "").await;
    let committed = Instant::now();
    assert_eq!(payload["receipt"]["accepted"], true);
    eventually("the post is in the list", || async {
        let posts = reader.ask("{ posts(first: 1) { nodes { title } } }", json!({})).await;
        (posts["posts"]["nodes"] == json!([{ "title": title }])).then_some(())
    })
    .await;
    committed.elapsed()
}
