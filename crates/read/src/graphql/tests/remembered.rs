//! Answers that are kept, and what becomes of them.

use super::live::{ADA, BEN};
use super::stage::{HISTORY, Stage, viewer};
use crate::graphql::{Answers, Question, RequestContext};
use crate::models::tests::{Log, id};
use crate::reader::OnTimeout;
use millrace_events::{ConsistencyToken, OrderId, Position, PostId, Viewer};
use std::sync::Arc;
use uuid::Uuid;

const POST: PostId = PostId(id(9));
const ROOM: usize = 1 << 20;

fn query() -> String {
    format!("{{ post(id: \"{}\") {{ title viewerHasLiked }} }}", POST.to_global())
}

async fn ask(stage: &Stage, answers: &Answers, viewer: &Viewer) -> (String, bool) {
    ask_for(stage, answers, viewer, &query()).await
}

/// Asks as the public endpoint does: the answer that is kept, or else one that is executed, and kept. True if it was kept.
async fn ask_for(stage: &Stage, answers: &Answers, viewer: &Viewer, query: &str) -> (String, bool) {
    let question = Question::from(query.as_bytes());
    let owed = || Some(ConsistencyToken::of_command(HISTORY, Position::START));
    let fresh: Arc<RequestContext> = stage.context(viewer, owed());
    if let Some(remembered) = answers.recall(&question, &fresh).await {
        return (remembered.data.to_string(), true);
    }
    let (response, context) = stage.respond(viewer, query, owed(), OnTimeout::Error).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = serde_json::to_string(&response.data).unwrap();
    answers.remember(question, &data, &context);
    (data, false)
}

fn begin(log: &mut Log) {
    log.sign_up(ADA, "Ada").sign_up(BEN, "Ben");
}

fn nothing(_: &mut Log) {}

/// There is no post, so nobody asked who the viewer is: the answer is everybody's, until there is one.
#[tokio::test]
async fn an_answer_of_everybodys_that_is_outdated_does_not_stand_in_the_way_of_ones_own() {
    let (stage, answers) = (Stage::new().await, Answers::new(ROOM));
    stage.fold(begin).await;
    assert_eq!(ask(&stage, &answers, &Viewer::Anonymous).await.0, "{\"post\":null}");
    assert!(ask(&stage, &answers, &viewer(BEN)).await.1, "nothing is everybody's");
    stage.fold(|log| nothing(log.post(POST, ADA, true))).await;
    let made = ask(&stage, &answers, &viewer(BEN)).await;
    assert!(made.0.contains("Title") && !made.1, "{made:?}");
    assert_eq!(ask(&stage, &answers, &viewer(BEN)).await, (made.0, true));
}

#[tokio::test]
async fn what_is_forgotten_is_made_again_and_what_is_too_long_is_not_kept() {
    let (stage, answers) = (Stage::new().await, Answers::new(ROOM));
    stage.fold(|log| nothing(log.sign_up(ADA, "Ada").post(POST, ADA, true))).await;
    ask(&stage, &answers, &viewer(BEN)).await;
    assert!(ask(&stage, &answers, &viewer(BEN)).await.1);
    answers.forget();
    assert!(!ask(&stage, &answers, &viewer(BEN)).await.1);

    let (_, context) = stage.respond(&viewer(BEN), &query(), None, OnTimeout::Error).await;
    let long = Question::from(&b"of a long answer"[..]);
    answers.remember(Arc::clone(&long), &"x".repeat(300 * 1024), &context);
    assert!(answers.recall(&long, &context).await.is_none());
    assert!(answers.keeps(1_000) && !answers.keeps(100_000) && !Answers::new(0).keeps(1_000));
}

/// The newest orders stand in one document, however many there are; a list of the collection would be made each time.
#[tokio::test]
async fn the_first_page_of_ones_orders_is_kept_until_there_is_another_order() {
    const PAGE: &str = "{ viewer { orders { totalCount nodes { id } pageInfo { hasNextPage } } } }";
    let (stage, answers) = (Stage::new().await, Answers::new(ROOM));
    let order = |n| OrderId(Uuid::from_u128(id(100).as_u128() + n));
    stage.fold(|log| (0..25).for_each(|n| nothing(log.place_order(order(n), ADA, 2)))).await;
    let ada = viewer(ADA);
    let ask = || ask_for(&stage, &answers, &ada, PAGE);
    let (first, was_kept) = ask().await;
    assert!(!was_kept && first.contains("\"totalCount\":25") && first.contains("\"hasNextPage\":true"), "{first}");
    assert_eq!(ask().await, (first, true));
    assert!(!ask_for(&stage, &answers, &viewer(BEN), PAGE).await.1, "what is Ada's is nobody else's");
    stage.fold(|log| nothing(log.place_order(order(25), ADA, 2))).await;
    let (next, was_kept) = ask().await;
    assert!(!was_kept && next.contains("\"totalCount\":26"), "{next}");
}
