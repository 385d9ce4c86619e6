//! Several mutations in one request: each shows what it has made of an object.

use crate::harness::stage::Stage;
use crate::moderation::{REASON, Scene};
use serde_json::json;

const BOTH: &str = "mutation($hide: HidePostInput!, $show: UnhidePostInput!) {
    hide: hidePost(input: $hide) { errors { __typename } post { status hidden } }
    show: unhidePost(input: $show) { errors { __typename } post { status hidden } }
}";
const TWO_COMMENTS: &str = "mutation($first: AddCommentInput!, $second: AddCommentInput!) {
    first: addComment(input: $first) { errors { __typename } post { commentCount } }
    second: addComment(input: $second) { errors { __typename } post { commentCount } }
}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_mutation_of_a_request_shows_what_it_has_made_of_an_object() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let scene = Scene::begin(&stage, &client).await;
    let (post, staff) = (&scene.post, &scene.staff.client);
    let variables = json!({ "hide": { "postId": post, "reason": REASON }, "show": { "postId": post } });
    let data = staff.ask(BOTH, variables).await;
    assert_eq!(data["hide"]["post"], json!({ "status": "HIDDEN", "hidden": true }), "{data:#}");
    assert_eq!(data["show"]["post"], json!({ "status": "PUBLISHED", "hidden": false }), "{data:#}");
    let comment = |text: &str| json!({ "postId": post, "text": text });
    let variables = json!({ "first": comment("One."), "second": comment("Two.") });
    let data = scene.ben.client.ask(TWO_COMMENTS, variables).await;
    let counts = ["first", "second"].map(|name| data[name]["post"]["commentCount"].clone());
    assert_eq!(counts, [json!(1), json!(2)], "{data:#}");
    process.stop().await;
}
