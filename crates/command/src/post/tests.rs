//! Decisions about posts, as data.

use super::lifecycle::{decide_delete, decide_show};
use super::*;
use millrace_events::post::PostVisibilityChanged;

fn found(published: bool) -> Found {
    Found { id: PostId::generate(), version: 4, author: UserId::generate(), published }
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
    assert_eq!(decide_delete(&found, found.author, Some(3)), Err(conflict));
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
}

#[test]
fn what_a_post_is_to_somebody() {
    let (author, other) = (UserId::generate(), UserId::generate());
    assert_eq!(Standing::of(None, author), Standing::Hidden);
    assert_eq!(Standing::of(Some((author.0, false)), author), Standing::OwnDraft);
    assert_eq!(Standing::of(Some((author.0, false)), other), Standing::Hidden);
    assert_eq!(Standing::of(Some((author.0, true)), other), Standing::Public);
}
