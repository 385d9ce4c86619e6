//! Words that would be commands elsewhere: in texts, ids, searches and fields that do not exist.

use super::refused;
use crate::harness::client::{Client, mutation};
use crate::harness::stage::Stage;
use serde_json::{Value, json};

async fn codes(client: &Client, query: &str, variables: Value) -> Vec<String> {
    let answer = client.send(query, variables, &[]).await.expect("an answer").body;
    let errors = answer["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["extensions"]["code"].as_str().expect("a code").to_owned()).collect()
}

#[tokio::test]
async fn a_value_is_never_a_condition() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let search = "query($words: String) { users(search: $words) { nodes { id } } }";
    let conditions = [json!({ "$gt": "" }), json!({ "$where": "1" }), json!(["a"]), json!(1), json!(true)];
    for condition in conditions {
        let refused = refused(&client, search, json!({ "words": condition })).await;
        assert_eq!(refused, (400, "BAD_USER_INPUT".into()), "{condition}");
    }
    for words in
        ["(a+)+$", ".*", "*", "$where", "a.$where", "{\"$gt\":\"\"}", "\\", "[", "^A", "'; DROP TABLE users; --"]
    {
        let found = client.ask(search, json!({ "words": words })).await;
        assert_eq!(found["users"]["nodes"], json!([]), "{words}");
    }
    let sorted = "query($sort: ProductSort) { products(sort: $sort) { nodes { id } } }";
    for sort in [json!("id;drop"), json!("priceMinor"), json!({ "$natural": 1 })] {
        assert_eq!(refused(&client, sorted, json!({ "sort": sort })).await, (400, "BAD_USER_INPUT".into()), "{sort}");
    }
    assert_eq!(ada.client.ask("{ viewer { user { id } } }", json!({})).await["viewer"]["user"]["id"], ada.id);
    process.stop().await;
}

#[tokio::test]
async fn an_id_is_an_id_or_nothing() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let ids = [
        "*",
        ">",
        "a b",
        "a\r\nPING",
        "a:b",
        "millrace:*",
        "../..",
        "' OR 1=1",
        "\u{0}",
        "",
        &"A".repeat(10_000),
        &ada.id,
    ];
    for id in ids {
        let read = codes(&client, "query($id: ID!) { post(id: $id) { id } }", json!({ "id": id })).await;
        assert_eq!(read, ["BAD_USER_INPUT"], "{id:?}");
        let listened =
            codes(&client, "query($id: ID!) { posts(authorId: $id) { nodes { id } } }", json!({ "id": id })).await;
        assert!(id == ada.id || listened == ["BAD_USER_INPUT"], "{id:?}: {listened:?}");
    }
    for id in ["*", "a\r\nPING", ""] {
        let written = codes(&ada.client, &mutation("likePost", ""), json!({ "input": { "postId": id } })).await;
        assert_eq!(written, ["BAD_USER_INPUT"], "{id:?}");
    }
    process.stop().await;
}

#[tokio::test]
async fn a_field_that_is_not_in_the_input_is_not_taken() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let extra =
        [json!({ "role": "ADMIN" }), json!({ "roles": ["ADMIN"] }), json!({ "balance": 9 }), json!({ "id": "x" })];
    for extra in extra {
        let refused = codes(&ada.client, &mutation("updateProfile", ""), json!({ "input": extra })).await;
        assert_eq!(refused, ["BAD_USER_INPUT"], "{extra}");
    }
    assert_eq!(ada.client.ask("{ viewer { roles } }", json!({})).await["viewer"]["roles"], json!([]));
    process.stop().await;
}

#[tokio::test]
async fn texts_come_back_as_they_were_written() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await.client;
    let post = ada.command("createPost", json!({ "title": "A", "body": "B" }), "").await;
    let post_id = &post["receipt"]["aggregateId"];
    for text in ["<script>alert(1)</script>", "\u{1F600} \u{202E}right to left\u{202C}", "{{7*7}} ${x} %s", "\"'`\\"] {
        let payload = ada.command("addComment", json!({ "postId": post_id, "text": text }), "comment { text }").await;
        assert_eq!(payload["comment"]["text"], text);
    }
    for text in ["\u{0}", "a\u{0}b", "", " ", &"x".repeat(100_000)] {
        let payload = ada.try_command("addComment", json!({ "postId": post_id, "text": text }), "").await;
        assert_eq!(
            payload["errors"][0]["__typename"],
            "ValidationError",
            "{:?}: {payload:#}",
            &text[..text.len().min(9)]
        );
    }
    process.stop().await;
}

#[tokio::test]
async fn a_cursor_is_one_that_was_given_for_this_list() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await.client;
    ada.command("createPost", json!({ "title": "A", "body": "B" }), "post { id }").await;
    let list = "query($after: String) { posts(first: 1, after: $after) { pageInfo { endCursor } } }";
    let given = ada.ask(list, json!({})).await["posts"]["pageInfo"]["endCursor"].clone();
    let given = given.as_str().expect("a cursor");
    let (cut, longer) = (&given[..given.len() - 3], format!("{given}AAAA"));
    for cursor in ["junk", "", "$gt", cut, &longer, &"A".repeat(5_000)] {
        let query = "query($after: String) { products(first: 1, after: $after) { nodes { id } } }";
        assert_eq!(codes(&client, query, json!({ "after": cursor })).await, ["BAD_USER_INPUT"], "{cursor}");
    }
    assert_eq!(
        codes(&client, "query($a: String) { products(after: $a) { nodes { id } } }", json!({ "a": given })).await,
        ["BAD_USER_INPUT"]
    );
    process.stop().await;
}
