//! A post that staff hide and show again, and whoever listens to its comments meanwhile.

use crate::checker::settled;
use crate::harness::client::{Client, id_of, token};
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use crate::moderation::{REASON, Scene};
use serde_json::{Value, json};

const WATCH: &str = "subscription($id: ID!, $after: String) { event: commentAdded(postId: $id, after: $after) {
    __typename ... on LiveEvent { cursor commandId }
    ... on CommentAdded { comment { id } } ... on CommentsSnapshot { post { id } comments { id } }
} }";

async fn watch(client: &Client, post: &str, after: Option<&Value>) -> Socket {
    let mut socket = Socket::open(&client.url, client.access_token.as_deref()).await;
    socket.subscribe("1", WATCH, json!({ "id": post, "after": after })).await;
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_comment_from_just_before_a_post_was_hidden_is_told_when_it_is_shown_again() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let scene = Scene::begin(&stage, &client).await;
    let (ada, ben, staff, post) = (&scene.ada.client, &scene.ben.client, &scene.staff.client, &scene.post);
    // Who watches while the post is still on its way to everybody is told of its coming too.
    settled(&stage).await;
    let begun = watch(ben, post, None).await.event("event", "the snapshot").await;
    assert_eq!((&begun["__typename"], &begun["comments"]), (&json!("CommentsSnapshot"), &json!([])));
    let mut adas = watch(ada, post, None).await;
    adas.event("event", "the snapshot").await;

    let comment = id_of(&ada.command("addComment", json!({ "postId": post, "text": "Quite so." }), "").await);
    let hidden = staff.command("hidePost", json!({ "postId": post, "reason": REASON }), "").await;
    let header = token(&hidden);
    let seen = ben
        .ask_with(
            "query($id: ID!) { post(id: $id) { id } }",
            json!({ "id": post }),
            &[("millrace-consistency", &header)],
        )
        .await;
    assert_eq!(seen["post"], Value::Null);
    let mut bens = watch(ben, post, Some(&begun["cursor"])).await;
    let gone = bens.event("event", "that the post went").await;
    assert_eq!((&gone["__typename"], &gone["commandId"]), (&json!("PostDeleted"), &hidden["receipt"]["commandId"]));

    let shown = staff.command("unhidePost", json!({ "postId": post }), "").await;
    let back = bens.event("event", "that the post came back").await;
    assert_eq!(
        (&back["__typename"], &back["commandId"]),
        (&json!("CommentsSnapshot"), &shown["receipt"]["commandId"]),
        "{back:#}"
    );
    assert_eq!((&back["post"]["id"], &back["comments"][0]["id"]), (&json!(post), &json!(comment)), "{back:#}");

    let later = ben.command("addComment", json!({ "postId": post, "text": "Indeed." }), "").await;
    for socket in [&mut bens, &mut adas] {
        let told = loop {
            let told = socket.event("event", "the next comment").await;
            if told["commandId"] == later["receipt"]["commandId"] {
                break told;
            }
            assert_eq!(
                told["comment"]["id"],
                json!(comment),
                "who saw the post all along is told its comments once: {told:#}"
            );
        };
        assert_eq!(told["__typename"], "CommentAdded", "{told:#}");
    }
    process.stop().await;
}
