//! Decisions about comments, as data.

use super::hiding::{decide_hide, decide_unhide};
use super::*;
use millrace_events::comment::{CommentHidden, CommentUnhidden};
use millrace_events::values::Reason;
use time::OffsetDateTime;

struct People {
    author: UserId,
    post_author: UserId,
    other: UserId,
}

fn people() -> People {
    People { author: UserId::generate(), post_author: UserId::generate(), other: UserId::generate() }
}

fn found(people: &People, post: Standing) -> Found {
    let comment = comment::Model {
        id: CommentId::generate().0,
        version: 3,
        post_id: PostId::generate().0,
        author_id: people.author.0,
        text: "First!".into(),
        hidden_at: None,
        created_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
    };
    Found { comment, post_author: people.post_author, post }
}

fn hidden(people: &People) -> Found {
    let found = found(people, Standing::Public);
    Found { comment: comment::Model { hidden_at: Some(OffsetDateTime::UNIX_EPOCH), ..found.comment }, ..found }
}

fn change(found: &Found, text: &str, expected_version: Option<u32>) -> CommentChange {
    let text = CommentText::parse(text).unwrap();
    CommentChange { comment_id: CommentId(found.comment.id), text, expected_version }
}

#[test]
fn its_author_edits_a_comment_and_the_same_text_changes_nothing() {
    let people = people();
    let found = found(&people, Standing::Public);
    assert_eq!(decide_edit(&found, people.author, &change(&found, "Second!", Some(3))), Ok(true));
    assert_eq!(decide_edit(&found, people.author, &change(&found, "First!", None)), Ok(false));
    let conflict = Err(CommandError::version_conflict(2, 3));
    assert_eq!(decide_edit(&found, people.author, &change(&found, "First!", Some(2))), conflict);
}

#[test]
fn nobody_else_edits_a_comment() {
    let people = people();
    let seen = found(&people, Standing::Public);
    let refused = CommandError::not_allowed("Only its author may edit a comment.", "commentId");
    for viewer in [people.post_author, people.other] {
        assert_eq!(decide_edit(&seen, viewer, &change(&seen, "Mine", None)), Err(refused.clone()));
    }
    let hidden = found(&people, Standing::Absent);
    let absent = Err(CommandError::not_found("comment", "commentId"));
    assert_eq!(decide_edit(&hidden, people.other, &change(&hidden, "Mine", None)), absent);
}

#[test]
fn its_author_and_the_posts_author_delete_a_comment() {
    let people = people();
    let found = found(&people, Standing::Public);
    for viewer in [people.author, people.post_author] {
        let event = decide_delete(&found, viewer, Some(3)).unwrap();
        assert_eq!((event.comment_id.0, event.author_id), (found.comment.id, people.author));
    }
    let refused = "Only its author and the post's author may delete a comment.";
    let refused = CommandError::not_allowed(refused, "commentId");
    assert_eq!(decide_delete(&found, people.other, None), Err(refused));
    assert_eq!(decide_delete(&found, people.author, Some(9)), Err(CommandError::version_conflict(9, 3)));
}

#[test]
fn a_comment_under_a_hidden_post_is_not_there_except_for_its_author() {
    let people = people();
    let found = found(&people, Standing::Absent);
    assert!(decide_delete(&found, people.author, None).is_ok());
    let absent = Err(CommandError::not_found("comment", "commentId"));
    assert_eq!(decide_delete(&found, people.other, None), absent);
}

#[test]
fn hiding_and_showing_again_are_events_only_where_they_change_something() {
    let (people, writer) = (people(), UserId::generate());
    let reason = Reason::parse("It names a neighbour.").unwrap();
    let conflict = Err(CommandError::version_conflict(2, 3));
    let seen = found(&people, Standing::Public);
    let (comment_id, post_id) = (CommentId(seen.comment.id), PostId(seen.comment.post_id));
    let event = CommentHidden {
        comment_id,
        post_id,
        author_id: people.author,
        reason: Personal::known(writer, reason.as_str().to_owned()),
    };
    assert_eq!(decide_hide(&seen, writer, Some(3), &reason), Ok(Some(Event::CommentHidden(event))));
    assert_eq!(decide_hide(&seen, writer, Some(2), &reason), conflict);
    assert_eq!(decide_unhide(&seen, Some(3)), Ok(None));

    let hidden = hidden(&people);
    let (comment_id, post_id) = (CommentId(hidden.comment.id), PostId(hidden.comment.post_id));
    let event = CommentUnhidden { comment_id, post_id, author_id: people.author };
    assert_eq!(decide_hide(&hidden, writer, Some(3), &reason), Ok(None));
    assert_eq!(decide_unhide(&hidden, Some(3)), Ok(Some(Event::CommentUnhidden(event))));
    assert_eq!(decide_unhide(&hidden, Some(2)), conflict);
}

#[test]
fn a_hidden_comment_is_not_there_except_for_its_author() {
    let people = people();
    let hidden = hidden(&people);
    assert_eq!(decide_edit(&hidden, people.author, &change(&hidden, "Second!", None)), Ok(true));
    assert!(decide_delete(&hidden, people.author, None).unwrap().was_hidden);
    let absent = CommandError::not_found("comment", "commentId");
    for viewer in [people.post_author, people.other] {
        assert_eq!(decide_edit(&hidden, viewer, &change(&hidden, "Mine", None)), Err(absent.clone()));
        assert_eq!(decide_delete(&hidden, viewer, None), Err(absent.clone()));
    }
}
