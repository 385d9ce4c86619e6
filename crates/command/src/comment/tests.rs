//! Decisions about comments, as data.

use super::*;
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
        created_at: OffsetDateTime::UNIX_EPOCH,
        updated_at: OffsetDateTime::UNIX_EPOCH,
    };
    Found { comment, post_author: people.post_author, post }
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
    let hidden = found(&people, Standing::Hidden);
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
    let found = found(&people, Standing::Hidden);
    assert!(decide_delete(&found, people.author, None).is_ok());
    let absent = Err(CommandError::not_found("comment", "commentId"));
    assert_eq!(decide_delete(&found, people.other, None), absent);
}
