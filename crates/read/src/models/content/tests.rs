//! Given these events, then these documents.

use super::comment::Comment;
use super::hiding::Hiding;
use super::post::{Post, Status};
use super::relations::{following_key, like_key};
use super::window::{WINDOW_KEPT, WINDOW_SERVED};
use super::{Content, ContentDocument, author_topic, card, comment, comments_topic, following_topic, post, post_topic};
use crate::models::Registered;
use crate::models::tests::{Folded, Log, REASON, after_erasing, at, id};
use crate::projection::{Audience, Projection};
use millrace_events::{CommentId, PostId, Role, SessionId, UserId};
use std::collections::BTreeSet;

const ADA: UserId = UserId(id(1));
const BEN: UserId = UserId(id(2));
const STAFF: UserId = UserId(id(3));
const POST: PostId = PostId(id(9));
const OTHER: PostId = PostId(id(10));
const COMMENT: CommentId = CommentId(id(100));

fn log() -> Log {
    let mut log = Log::default();
    log.sign_up(ADA, "Ada").sign_up(BEN, "Ben").post(POST, ADA, true);
    log
}

fn given(write: impl FnOnce(&mut Log) -> &mut Log) -> Folded<Content> {
    let mut log = log();
    write(&mut log);
    Folded::of(&log.events)
}

fn page(folded: &Folded<Content>) -> Post {
    match folded.get(&post::key(POST)) {
        Some(ContentDocument::Post(post)) => (**post).clone(),
        other => panic!("{other:?}"),
    }
}

fn comment_document(folded: &Folded<Content>) -> Comment {
    match folded.get(&comment::key(COMMENT)) {
        Some(ContentDocument::Comment(comment)) => (**comment).clone(),
        other => panic!("{other:?}"),
    }
}

fn nth(n: usize) -> CommentId {
    CommentId(id(u8::try_from(100 + n).unwrap()))
}

fn say(log: &mut Log, count: usize) {
    for n in 0..count {
        log.comment(nth(n), POST, BEN, "Said.");
    }
}

#[test]
fn a_new_post_shows_its_author() {
    let page = page(&given(|log| log));
    assert_eq!((page.title.as_str(), page.body.as_str()), ("Title", "Title, at length"));
    assert_eq!((page.tags, page.status, page.version), (vec!["water".to_owned()], Status::Published, 1));
    assert_eq!((page.author.full_name.as_str(), page.author_id), ("Ada Test", ADA));
    assert_eq!((page.comment_count, page.like_count, page.created_at), (0, 0, at(3)));
}

#[test]
fn editing_changes_the_text_and_not_who_may_see_it() {
    let page = page(&given(|log| log.unpublish(POST, ADA).edit_post(POST, ADA, "New")));
    assert_eq!((page.title.as_str(), page.status, page.version), ("New", Status::Draft, 3));
    assert_eq!((page.tags, page.created_at, page.updated_at), (vec!["wood".to_owned()], at(3), at(5)));
}

#[test]
fn a_draft_is_its_authors_until_it_is_published() {
    let audience = |write: fn(&mut Log) -> &mut Log| {
        let folded = given(write);
        Content::audience(&post::key(POST), folded.get(&post::key(POST)).unwrap())
    };
    assert_eq!(audience(|log| log.unpublish(POST, ADA)), Audience::Person(ADA));
    assert_eq!(audience(|log| log.unpublish(POST, ADA).publish(POST, ADA)), Audience::Everyone);
}

#[test]
fn a_hidden_post_is_its_authors_and_tells_since_when_and_why() {
    let folded = given(|log| log.comment(COMMENT, POST, ADA, "Mine").hide_post(POST, ADA, true, BEN));
    let hidden = page(&folded).hidden.unwrap();
    assert_eq!((hidden.at, hidden.reason.as_deref(), hidden.reason_of), (at(5), Some(REASON), Some(BEN)));
    let page = page(&folded);
    assert_eq!((page.status, page.version, page.updated_at, page.comment_count), (Status::Hidden, 2, at(5), 1));
    assert_eq!(Content::audience(&post::key(POST), folded.get(&post::key(POST)).unwrap()), Audience::Person(ADA));
}

#[test]
fn a_post_that_is_shown_again_is_what_it_was_before() {
    for (published, status) in [(true, Status::Published), (false, Status::Draft)] {
        let folded = given(|log| {
            log.hide_post(POST, ADA, published, BEN).edit_post(POST, ADA, "New").unhide_post(POST, ADA, published)
        });
        let page = page(&folded);
        assert_eq!((page.status, page.hidden, page.version, page.title.as_str()), (status, None, 4, "New"));
    }
}

#[test]
fn a_hidden_comment_leaves_its_post_and_stays_alone() {
    let folded = given(|log| log.comment(COMMENT, POST, BEN, "Yes").hide_comment(COMMENT, POST, BEN, ADA));
    let (page, alone) = (page(&folded), comment_document(&folded));
    assert_eq!((page.comment_count, page.comments.len(), page.card_ids), (0, 0, BTreeSet::from([ADA])));
    assert_eq!((alone.text.as_str(), alone.post_id, alone.listed_on), ("Yes", POST, None));
    assert_eq!((alone.version, alone.updated_at, alone.hidden.unwrap().reason.as_deref()), (2, at(5), Some(REASON)));
    let document = folded.get(&comment::key(COMMENT)).unwrap();
    assert_eq!(Content::audience(&comment::key(COMMENT), document), Audience::Person(BEN));
}

#[test]
fn a_comment_that_is_shown_again_stands_in_its_old_place_as_it_is_now() {
    let folded = given(|log| {
        log.comment(COMMENT, POST, BEN, "Yes").comment(CommentId(id(101)), POST, ADA, "Later");
        log.hide_comment(COMMENT, POST, BEN, ADA).edit_comment(COMMENT, POST, BEN, "No");
        log.profile(BEN, "Benedikt", None, None).unhide_comment(COMMENT, POST, BEN)
    });
    let (page, alone) = (page(&folded), comment_document(&folded));
    let shown: Vec<_> = page.comments.iter().map(|comment| (comment.text.as_str(), comment.version)).collect();
    assert_eq!((page.comment_count, shown), (2, vec![("Later", 1), ("No", 4)]));
    assert_eq!((alone.hidden, alone.listed_on, alone.version, alone.updated_at), (None, Some(POST), 4, at(9)));
    assert_eq!((page.comments[1].author.first_name.as_str(), page.comments[1].updated_at), ("Benedikt", at(9)));
}

/// The rename has passed the post, in whose window nothing of Ben's stood, but not yet the comment.
#[test]
fn a_comment_that_is_shown_again_amid_a_rename_brings_no_old_card() {
    let mut log = log();
    log.comment(COMMENT, POST, BEN, "Yes").hide_comment(COMMENT, POST, BEN, ADA).profile(BEN, "Benedikt", None, None);
    let mut folded = Folded::<Content>::default();
    log.events.iter().for_each(|event| folded.event(event));
    folded.chunk(100);
    log.unhide_comment(COMMENT, POST, BEN);
    folded.event(log.last());
    assert_eq!(comment_document(&folded).author.first_name, "Ben");
    assert_eq!(page(&folded).comments[0].author.first_name, "Benedikt");
}

#[test]
fn a_hidden_comment_that_is_deleted_is_not_counted_out_twice() {
    let folded = given(|log| {
        log.comment(COMMENT, POST, BEN, "Yes").comment(CommentId(id(101)), POST, ADA, "Stays");
        log.hide_comment(COMMENT, POST, BEN, ADA).delete_hidden_comment(COMMENT, POST, BEN)
    });
    assert_eq!((page(&folded).comment_count, page(&folded).comments.len()), (1, 1));
    assert_eq!(folded.get(&comment::key(COMMENT)), None);
}

#[test]
fn hidden_comments_come_back_by_no_refill() {
    let mut log = log();
    say(&mut log, WINDOW_KEPT + 15);
    for n in (30..WINDOW_KEPT + 15).rev() {
        log.hide_comment(nth(n), POST, BEN, ADA);
    }
    let folded = Folded::<Content>::of(&log.events);
    let page = page(&folded);
    assert_eq!((page.comment_count, page.comments.len(), page.refill_since), (30, 30, None));
    assert_eq!((page.comments[0].id, page.comments[29].id), (nth(29), nth(0)));
}

#[test]
fn an_erased_moderators_reasons_go_and_what_they_hid_stays_hidden() {
    let mut log = log();
    log.sign_up(STAFF, "Eve").comment(COMMENT, POST, BEN, "Yes");
    log.hide_comment(COMMENT, POST, BEN, STAFF).hide_post(POST, ADA, true, STAFF).erase(STAFF);
    for events in [log.events.clone(), after_erasing(&log.events, STAFF)] {
        let folded = Folded::<Content>::of(&events);
        let (page, alone) = (page(&folded), comment_document(&folded));
        assert_eq!(page.hidden, Some(Hiding { at: at(7), reason: None, reason_of: None }));
        assert_eq!(alone.hidden, Some(Hiding { at: at(6), reason: None, reason_of: None }));
        assert_eq!((page.title.as_str(), alone.text.as_str()), ("Title", "Yes"));
    }
}

#[test]
fn a_deleted_post_takes_its_comments_and_likes_along() {
    let mut log = log();
    log.post(OTHER, BEN, true).comment(CommentId(id(200)), OTHER, BEN, "Stays").like(OTHER, ADA);
    say(&mut log, 7);
    log.like(POST, ADA).like(POST, BEN).delete_post(POST, ADA, true);
    let mut folded = Folded::<Content>::default();
    log.events.iter().for_each(|event| folded.event(event));
    assert_eq!(folded.get(&post::key(POST)), None, "the post itself is gone at once");
    assert_eq!(folded.open.len(), 2);
    folded.drain();
    let kinds: Vec<_> = folded.documents.keys().map(|key| key.kind().to_owned()).collect();
    assert_eq!(kinds, ["author", "author", "comment", "like", "post"]);
}

#[test]
fn what_comes_for_a_deleted_post_is_nothing() {
    let folded = given(|log| {
        log.delete_post(POST, ADA, true).comment(COMMENT, POST, BEN, "Late").edit_comment(COMMENT, POST, BEN, "Later");
        log.delete_comment(COMMENT, POST, BEN).like(POST, BEN).unlike(POST, BEN).edit_post(POST, ADA, "New");
        log.hide_comment(COMMENT, POST, BEN, ADA).unhide_comment(COMMENT, POST, BEN);
        log.hide_post(POST, ADA, true, BEN).unhide_post(POST, ADA, true).publish(POST, ADA).unpublish(POST, ADA)
    });
    assert!(folded.documents.keys().all(|key| key.kind() == card::KIND), "{:?}", folded.documents);
}

#[test]
fn a_comment_for_a_deleted_post_never_comes_into_being() {
    let mut folded = given(|log| log.delete_post(POST, ADA, true));
    let mut log = log();
    log.delete_post(POST, ADA, true).comment(COMMENT, POST, BEN, "Late").like(POST, BEN);
    log.events[4..].iter().for_each(|event| folded.event(event));
    assert!(folded.documents.keys().all(|key| key.kind() == card::KIND), "{:?}", folded.documents);
}

#[test]
fn a_comment_stands_in_the_post_and_alone() {
    let folded = given(|log| log.comment(COMMENT, POST, BEN, "Yes"));
    let (page, alone) = (page(&folded), comment_document(&folded));
    assert_eq!((page.comment_count, page.comments.len()), (1, 1));
    assert_eq!((page.comments[0].text.as_str(), alone.text.as_str()), ("Yes", "Yes"));
    assert_eq!((page.comments[0].author.clone(), alone.author.full_name.as_str()), (alone.author.clone(), "Ben Test"));
    assert_eq!((page.card_ids, page.version, page.updated_at), (BTreeSet::from([ADA, BEN]), 1, at(3)));
    assert_eq!((alone.post_id, alone.created_at, alone.version), (POST, at(4), 1));
}

#[test]
fn an_edited_comment_changes_in_both_places() {
    let folded = given(|log| log.comment(COMMENT, POST, BEN, "Yes").edit_comment(COMMENT, POST, BEN, "No"));
    let (page, alone) = (page(&folded), comment_document(&folded));
    assert_eq!((page.comments[0].text.as_str(), page.comments[0].version), ("No", 2));
    assert_eq!((alone.text.as_str(), alone.version, alone.created_at, alone.updated_at), ("No", 2, at(4), at(5)));
    assert_eq!(page.comments[0].revision(), alone.revision());
}

#[test]
fn a_deleted_comment_leaves_both_places() {
    let folded = given(|log| log.comment(COMMENT, POST, BEN, "Yes").delete_comment(COMMENT, POST, BEN));
    assert_eq!((page(&folded).comment_count, page(&folded).comments.len()), (0, 0));
    assert_eq!(folded.get(&comment::key(COMMENT)), None);
    assert_eq!(page(&folded).card_ids, BTreeSet::from([ADA]));
}

#[test]
fn a_window_that_falls_short_is_refilled() {
    let mut log = log();
    say(&mut log, WINDOW_KEPT + 15);
    let newest_first = |log: &mut Log, range: std::ops::Range<usize>| {
        for n in range.rev() {
            log.delete_comment(nth(n), POST, BEN);
        }
    };
    newest_first(&mut log, 35..55);
    let mut folded = Folded::<Content>::default();
    log.events.iter().for_each(|event| folded.event(event));
    assert_eq!((page(&folded).comments.len(), page(&folded).comment_count), (WINDOW_SERVED, 35));
    assert!(page(&folded).window_serves() && folded.open.is_empty());

    newest_first(&mut log, 33..35);
    log.events.iter().skip(log.events.len() - 2).for_each(|event| folded.event(event));
    assert!(!page(&folded).window_serves());
    assert_eq!(folded.open.len(), 1, "one refill is enough");
    folded.drain();
    assert_eq!((page(&folded).comments.len(), page(&folded).refill_since), (33, None));
    assert_eq!(page(&folded).comments[32].id, nth(0));
}

#[test]
fn likes_are_counted_and_looked_up() {
    let liked = given(|log| log.like(POST, BEN));
    assert_eq!(page(&liked).like_count, 1);
    assert!(liked.get(&like_key(POST, BEN)).is_some() && liked.get(&like_key(POST, ADA)).is_none());
    let unliked = given(|log| log.like(POST, BEN).unlike(POST, BEN));
    assert_eq!((page(&unliked).like_count, unliked.get(&like_key(POST, BEN))), (0, None));
}

#[test]
fn a_rename_reaches_every_copy_of_the_card() {
    let folded = given(|log| {
        say(log, 3);
        log.comment(CommentId(id(200)), POST, ADA, "Mine");
        log.profile(BEN, "Benedikt", Some("https://example/b.png"), None)
    });
    let page = page(&folded);
    let names: Vec<_> = page.comments.iter().map(|comment| comment.author.full_name.as_str()).collect();
    assert_eq!(names, ["Ada Test", "Benedikt Test", "Benedikt Test", "Benedikt Test"]);
    assert_eq!(page.author.full_name, "Ada Test");
    assert_eq!(comment_document(&folded).author.avatar_url.as_deref(), Some("https://example/b.png"));
    assert_eq!(comment_document(&folded).revision(), page.comments[3].revision());
    let folded = given(|log| log.profile(ADA, "Augusta", None, None));
    assert_eq!(self::page(&folded).author.full_name, "Augusta Test");
}

#[test]
fn an_older_card_never_replaces_a_newer_one() {
    let card = |write: fn(&mut Log) -> &mut Log| match given(write).get(&card::key(BEN)) {
        Some(ContentDocument::Author(card)) => card.clone(),
        other => panic!("{other:?}"),
    };
    let (older, newer) = (card(|log| log), card(|log| log.profile(BEN, "Second", None, None)));
    let ada = page(&given(|log| log)).author;
    assert!(older.gives_way_to(&newer) && !newer.gives_way_to(&older) && !newer.gives_way_to(&newer));
    assert!(!ada.gives_way_to(&newer), "it is another person's");
}

/// The rename has passed the post, but not yet the comments that the refill takes in.
#[test]
fn a_refill_amid_a_rename_brings_no_old_card() {
    let mut log = log();
    say(&mut log, WINDOW_KEPT + 5);
    log.profile(BEN, "Benedikt", None, None);
    for n in (20..WINDOW_KEPT + 5).rev() {
        log.delete_comment(nth(n), POST, BEN);
    }
    log.delete_comment(nth(19), POST, BEN);
    let mut folded = Folded::<Content>::default();
    log.events.iter().for_each(|event| folded.event(event));
    let tasks = |folded: &Folded<Content>| folded.open.iter().map(|fan_out| fan_out.task.clone()).collect::<Vec<_>>();
    assert_eq!(tasks(&folded), ["card", "card", "refill"]);
    folded.chunk(100);
    folded.open.rotate_left(1);
    folded.chunk(100);
    assert_eq!(tasks(&folded), ["card"], "the comments still have the old card");
    assert_eq!(comment_document(&folded).author.first_name, "Ben");
    assert!(page(&folded).comments.iter().all(|comment| comment.author.first_name == "Benedikt"));
}

#[test]
fn a_profile_that_shows_the_same_card_spreads_nothing() {
    let mut log = log();
    log.profile(ADA, "Ada", None, Some("New words about myself"));
    let mut folded = Folded::<Content>::default();
    log.events.iter().for_each(|event| folded.event(event));
    assert!(folded.open.is_empty());
}

#[test]
fn following_is_looked_up_for_the_feed() {
    let folded = given(|log| log.follow(BEN, ADA));
    let key = following_key(BEN, ADA);
    let document = folded.get(&key).unwrap();
    assert_eq!(Content::audience(&key, document), Audience::Person(BEN));
    assert_eq!(Content::topics(&key, document), BTreeSet::from([following_topic(BEN)]));
    assert_eq!(given(|log| log.follow(BEN, ADA).unfollow(BEN, ADA)).get(&key), None);
}

#[test]
fn roles_and_sessions_touch_no_content() {
    let mut log = Log::default();
    log.grant(ADA, Role::Staff)
        .revoke(ADA, Role::Staff)
        .sign_out(ADA, SessionId(id(5)))
        .sign_out_everywhere(ADA, at(1));
    assert!(log.events.iter().all(|event| Content::touches(event).writes.is_empty()));
}

#[test]
fn what_an_erased_person_wrote_is_empty_and_by_a_deleted_user() {
    let mut log = log();
    log.comment(COMMENT, POST, BEN, "Yes").comment(CommentId(id(101)), POST, ADA, "Mine");
    let folded = Folded::<Content>::of(&after_erasing(&log.events, ADA));
    let page = page(&folded);
    assert_eq!((page.title.as_str(), page.body.as_str(), page.tags.len()), ("", "", 0));
    assert_eq!((page.author.full_name.as_str(), page.author.id), ("Deleted user", ADA));
    assert_eq!((page.comments[0].text.as_str(), page.comments[1].text.as_str()), ("", "Yes"));
    assert!(!serde_json::to_string(&folded.documents.values().collect::<Vec<_>>()).unwrap().contains("Ada"));
}

#[test]
fn changes_are_told_under_these_topics() {
    let folded = given(|log| log.comment(COMMENT, POST, BEN, "Yes"));
    let topics = |key| Content::topics(&key, folded.get(&key).unwrap());
    assert_eq!(topics(post::key(POST)), BTreeSet::from([post_topic(POST), author_topic(ADA)]));
    assert!(topics(comment::key(COMMENT)).contains(&comments_topic(POST)));
}

#[test]
fn a_document_reads_back_and_speaks_graphql() {
    let folded = given(|log| log.comment(COMMENT, POST, BEN, "Yes").like(POST, BEN).follow(BEN, ADA));
    for (key, document) in &folded.documents {
        let json = serde_json::to_string(document).unwrap();
        assert_eq!(&serde_json::from_str::<ContentDocument>(&json).unwrap(), document);
        assert_eq!(&Content::decode(key, &json).unwrap(), document);
    }
    let json = serde_json::to_value(folded.get(&post::key(POST)).unwrap()).unwrap();
    assert_eq!((&json["kind"], &json["status"]), (&"post".into(), &"PUBLISHED".into()));
    assert_eq!(json["id"], POST.to_global());
    assert_eq!(json["comments"][0]["author"]["id"], BEN.to_global());
    let hidden = given(|log| log.hide_post(POST, ADA, true, BEN));
    let hidden = serde_json::to_value(hidden.get(&post::key(POST)).unwrap()).unwrap();
    let reason_of = BEN.to_string();
    assert_eq!(hidden["hidden"], serde_json::json!({ "at": at(4), "reason": REASON, "reasonOf": reason_of }));
    assert_eq!((&hidden["status"], &json["hidden"]), (&"HIDDEN".into(), &serde_json::Value::Null));
    assert_eq!((&json["comments"][0]["revision"], &json["createdAt"]), (&"4".into(), &at(3).to_string().into()));
    assert_eq!(json["cardIds"], serde_json::json!([ADA.to_string(), BEN.to_string()]));
}
