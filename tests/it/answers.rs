//! An answer that is kept is given again only while it is the answer that execution would give, to those whose it is.

use crate::harness::client::{Client, token};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

const POST: &str = "query($id: ID!) { post(id: $id) { title likeCount author { fullName bio } comments(first: 3) { nodes { text } } } }";
const LIKED: &str = "query($id: ID!) { post(id: $id) { viewerHasLiked } }";
const NEWEST: &str = "{ posts(first: 3) { nodes { title } } }";

/// How many answers came about in this way.
async fn count(process: &Process, how: &str) -> u64 {
    let text = reqwest::get(format!("{}/metrics", process.operations())).await.expect("an answer").text().await;
    let head = format!("millrace_answers_total{{how=\"{how}\"}} ");
    text.expect("text").lines().find_map(|line| line.strip_prefix(&head)?.parse().ok()).unwrap_or(0)
}

async fn write_post(author: &Client, publish: bool) -> (String, String) {
    let input = json!({ "title": "A", "body": "B", "publish": publish });
    let payload = author.command("createPost", input, "").await;
    (payload["receipt"]["aggregateId"].as_str().expect("an id").to_owned(), token(&payload))
}

async fn ask(client: &Client, query: &str, id: &str, shown: &str) -> Value {
    client.ask_with(query, json!({ "id": id }), &[("millrace-consistency", shown)]).await["post"].clone()
}

#[tokio::test]
async fn an_answer_is_given_again_until_something_in_it_changes() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let (id, mut shown) = write_post(&ada.client, true).await;
    let first = ask(&client, POST, &id, &shown).await;
    let renewed = count(&all, "renewed").await;
    assert_eq!(ask(&client, POST, &id, &shown).await, first);
    assert_eq!(ask(&client, POST, &id, "").await, first);
    assert_eq!(count(&all, "renewed").await, renewed + 2);

    let changes: [(&str, Value, &str, Value); 4] = [
        ("likePost", json!({ "postId": id }), "/likeCount", json!(1)),
        ("addComment", json!({ "postId": id, "text": "Words" }), "/comments/nodes/0/text", json!("Words")),
        ("editPost", json!({ "postId": id, "title": "New" }), "/title", json!("New")),
        ("updateProfile", json!({ "bio": "Of another projection" }), "/author/bio", json!("Of another projection")),
    ];
    for (name, input, path, value) in changes {
        shown = token(&ada.client.command(name, input, "").await);
        let outdated = count(&all, "outdated").await;
        let answer = ask(&client, POST, &id, &shown).await;
        assert_eq!(answer.pointer(path), Some(&value), "{name}: {answer:#}");
        assert_eq!(count(&all, "outdated").await, outdated + 1, "{name}");
        assert_eq!(ask(&client, POST, &id, &shown).await, answer);
    }
    shown = token(&ada.client.command("deletePost", json!({ "postId": id }), "").await);
    assert_eq!(ask(&client, POST, &id, &shown).await, Value::Null);
    all.stop().await;
}

#[tokio::test]
async fn an_answer_that_asked_who_the_viewer_is_is_that_viewers_alone() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let (id, _) = write_post(&ada.client, true).await;
    let shown = token(&ada.client.command("likePost", json!({ "postId": id }), "").await);
    let (draft, drafted) = write_post(&ada.client, false).await;
    let renewed = count(&all, "renewed").await;
    for _ in 0..2 {
        assert_eq!(ask(&ada.client, LIKED, &id, &shown).await, json!({ "viewerHasLiked": true }));
        assert_eq!(ask(&ben.client, LIKED, &id, &shown).await, json!({ "viewerHasLiked": false }));
        assert_eq!(ask(&client, LIKED, &id, &shown).await, json!({ "viewerHasLiked": false }));
        assert_eq!(ask(&ada.client, POST, &draft, &drafted).await["title"], "A");
        assert_eq!(ask(&ben.client, POST, &draft, &drafted).await, Value::Null);
        assert_eq!(ask(&client, POST, &draft, &drafted).await, Value::Null);
    }
    assert_eq!(count(&all, "renewed").await, renewed + 6, "each the second time");

    ada.client.command("signOut", json!({}), "").await;
    eventually("the kept answer is refused to a sign-in that has ended", || async {
        let answer = ada.client.send(LIKED, json!({ "id": id }), &[("millrace-consistency", &shown)]).await;
        (answer.ok()?.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED").then_some(())
    })
    .await;
    all.stop().await;
}

#[tokio::test]
async fn what_no_revision_stands_for_is_always_made() {
    let stage = Stage::new().await;
    let (all, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let (_, shown) = write_post(&ada.client, true).await;
    let (renewed, made) = (count(&all, "renewed").await, count(&all, "made").await);
    for _ in 0..2 {
        let list = client.ask_with(NEWEST, json!({}), &[("millrace-consistency", &shown)]).await;
        assert_eq!(list["posts"]["nodes"], json!([{ "title": "A" }]));
    }
    assert_eq!((count(&all, "renewed").await, count(&all, "made").await), (renewed, made + 2));
    all.stop().await;
}

#[tokio::test]
async fn without_room_every_query_is_executed() {
    let stage = Stage::new().await;
    let all = Process::serve("all", &stage.environment_with(&[("MILLRACE_HTTP__ANSWERS_BYTES_MAX", "0")])).await;
    let client = Client::new(&all.graphql());
    let ada = client.sign_up("Ada").await;
    let (id, shown) = write_post(&ada.client, true).await;
    for _ in 0..3 {
        assert_eq!(ask(&client, POST, &id, &shown).await["title"], "A");
    }
    assert_eq!(count(&all, "renewed").await, 0);
    all.stop().await;
}
