//! Following people.

use crate::world::{World, accepted, rejected};
use millrace_command::{CommandErrorCode, FollowUser, UnfollowUser};
use millrace_events::aggregate::pair_id;
use millrace_events::{Event, UserId};

fn follow(user_id: UserId) -> FollowUser {
    FollowUser { user_id, idempotency_key: None }
}

fn unfollow(user_id: UserId) -> UnfollowUser {
    UnfollowUser { user_id, idempotency_key: None }
}

#[tokio::test]
async fn following_and_unfollowing_count_the_pairs_versions() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let answers = [
        world.by(&ada, follow(bob.id)).await,
        world.by(&ada, unfollow(bob.id)).await,
        world.by(&ada, follow(bob.id)).await,
    ];
    for (answer, version) in answers.iter().zip(1..) {
        assert_eq!(accepted(answer).user, bob.id);
        assert_eq!((answer.receipt().version, &answer.receipt().aggregate_id), (Some(version), &None));
        let recorded = world.event(answer).await;
        assert_eq!((recorded.aggregate.id, recorded.aggregate.version), (pair_id(ada.id.0, bob.id.0), version));
        let follows = matches!(&recorded.event, Event::UserFollowed(pair) if pair.followed_id == bob.id);
        assert_eq!(follows, version != 2);
    }
}

#[tokio::test]
async fn following_twice_and_unfollowing_nobody_change_nothing() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    world.changed_nothing(&world.by(&ada, unfollow(bob.id)).await).await;
    world.by(&ada, follow(bob.id)).await;
    let again = world.by(&ada, follow(bob.id)).await;
    world.changed_nothing(&again).await;
    assert_eq!(again.receipt().version, Some(1));
}

#[tokio::test]
async fn nobody_follows_themselves_or_somebody_who_is_not_there() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    assert_eq!(rejected(&world.by(&ada, follow(ada.id)).await).kind(), CommandErrorCode::NotAllowed);
    let absent = UserId::generate();
    assert_eq!(rejected(&world.by(&ada, follow(absent)).await).kind(), CommandErrorCode::NotFound);
    assert_eq!(rejected(&world.by(&ada, unfollow(absent)).await).kind(), CommandErrorCode::NotFound);
}

#[tokio::test]
async fn of_eight_first_follows_at_once_one_is_an_event() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    let answers = futures_util::future::join_all((0..8).map(|_| world.by(&ada, follow(bob.id)))).await;
    assert!(answers.iter().all(|answer| answer.receipt().accepted));
    let followed = world.envelopes().await.into_iter().filter(|envelope| envelope.name == "follow.followed");
    assert_eq!(followed.count(), 1);
}
