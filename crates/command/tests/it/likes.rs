//! Liking posts.

use crate::world::{World, accepted, rejected};
use millrace_command::{CommandErrorCode, LikePost, UnlikePost};
use millrace_events::aggregate::pair_id;
use millrace_events::{Event, PostId};

fn like(post_id: PostId) -> LikePost {
    LikePost { post_id, idempotency_key: None }
}

fn unlike(post_id: PostId) -> UnlikePost {
    UnlikePost { post_id, idempotency_key: None }
}

#[tokio::test]
async fn liking_and_unliking_count_the_pairs_versions() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let post = world.post(&ada, true).await;
    let answers =
        [world.by(&bob, like(post)).await, world.by(&bob, unlike(post)).await, world.by(&bob, like(post)).await];
    for (answer, version) in answers.iter().zip(1..) {
        assert_eq!((accepted(answer).post, answer.receipt().version), (post, Some(version)));
        let recorded = world.event(answer).await;
        assert_eq!((recorded.aggregate.id, recorded.aggregate.version), (pair_id(post.0, bob.id.0), version));
        assert_eq!(matches!(&recorded.event, Event::PostLiked(liked) if liked.user_id == bob.id), version != 2);
    }
}

#[tokio::test]
async fn liking_twice_and_unliking_what_is_not_liked_change_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post = world.post(&ada, true).await;
    world.changed_nothing(&world.by(&ada, unlike(post)).await).await;
    world.by(&ada, like(post)).await;
    world.changed_nothing(&world.by(&ada, like(post)).await).await;
}

#[tokio::test]
async fn a_draft_is_not_there_for_others_and_not_to_be_liked_by_its_author() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let draft = world.post(&ada, false).await;
    assert_eq!(rejected(&world.by(&ada, like(draft)).await).kind(), CommandErrorCode::NotAllowed);
    let hidden = rejected(&world.by(&bob, like(draft)).await);
    assert_eq!(hidden.kind(), CommandErrorCode::NotFound);
    assert_eq!(hidden, rejected(&world.by(&bob, like(PostId::generate())).await));
}
