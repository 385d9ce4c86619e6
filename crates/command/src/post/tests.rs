//! Decisions about posts, as data.

use super::hiding::{decide_hide, decide_unhide};
use super::lifecycle::{decide_delete, decide_show};
use super::*;
use millrace_events::post::{PostHidden, PostUnhidden, PostVisibilityChanged};
use millrace_events::values::Reason;

fn found(published: bool) -> Found {
    Found { id: PostId::generate(), version: 4, author: UserId::generate(), published, hidden: false }
}

fn hidden(published: bool) -> Found {
    Found { hidden: true, ..found(published) }
}

fn content() -> Content {
    Content { title: "On engines".into(), body: "They weave.".into(), tags: vec!["engines".into()] }
}

fn change(found: &Found) -> PostChange {
    PostChange { post_id: found.id, title: None, body: None, tags: None, expected_version: None }
}

fn absent() -> CommandError {
    CommandError::not_found("post", "postId")
}

fn not_yours() -> CommandError {
    CommandError::not_allowed("Only its author may change a post.", "postId")
}

#[test]
fn an_edit_changes_what_it_names_only() {
    let found = found(true);
    let edit = PostChange { title: PostTitle::parse("On looms").ok(), tags: Some(vec![]), ..change(&found) };
    let wanted = Content { title: "On looms".into(), tags: vec![], ..content() };
    assert_eq!(decide_edit(&found, &content(), found.author, &edit), Ok(Some(wanted)));
}

#[test]
fn an_edit_to_the_same_changes_nothing() {
    let found = found(true);
    let edit = PostChange { body: PostBody::parse("They weave.").ok(), ..change(&found) };
    assert_eq!(decide_edit(&found, &content(), found.author, &edit), Ok(None));
}

#[test]
fn only_its_author_changes_a_post_and_a_draft_of_others_is_not_there() {
    for (published, refused) in [(true, not_yours()), (false, absent())] {
        let (found, other) = (found(published), UserId::generate());
        assert_eq!(decide_edit(&found, &content(), other, &change(&found)), Err(refused.clone()));
        assert_eq!(decide_show(&found, other, None, !published), Err(refused.clone()));
        assert_eq!(decide_delete(&found, other, None), Err(refused));
    }
}

#[test]
fn each_change_minds_the_expected_version() {
    let found = found(true);
    let conflict = CommandError::version_conflict(3, 4);
    let edit = PostChange { expected_version: Some(3), ..change(&found) };
    assert_eq!(decide_edit(&found, &content(), found.author, &edit), Err(conflict.clone()));
    assert_eq!(decide_show(&found, found.author, Some(3), true), Err(conflict.clone()));
    assert_eq!(decide_delete(&found, found.author, Some(3)), Err(conflict.clone()));
    assert_eq!(decide_hide(&found, found.author, Some(3), &reason()), Err(conflict.clone()));
    assert_eq!(decide_unhide(&hidden(true), Some(3)), Err(conflict));
}

#[test]
fn showing_and_hiding_are_events_only_where_they_change_something() {
    for published in [true, false] {
        let found = found(published);
        let changed = PostVisibilityChanged { post_id: found.id, author_id: found.author };
        let other = if published { Event::PostUnpublished(changed) } else { Event::PostPublished(changed) };
        assert_eq!(decide_show(&found, found.author, Some(4), published), Ok(None));
        assert_eq!(decide_show(&found, found.author, Some(4), !published), Ok(Some(other)));
    }
}

#[test]
fn a_deletion_tells_whether_everybody_saw_the_post() {
    for published in [true, false] {
        let found = found(published);
        assert_eq!(decide_delete(&found, found.author, None).unwrap().was_published, published);
    }
    let found = hidden(true);
    assert!(!decide_delete(&found, found.author, None).unwrap().was_published);
}

fn reason() -> Reason {
    Reason::parse("It names a neighbour.").unwrap()
}

#[test]
fn hiding_and_showing_again_are_events_only_where_they_change_something() {
    let writer = UserId::generate();
    for published in [true, false] {
        let found = found(published);
        let (post_id, author_id, reason_known) =
            (found.id, found.author, Personal::known(writer, reason().as_str().into()));
        let event = PostHidden { post_id, author_id, was_published: published, reason: reason_known };
        assert_eq!(decide_hide(&found, writer, Some(4), &reason()), Ok(Some(Event::PostHidden(event))));
        assert_eq!(decide_unhide(&found, Some(4)), Ok(None));
        let found = Found { hidden: true, ..found };
        let event = PostUnhidden { post_id, author_id, published };
        assert_eq!(decide_hide(&found, writer, Some(4), &reason()), Ok(None));
        assert_eq!(decide_unhide(&found, Some(4)), Ok(Some(Event::PostUnhidden(event))));
    }
}

#[test]
fn what_is_hidden_its_author_may_rewrite_and_delete_but_neither_publish_nor_unpublish() {
    for published in [true, false] {
        let found = hidden(published);
        let edit = PostChange { title: PostTitle::parse("On looms").ok(), ..change(&found) };
        assert!(decide_edit(&found, &content(), found.author, &edit).is_ok_and(|next| next.is_some()));
        assert!(decide_delete(&found, found.author, None).is_ok());
        for (wanted, name) in [(true, "PUBLISHED"), (false, "DRAFT")] {
            let refused = CommandError::invalid_transition("HIDDEN", name, "postId");
            assert_eq!(decide_show(&found, found.author, Some(4), wanted), Err(refused));
        }
    }
}

#[test]
fn what_is_hidden_is_not_there_for_anybody_else() {
    let (found, other) = (hidden(true), UserId::generate());
    assert_eq!(decide_edit(&found, &content(), other, &change(&found)), Err(absent()));
    assert_eq!(decide_show(&found, other, None, false), Err(absent()));
    assert_eq!(decide_delete(&found, other, None), Err(absent()));
}

#[test]
fn what_a_post_is_to_somebody() {
    let (author, other) = (UserId::generate(), UserId::generate());
    assert_eq!(Standing::of(None, author), Standing::Absent);
    assert_eq!(Standing::of(Some((author.0, false)), author), Standing::Unseen);
    assert_eq!(Standing::of(Some((author.0, false)), other), Standing::Absent);
    assert_eq!(Standing::of(Some((author.0, true)), other), Standing::Public);
}
