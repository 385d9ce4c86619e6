//! Comments on posts.

use crate::world::{World, accepted, rejected};
use millrace_command::{
    AddComment, CommandError, CommandErrorCode, DeleteComment, DeletePost, EditComment, UnpublishPost,
};
use millrace_events::{CommentId, Event, PostId};

fn add(post_id: PostId) -> AddComment {
    AddComment { post_id, text: "First!".into(), idempotency_key: None }
}

fn edit(comment_id: CommentId, text: &str) -> EditComment {
    EditComment { comment_id, text: text.into(), expected_version: None, idempotency_key: None }
}

fn delete(comment_id: CommentId) -> DeleteComment {
    DeleteComment { comment_id, expected_version: None, idempotency_key: None }
}

#[tokio::test]
async fn a_comment_is_added_edited_and_deleted() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let post = world.post(&ada, true).await;
    let added = world.by(&bob, add(post)).await;
    let comment = accepted(&added).comment;
    assert_eq!(accepted(&added).post, post);
    let recorded = world.event(&added).await;
    assert_eq!((recorded.aggregate.id, recorded.aggregate.version, recorded.actor), (comment.0, 1, Some(bob.id)));
    let Event::CommentAdded(written) = recorded.event else { panic!("{recorded:?}") };
    assert_eq!((written.post_id, written.author_id, &**written.text.value().unwrap()), (post, bob.id, "First!"));

    world.changed_nothing(&world.by(&bob, edit(comment, "First!")).await).await;
    let edited = world.by(&bob, EditComment { expected_version: Some(1), ..edit(comment, "Second!") }).await;
    let Event::CommentEdited(written) = world.event(&edited).await.event else { panic!() };
    assert_eq!((&**written.text.value().unwrap(), edited.receipt().version), ("Second!", Some(2)));

    let deleted = world.by(&bob, delete(comment)).await;
    assert_eq!((accepted(&deleted).deleted_comment_id, accepted(&deleted).post), (comment, post));
    assert_eq!(world.event(&deleted).await.aggregate.version, 3);
    assert_eq!(rejected(&world.by(&bob, delete(comment)).await).kind(), CommandErrorCode::NotFound);
}

#[tokio::test]
async fn a_draft_takes_no_comments_and_is_not_there_for_others() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let draft = world.post(&ada, false).await;
    assert_eq!(rejected(&world.by(&ada, add(draft)).await).kind(), CommandErrorCode::NotAllowed);
    assert_eq!(rejected(&world.by(&bob, add(draft)).await).kind(), CommandErrorCode::NotFound);
    assert_eq!(rejected(&world.by(&bob, add(PostId::generate())).await).kind(), CommandErrorCode::NotFound);
    let empty = rejected(&world.by(&bob, AddComment { text: " ".into(), ..add(draft) }).await);
    assert!(matches!(empty, CommandError::ValidationError(error) if error.path == ["text"]));
}

#[tokio::test]
async fn the_posts_author_deletes_comments_on_it_but_edits_none() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.sign_up("Ada").await, world.sign_up("Bob").await, world.sign_up("Eve").await);
    let post = world.post(&ada, true).await;
    let comment = accepted(&world.by(&bob, add(post)).await).comment;
    assert_eq!(rejected(&world.by(&eve, edit(comment, "Mine")).await).kind(), CommandErrorCode::NotAllowed);
    assert_eq!(rejected(&world.by(&eve, delete(comment)).await).kind(), CommandErrorCode::NotAllowed);
    assert_eq!(rejected(&world.by(&ada, edit(comment, "Mine")).await).kind(), CommandErrorCode::NotAllowed);
    let Event::CommentDeleted(deleted) = world.event(&world.by(&ada, delete(comment)).await).await.event else {
        panic!()
    };
    assert_eq!(deleted.author_id, bob.id);
}

#[tokio::test]
async fn under_a_hidden_post_only_its_author_still_finds_a_comment() {
    let world = World::new().await;
    let (ada, bob, eve) = (world.sign_up("Ada").await, world.sign_up("Bob").await, world.sign_up("Eve").await);
    let post = world.post(&ada, true).await;
    let comment = accepted(&world.by(&bob, add(post)).await).comment;
    world.by(&ada, UnpublishPost { post_id: post, expected_version: None, idempotency_key: None }).await;
    let hidden = rejected(&world.by(&eve, delete(comment)).await);
    assert_eq!(hidden, rejected(&world.by(&eve, delete(CommentId::generate())).await));
    assert_eq!(hidden.kind(), CommandErrorCode::NotFound);
    accepted(&world.by(&bob, edit(comment, "Second!")).await);
    accepted(&world.by(&bob, delete(comment)).await);
}

#[tokio::test]
async fn each_change_minds_the_expected_version() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post = world.post(&ada, true).await;
    let comment = accepted(&world.by(&ada, add(post)).await).comment;
    let expected_version = Some(2);
    for error in [
        rejected(&world.by(&ada, EditComment { expected_version, ..edit(comment, "Second!") }).await),
        rejected(&world.by(&ada, DeleteComment { expected_version, ..delete(comment) }).await),
    ] {
        assert_eq!(error.kind(), CommandErrorCode::VersionConflict);
    }
}

#[tokio::test]
async fn comments_that_race_with_the_posts_deletion_come_before_it_or_not_at_all() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let post = world.post(&ada, true).await;
    let comments = futures_util::future::join_all((0..16).map(|_| world.by(&bob, add(post))));
    let deletion = world.by(&ada, DeletePost { post_id: post, expected_version: None, idempotency_key: None });
    let (comments, deletion) = futures_util::future::join(comments, deletion).await;
    accepted(&deletion);
    for answer in comments.iter().filter(|answer| !answer.receipt().accepted) {
        assert_eq!(rejected(answer).kind(), CommandErrorCode::NotFound);
    }
    let names: Vec<_> = world.envelopes().await.into_iter().map(|envelope| envelope.name).collect();
    let end = names.iter().position(|name| name == "post.deleted").unwrap();
    assert!(names[end..].iter().all(|name| name != "comment.added"), "{names:?}");
    assert_eq!(world.count("comments").await, 0);
}
