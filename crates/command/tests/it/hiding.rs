//! Staff hide posts and comments, and show them again.

use crate::world::{Person, World, accepted, rejected};
use millrace_command::{
    AddComment, CommandError, CommandErrorCode, DeleteComment, DeletePost, EditPost, FailureCode, HideComment,
    HidePost, LikePost, PublishPost, UnhideComment, UnhidePost,
};
use millrace_events::{CommentId, Event, Personal, PostId, Role};

const REASON: &str = "It names a neighbour.";

fn hide(post_id: PostId) -> HidePost {
    HidePost { post_id, reason: REASON.into(), expected_version: None, idempotency_key: None }
}

fn unhide(post_id: PostId) -> UnhidePost {
    UnhidePost { post_id, expected_version: None, idempotency_key: None }
}

fn hide_comment(comment_id: CommentId) -> HideComment {
    HideComment { comment_id, reason: REASON.into(), expected_version: None, idempotency_key: None }
}

fn unhide_comment(comment_id: CommentId) -> UnhideComment {
    UnhideComment { comment_id, expected_version: None, idempotency_key: None }
}

fn add(post_id: PostId) -> AddComment {
    AddComment { post_id, text: "First!".into(), idempotency_key: None }
}

fn delete(post_id: PostId) -> DeletePost {
    DeletePost { post_id, expected_version: None, idempotency_key: None }
}

async fn staff(world: &World) -> Person {
    let staff = world.sign_up("Eve").await;
    accepted(&world.commands.grant_role(staff.id, Role::Staff).await.unwrap());
    staff
}

#[tokio::test]
async fn hiding_a_post_and_showing_it_again_are_events_once() {
    let world = World::new().await;
    let (ada, eve) = (world.sign_up("Ada").await, staff(&world).await);
    for published in [true, false] {
        let post = world.post(&ada, published).await;
        world.changed_nothing(&world.by(&eve, unhide(post)).await).await;
        let hidden = world.by(&eve, hide(post)).await;
        let recorded = world.event(&hidden).await;
        assert_eq!((hidden.receipt().version, recorded.actor), (Some(2), Some(eve.id)));
        let Event::PostHidden(event) = recorded.event else { panic!("{recorded:?}") };
        assert_eq!((event.author_id, event.was_published), (ada.id, published));
        assert_eq!(event.reason, Personal::known(eve.id, REASON.to_owned()), "sealed with the key of whoever wrote it");
        world.changed_nothing(&world.by(&eve, HidePost { reason: "Another.".into(), ..hide(post) }).await).await;
        let shown = world.by(&eve, unhide(post)).await;
        assert!(matches!(world.event(&shown).await.event, Event::PostUnhidden(event) if event.published == published));
        world.changed_nothing(&world.by(&eve, unhide(post)).await).await;
    }
}

#[tokio::test]
async fn hiding_a_comment_and_showing_it_again_are_events_once() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.sign_up("Ada").await, world.sign_up("Bob").await, staff(&world).await);
    let comment = accepted(&world.by(&bob, add(world.post(&ada, true).await)).await).comment;
    world.changed_nothing(&world.by(&eve, unhide_comment(comment)).await).await;
    let hidden = world.by(&eve, hide_comment(comment)).await;
    let Event::CommentHidden(event) = world.event(&hidden).await.event else { panic!("{hidden:?}") };
    assert_eq!((event.author_id, event.reason), (bob.id, Personal::known(eve.id, REASON.to_owned())));
    world.changed_nothing(&world.by(&eve, hide_comment(comment)).await).await;
    let shown = world.by(&eve, unhide_comment(comment)).await;
    assert!(matches!(world.event(&shown).await.event, Event::CommentUnhidden(event) if event.author_id == bob.id));
    assert_eq!(shown.receipt().version, Some(3));

    world.by(&eve, hide_comment(comment)).await;
    let delete = DeleteComment { comment_id: comment, expected_version: None, idempotency_key: None };
    assert_eq!(rejected(&world.by(&ada, delete.clone()).await).kind(), CommandErrorCode::NotFound);
    let deleted = world.by(&bob, delete).await;
    assert!(matches!(world.event(&deleted).await.event, Event::CommentDeleted(event) if event.was_hidden));
}

#[tokio::test]
async fn only_staff_hide_and_only_with_a_reason() {
    let world = World::new().await;
    let (ada, eve) = (world.sign_up("Ada").await, staff(&world).await);
    let post = world.post(&ada, true).await;
    let refused = world.try_by(&ada, hide(post)).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Forbidden);
    assert_eq!(world.try_by(&ada, unhide(post)).await.unwrap_err().code(), FailureCode::Forbidden);
    for reason in [" ".to_owned(), "x".repeat(501)] {
        let error = rejected(&world.by(&eve, HidePost { reason, ..hide(post) }).await);
        assert!(matches!(&error, CommandError::ValidationError(error) if error.path == ["reason"]), "{error:?}");
    }
    assert_eq!(rejected(&world.by(&eve, hide(PostId::generate())).await).kind(), CommandErrorCode::NotFound);
    let absent = rejected(&world.by(&eve, hide_comment(CommentId::generate())).await);
    assert_eq!(absent.kind(), CommandErrorCode::NotFound);
    let stale = rejected(&world.by(&eve, HidePost { expected_version: Some(9), ..hide(post) }).await);
    assert_eq!(stale.kind(), CommandErrorCode::VersionConflict);
    assert_eq!(world.count("posts WHERE hidden_at IS NOT NULL").await, 0);
}

#[tokio::test]
async fn its_author_may_rewrite_and_delete_what_is_hidden_and_nobody_may_do_more() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.sign_up("Ada").await, world.sign_up("Bob").await, staff(&world).await);
    let post = world.post(&ada, true).await;
    world.by(&eve, hide(post)).await;
    assert_eq!(rejected(&world.by(&bob, add(post)).await).kind(), CommandErrorCode::NotFound);
    let like = LikePost { post_id: post, idempotency_key: None };
    assert_eq!(rejected(&world.by(&bob, like).await).kind(), CommandErrorCode::NotFound);
    assert_eq!(rejected(&world.by(&bob, delete(post)).await).kind(), CommandErrorCode::NotFound);
    assert_eq!(rejected(&world.by(&ada, add(post)).await).kind(), CommandErrorCode::NotAllowed);
    let publish = PublishPost { post_id: post, expected_version: None, idempotency_key: None };
    assert_eq!(rejected(&world.by(&ada, publish).await).kind(), CommandErrorCode::InvalidTransition);
    let edit = EditPost {
        post_id: post,
        title: Some("On looms".into()),
        body: None,
        tags: None,
        expected_version: Some(2),
        idempotency_key: None,
    };
    assert_eq!(world.by(&ada, edit).await.receipt().version, Some(3));
    let deleted = world.by(&ada, delete(post)).await;
    assert!(matches!(world.event(&deleted).await.event, Event::PostDeleted(event) if !event.was_published));
}

#[tokio::test]
async fn comments_that_race_with_hiding_come_before_it_or_not_at_all() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.sign_up("Ada").await, world.sign_up("Bob").await, staff(&world).await);
    let post = world.post(&ada, true).await;
    let comments = futures_util::future::join_all((0..16).map(|_| world.by(&bob, add(post))));
    let (comments, hidden) = futures_util::future::join(comments, world.by(&eve, hide(post))).await;
    let hidden_at = world.event(&hidden).await.position;
    for answer in comments {
        if answer.receipt().accepted {
            assert!(world.event(&answer).await.position < hidden_at);
        } else {
            assert_eq!(rejected(&answer).kind(), CommandErrorCode::NotFound);
        }
    }
}
