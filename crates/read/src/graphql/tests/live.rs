//! Subscriptions over what is folded meanwhile.

use super::stage::{Stage, viewer};
use crate::models::tests::{Log, id};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, poll};
use millrace_events::{CommentId, PostId, UserId, Viewer};
use serde_json::{Value, json};
use std::task::Poll;
use std::time::Duration;
use tokio::time::timeout;

pub const ADA: UserId = UserId(id(1));
pub const BEN: UserId = UserId(id(2));
const POST: PostId = PostId(id(9));
const SAID: CommentId = CommentId(id(100));
const PATIENCE: Duration = Duration::from_secs(20);

fn begin(log: &mut Log) {
    log.sign_up(ADA, "Ada").sign_up(BEN, "Ben").post(POST, ADA, true);
}

async fn next(events: &mut BoxStream<'static, Value>) -> Option<Value> {
    let response = timeout(PATIENCE, events.next()).await.unwrap()?;
    assert!(response.get("errors").is_none(), "{response:#}");
    response["data"].as_object().unwrap().values().next().cloned()
}

/// The next event.
pub async fn event(events: &mut BoxStream<'static, Value>) -> Value {
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
async fn who_comes_before_the_feeds_have_looked_waits_for_them() {
    let stage = Stage::just_started(PATIENCE).await;
    stage.fold(begin).await;
    let mut events = stage.subscribe(&Viewer::Anonymous, &post_changed(&Value::Null));
    assert_eq!(poll!(events.next()), Poll::Pending);
    stage.follow();
    assert_eq!(event(&mut events).await["__typename"], "PostSnapshot");
}

#[tokio::test]
async fn where_nothing_is_followed_that_is_said_in_time() {
    let stage = Stage::just_started(Duration::from_millis(10)).await;
    let mut events = stage.subscribe(&Viewer::Anonymous, &post_changed(&Value::Null));
    let refused = timeout(PATIENCE, events.next()).await.unwrap().unwrap();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAVAILABLE");
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

fn comment_added() -> String {
    format!(
        "subscription {{ commentAdded(postId: \"{}\") {{ __typename ... on CommentsSnapshot {{ comments {{ text }} }}
            ... on CommentAdded {{ commentId comment {{ text }} }} ... on PostDeleted {{ postId }} }} }}",
        POST.to_global()
    )
}

#[tokio::test]
async fn a_comment_that_staff_hide_is_told_again_when_it_comes_back_and_nothing_of_it_before() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    stage.fold(|log| nothing(log.comment(SAID, POST, BEN, "First"))).await;
    let mut events = stage.subscribe(&viewer(ADA), &comment_added());
    assert_eq!(event(&mut events).await["comments"], json!([{ "text": "First" }]));
    let (staff, other) = (UserId(id(3)), CommentId(id(101)));
    stage.fold(|log| nothing(log.sign_up(staff, "Eve").hide_comment(SAID, POST, BEN, staff))).await;
    stage.fold(|log| nothing(log.edit_comment(SAID, POST, BEN, "Milder").comment(other, POST, BEN, "Second"))).await;
    assert_eq!(event(&mut events).await["comment"]["text"], "Second", "nothing of the hidden one");
    stage.fold(|log| nothing(log.unhide_comment(SAID, POST, BEN))).await;
    let shown = event(&mut events).await;
    assert_eq!((&shown["commentId"], &shown["comment"]["text"]), (&json!(SAID.to_global()), &json!("Milder")));
}

#[tokio::test]
async fn comments_come_once_each_and_none_of_a_hidden_post() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    stage.fold(|log| nothing(log.comment(SAID, POST, BEN, "First"))).await;
    let mut events = stage.subscribe(&viewer(BEN), &comment_added());
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
    let mut back = event(&mut events).await;
    if back["commentId"] == json!(secret.to_global()) {
        // Read after the publishing that came with the same fold: then it is public anyway.
        back = event(&mut events).await;
    }
    assert_eq!(back["__typename"], "CommentsSnapshot", "the post came back into sight: {back}");
    let told = event(&mut events).await;
    assert_eq!(told["comment"]["text"], "Third", "{told}");
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

/// Takes events up to the change at this position; answers it. None comes twice or before its turn.
async fn event_at(events: &mut BoxStream<'static, Value>, position: u64) -> Value {
    let found = event(events).await;
    assert_eq!(found["position"], json!(position.to_string()), "{found:#}");
    found
}

#[tokio::test]
async fn an_event_is_made_once_for_all_who_listen() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let query = post_changed(&Value::Null);
    let subscribe = |who: &Viewer| stage.subscribe(who, &query);
    let mut all: Vec<_> =
        (0..20).map(|n| subscribe(&if n % 2 == 0 { Viewer::Anonymous } else { viewer(BEN) })).collect();
    for events in &mut all {
        assert_eq!(event(events).await["__typename"], "PostSnapshot");
    }
    assert_eq!(stage.executions(), 20, "a snapshot is each one's own");
    for change in 1..=3_usize {
        stage
            .fold(|log| nothing(log.comment(CommentId(id(100 + u8::try_from(change).unwrap())), POST, BEN, "x")))
            .await;
        let mut told = vec![];
        for events in &mut all {
            told.push(event_at(events, 3 + change as u64).await);
        }
        assert!(told.iter().all(|event| *event == told[0]), "{told:#?}");
        assert_eq!(stage.executions(), 20 + change);
    }
}

#[tokio::test]
async fn what_depends_on_the_viewer_is_made_for_each_viewer() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let query = post_changed(&Value::Null).replace("title likeCount author", "viewerHasLiked likeCount author");
    let viewers = [Viewer::Anonymous, viewer(ADA), viewer(BEN), viewer(BEN), Viewer::Anonymous];
    let mut all: Vec<_> = viewers.iter().map(|viewer| stage.subscribe(viewer, &query)).collect();
    for events in &mut all {
        event(events).await;
    }
    let before = stage.executions();
    for (fold, like) in [(1, true), (2, false), (3, true)] {
        stage.fold(|log| nothing(if like { log.like(POST, BEN) } else { log.unlike(POST, BEN) })).await;
        let mut liked = vec![];
        for events in &mut all {
            liked.push(event(events).await["post"]["viewerHasLiked"].clone());
        }
        assert_eq!(liked, [false, false, like, like, false].map(Value::from), "{fold}");
    }
    let made = stage.executions() - before;
    assert!((9..=11).contains(&made), "once for each of three audiences; twice at most when it first shows: {made}");
}

#[tokio::test]
async fn who_goes_on_after_a_cursor_takes_what_others_had_made() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let mut steady = [
        stage.subscribe(&Viewer::Anonymous, &post_changed(&Value::Null)),
        stage.subscribe(&Viewer::Anonymous, &post_changed(&Value::Null)),
    ];
    let mut cursor = Value::Null;
    for events in &mut steady {
        cursor = event(events).await["cursor"].clone();
    }
    for n in 0..5 {
        stage.fold(|log| nothing(log.comment(CommentId(id(100 + n)), POST, BEN, "x"))).await;
        for events in &mut steady {
            event_at(events, 4 + u64::from(n)).await;
        }
    }
    let before = stage.executions();
    let mut resumed = stage.subscribe(&Viewer::Anonymous, &post_changed(&cursor));
    for position in 4..9 {
        event_at(&mut resumed, position).await;
    }
    stage.fold(|log| nothing(log.like(POST, BEN))).await;
    for events in steady.iter_mut().chain([&mut resumed]) {
        assert_eq!(event_at(events, 9).await["post"]["likeCount"], 1);
    }
    assert_eq!(stage.executions() - before, 1);
}

/// What was made while the words stood there is made again once they are gone: because their author is erased, or because they were
/// deleted.
#[tokio::test]
async fn who_goes_on_after_a_cursor_is_not_shown_what_was_taken_away_since() {
    let erased = |log: &mut Log| nothing(log.erase(BEN));
    let deleted = |log: &mut Log| nothing(log.delete_comment(SAID, POST, BEN));
    for take_away in [erased as fn(&mut Log), deleted] {
        let stage = Stage::new().await;
        stage.fold(begin).await;
        let query =
            |after: &Value| post_changed(after).replace("title likeCount author", "comments { nodes { text } } author");
        let mut steady = [(); 2].map(|()| stage.subscribe(&Viewer::Anonymous, &query(&Value::Null)));
        let mut cursor = Value::Null;
        for events in &mut steady {
            cursor = event(events).await["cursor"].clone();
        }
        stage.fold(|log| nothing(log.comment(SAID, POST, BEN, "Words of Ben"))).await;
        for events in &mut steady {
            assert_eq!(event_at(events, 4).await["post"]["comments"]["nodes"][0]["text"], "Words of Ben");
        }
        stage.fold(take_away).await;
        for events in &mut steady {
            event_at(events, 5).await;
        }
        let mut resumed = stage.subscribe(&Viewer::Anonymous, &query(&cursor));
        let told = event_at(&mut resumed, 4).await;
        assert!(!told.to_string().contains("Words of Ben"), "{told:#}");
    }
}

#[tokio::test]
async fn a_token_that_is_not_reached_costs_only_who_brought_it() {
    let stage = Stage::new().await;
    stage.fold(begin).await;
    let mut plain = stage.subscribe(&Viewer::Anonymous, &post_changed(&Value::Null));
    let cursor = event(&mut plain).await["cursor"].clone();
    let mut early = stage.subscribe_with(&Viewer::Anonymous, &post_changed(&cursor), Some(stage.token(1_000)));
    stage.fold(|log| nothing(log.like(POST, BEN))).await;
    let refused = timeout(PATIENCE, early.next()).await.unwrap().unwrap();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "CONSISTENCY_TIMEOUT", "{refused:#}");
    assert!(early.next().await.is_none());
    assert_eq!(event(&mut plain).await["post"]["likeCount"], 1);
}

fn nothing(_: &mut Log) {}
