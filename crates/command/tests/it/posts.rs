//! Posts: writing, publishing, deleting.

use crate::world::{Person, World, accepted, create_post, rejected};
use millrace_command::{
    AddComment, CommandError, CommandErrorCode, CreatePost, DeletePost, EditPost, LikePost, PublishPost, UnpublishPost,
};
use millrace_events::{Event, PostId};

fn edit(post_id: PostId) -> EditPost {
    EditPost { post_id, title: None, body: None, tags: None, expected_version: None, idempotency_key: None }
}

fn publish(post_id: PostId) -> PublishPost {
    PublishPost { post_id, expected_version: None, idempotency_key: None }
}

fn unpublish(post_id: PostId) -> UnpublishPost {
    UnpublishPost { post_id, expected_version: None, idempotency_key: None }
}

fn delete(post_id: PostId) -> DeletePost {
    DeletePost { post_id, expected_version: None, idempotency_key: None }
}

#[tokio::test]
async fn a_new_post_is_one_event_with_all_that_it_says() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    for published in [true, false] {
        let answer = world.by(&ada, create_post(published)).await;
        let recorded = world.event(&answer).await;
        assert_eq!((recorded.aggregate.id, recorded.aggregate.version), (accepted(&answer).post.0, 1));
        let Event::PostCreated(post) = recorded.event else { panic!("{recorded:?}") };
        assert_eq!((post.author_id, post.published), (ada.id, published));
        assert_eq!(post.title.value().unwrap(), "On engines");
        assert_eq!(post.tags.value().unwrap(), &["engines", "looms"]);
    }
    assert_eq!((world.count("posts").await, world.count("post_tags").await), (2, 4));
}

#[tokio::test]
async fn the_longest_post_fits_into_an_event() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let long = CreatePost {
        title: "\u{1F9F5}".repeat(200),
        body: "\u{1F9F5}".repeat(20_000),
        tags: (0..10).map(|n| format!("{}{n}", "\u{2C6F}".repeat(39))).collect(),
        ..create_post(true)
    };
    accepted(&world.by(&ada, long).await);
}

#[tokio::test]
async fn a_post_that_breaks_rules_is_not_written() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let wrong = CreatePost {
        title: String::new(),
        body: "x".repeat(20_001),
        tags: vec!["not a tag!".into()],
        ..create_post(true)
    };
    let answer = world.by(&ada, wrong).await;
    let codes: Vec<_> = answer.errors().iter().map(CommandError::kind).collect();
    assert_eq!(codes, [CommandErrorCode::ValidationError; 3]);
    assert_eq!(world.count("posts").await, 0);
}

#[tokio::test]
async fn an_edit_tells_the_whole_post_as_it_is_now() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post = world.post(&ada, true).await;
    let change = EditPost {
        title: Some("On looms".into()),
        tags: Some(vec!["looms".into(), "jacquard".into()]),
        expected_version: Some(1),
        ..edit(post)
    };
    let answer = world.by(&ada, change).await;
    assert_eq!(answer.receipt().version, Some(2));
    let recorded = world.event(&answer).await;
    let Event::PostEdited(written) = recorded.event else { panic!("{recorded:?}") };
    assert_eq!(recorded.aggregate.version, 2);
    assert_eq!(written.title.value().unwrap(), "On looms");
    assert_eq!(written.body.value().unwrap(), "They weave algebraic patterns.");
    assert_eq!(written.tags.value().unwrap(), &["looms", "jacquard"]);

    let cleared = world.by(&ada, EditPost { tags: Some(vec![]), ..edit(post) }).await;
    let Event::PostEdited(written) = world.event(&cleared).await.event else { panic!() };
    assert!(written.tags.value().unwrap().is_empty() && world.count("post_tags").await == 0);
}

#[tokio::test]
async fn publishing_and_unpublishing_are_events_once() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post = world.post(&ada, false).await;
    world.changed_nothing(&world.by(&ada, unpublish(post)).await).await;
    let shown = world.by(&ada, publish(post)).await;
    assert!(matches!(world.event(&shown).await.event, Event::PostPublished(_)));
    world.changed_nothing(&world.by(&ada, publish(post)).await).await;
    let hidden = world.by(&ada, unpublish(post)).await;
    assert!(matches!(world.event(&hidden).await.event, Event::PostUnpublished(_)));
    assert_eq!(hidden.receipt().version, Some(3));
    world.changed_nothing(&world.by(&ada, edit(post)).await).await;
}

#[tokio::test]
async fn a_deleted_post_takes_its_comments_and_likes_along_in_one_event() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let (post, other) = (world.post(&ada, true).await, world.post(&ada, true).await);
    for post_id in [post, other] {
        world.by(&bob, AddComment { post_id, text: "First!".into(), idempotency_key: None }).await;
        world.by(&bob, LikePost { post_id, idempotency_key: None }).await;
    }
    let answer = world.by(&ada, delete(post)).await;
    assert_eq!((accepted(&answer).deleted_post_id, answer.receipt().version), (post, Some(2)));
    assert!(matches!(world.event(&answer).await.event, Event::PostDeleted(deleted) if deleted.was_published));
    for table in ["posts", "comments", "likes"] {
        assert_eq!(world.count(table).await, 1, "{table}");
    }
    assert_eq!(rejected(&world.by(&ada, delete(post)).await).kind(), CommandErrorCode::NotFound);
}

/// What somebody is told who tries each change of a post.
async fn told(world: &World, who: &Person, post: PostId) -> Vec<CommandErrorCode> {
    let title = Some("Mine now".into());
    vec![
        rejected(&world.by(who, EditPost { title, ..edit(post) }).await).kind(),
        rejected(&world.by(who, publish(post)).await).kind(),
        rejected(&world.by(who, unpublish(post)).await).kind(),
        rejected(&world.by(who, delete(post)).await).kind(),
    ]
}

#[tokio::test]
async fn a_post_is_its_authors_alone_and_a_draft_of_others_is_not_there() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let (post, draft) = (world.post(&ada, true).await, world.post(&ada, false).await);
    assert_eq!(told(&world, &bob, post).await, [CommandErrorCode::NotAllowed; 4]);
    assert_eq!(told(&world, &bob, draft).await, [CommandErrorCode::NotFound; 4]);
    assert_eq!(told(&world, &bob, PostId::generate()).await, [CommandErrorCode::NotFound; 4]);
}

#[tokio::test]
async fn each_change_minds_the_expected_version() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post = world.post(&ada, true).await;
    let expected_version = Some(5);
    for error in [
        rejected(&world.by(&ada, EditPost { expected_version, ..edit(post) }).await),
        rejected(&world.by(&ada, PublishPost { expected_version, ..publish(post) }).await),
        rejected(&world.by(&ada, UnpublishPost { expected_version, ..unpublish(post) }).await),
        rejected(&world.by(&ada, DeletePost { expected_version, ..delete(post) }).await),
    ] {
        let CommandError::VersionConflict(conflict) = error else { panic!("{error:?}") };
        assert_eq!((conflict.expected, conflict.actual), (5, 1));
    }
}

#[tokio::test]
async fn of_eight_edits_of_one_version_one_wins() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post = world.post(&ada, true).await;
    let edits = (0..8).map(|n| {
        let change = EditPost { title: Some(format!("Title {n}")), expected_version: Some(1), ..edit(post) };
        world.by(&ada, change)
    });
    let answers = futures_util::future::join_all(edits).await;
    assert_eq!(answers.iter().filter(|answer| answer.receipt().accepted).count(), 1);
    assert_eq!(world.count("posts WHERE version = 2").await, 1);
}
