//! Erasing a person while they do something else: it is done before, or refused. A stranger's locks say which of both comes first.

use crate::erasure::erase;
use crate::market::{Market, eur, order};
use crate::stranger::{Stranger, waiting};
use crate::world::{PASSWORD, Person, World, accepted, create_post};
use futures_util::future::join;
use millrace_command::erasure::Receipt;
use millrace_command::{
    AddComment, Answer, CancelOrder, Command, CommandFailure, CreatePost, DeactivateAccount, DeletePost, EraseAccount,
    FailureCode, FollowUser, LikePost, PlaceOrder, SecretText, Transfer, UpdateProfile,
};
use millrace_events::{CommentId, Role, UserId};
use std::pin::pin;

/// Whoever records an event waits in COMMIT while a stranger holds its name.
const HOLD_COMMITS: &str = "
    CREATE FUNCTION wait_for_stranger() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock_shared(hashtext(NEW.name));
        RETURN NULL;
    END $$;
    CREATE CONSTRAINT TRIGGER held AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_for_stranger()";

type Outcome<C> = Result<Answer<<C as Command>::Outcome>, CommandFailure>;

fn key() -> Option<String> {
    Some("last".into())
}

/// The first is held as it commits; the second begins meanwhile, and waits.
async fn one_after_the_other<A: Command, B: Command>(
    world: &World,
    who: &Person,
    (first, event): (A, &str),
    second: B,
) -> (Outcome<A>, Outcome<B>) {
    let hold = format!("SELECT pg_advisory_xact_lock(hashtext('{event}'))");
    let stranger = Stranger::holding(world, &hold).await;
    let others = async {
        waiting(world, 1).await;
        let mut second = pin!(world.try_by(who, second));
        tokio::select! {
            answer = &mut second => panic!("it did not wait: {:?}", answer.map(|answer| answer.receipt().clone())),
            () = waiting(world, 2) => stranger.transaction.commit().await.unwrap(),
        }
        second.await
    };
    join(world.try_by(who, first), others).await
}

/// Nothing of the person is in the tables, and nothing that they did follows their end in the log.
async fn is_gone(world: &World, who: UserId, erased: Outcome<EraseAccount>) {
    let receipt_id = accepted(&erased.unwrap()).erasure_receipt_id;
    let receipt = Receipt::find(&world.log, receipt_id.0).await.unwrap().unwrap();
    assert!(receipt.tables.iter().all(|table| table.left == 0), "{receipt:?}");
    let log = world.envelopes().await;
    let last = log.iter().rfind(|envelope| envelope.actor == Some(who));
    assert_eq!(last.unwrap().name, "user.erased");
}

/// Both orders, each with somebody new.
async fn is_done_before_or_refused<C: Command>(event: &str, prepare: impl AsyncFn(&Market) -> (Person, C)) {
    let market = Market::new().await;
    let world = &market.world;
    world.sql(HOLD_COMMITS).await;
    let (who, command) = prepare(&market).await;
    let (done, erased) = one_after_the_other(world, &who, (command, event), erase(PASSWORD)).await;
    assert!(done.unwrap().receipt().accepted);
    is_gone(world, who.id, erased).await;

    let (who, command) = prepare(&market).await;
    let (erased, refused) = one_after_the_other(world, &who, (erase(PASSWORD), "user.erased"), command).await;
    assert_eq!(refused.err().map(|failure| failure.code()), Some(FailureCode::Unauthenticated));
    is_gone(world, who.id, erased).await;
}

#[tokio::test]
async fn a_like() {
    is_done_before_or_refused("like.added", async |market| {
        let ada = market.world.sign_up("Ada").await;
        let post_id = market.world.post(&ada, true).await;
        (ada, LikePost { post_id, idempotency_key: key() })
    })
    .await;
}

#[tokio::test]
async fn a_follow() {
    is_done_before_or_refused("follow.followed", async |market| {
        (market.world.sign_up("Ada").await, FollowUser { user_id: market.staff.id, idempotency_key: key() })
    })
    .await;
}

#[tokio::test]
async fn a_post() {
    is_done_before_or_refused("post.created", async |market| {
        (market.world.sign_up("Ada").await, CreatePost { idempotency_key: key(), ..create_post(true) })
    })
    .await;
}

#[tokio::test]
async fn a_profile() {
    is_done_before_or_refused("user.profileUpdated", async |market| {
        let profile = UpdateProfile {
            first_name: Some("Augusta".into()),
            last_name: None,
            avatar_url: async_graphql::MaybeUndefined::Undefined,
            bio: async_graphql::MaybeUndefined::Undefined,
            expected_version: None,
            idempotency_key: key(),
        };
        (market.world.sign_up("Ada").await, profile)
    })
    .await;
}

/// Its note is sealed with the sender's key, and lies in the other's wallet too.
#[tokio::test]
async fn a_transfer_with_a_note() {
    is_done_before_or_refused("wallet.moved", async |market| {
        let (ada, ben) = (market.buyer("Ada", 100).await, market.buyer("Ben", 1).await);
        let note = Some("For flour".into());
        (ada, Transfer { to_user_id: ben.id, amount: eur(5), note, expected_version: None, idempotency_key: key() })
    })
    .await;
}

async fn cancel(market: &Market, customer: &Person) -> CancelOrder {
    let product = market.product("Oak", 300, 5).await;
    let placed = market.world.by(customer, order(&[(product, 1)])).await;
    let (order_id, reason) = (accepted(&placed).order, Some("Too wet.".into()));
    CancelOrder { order_id, reason, expected_version: None, idempotency_key: key() }
}

#[tokio::test]
async fn an_order() {
    is_done_before_or_refused("order.placed", async |market| {
        let product = market.product("Oak", 300, 5).await;
        let ada = market.world.sign_up("Ada").await;
        (ada, PlaceOrder { idempotency_key: key(), ..order(&[(product, 1)]) })
    })
    .await;
}

#[tokio::test]
async fn the_end_of_their_own_order() {
    is_done_before_or_refused("order.cancelled", async |market| {
        let ada = market.world.sign_up("Ada").await;
        let cancel = cancel(market, &ada).await;
        (ada, cancel)
    })
    .await;
}

/// Staff's words, about an order of somebody else, who stays.
#[tokio::test]
async fn the_end_of_somebody_elses_order() {
    is_done_before_or_refused("order.cancelled", async |market| {
        let (ada, ben) = (market.world.sign_up("Ada").await, market.world.sign_up("Ben").await);
        accepted(&market.world.commands.grant_role(ada.id, Role::Staff).await.unwrap());
        (ada, cancel(market, &ben).await)
    })
    .await;
}

/// An account that is deactivated has an end too, if not for good.
#[tokio::test]
async fn so_is_what_they_do_as_they_deactivate_their_account() {
    let world = World::new().await;
    world.sql(HOLD_COMMITS).await;
    let deactivate =
        || DeactivateAccount { password: SecretText(PASSWORD.into()), expected_version: None, idempotency_key: None };
    let ada = world.sign_up("Ada").await;
    let (done, deactivated) =
        one_after_the_other(&world, &ada, (create_post(true), "post.created"), deactivate()).await;
    assert!(done.unwrap().receipt().accepted && deactivated.unwrap().receipt().accepted);

    let ben = world.sign_up("Ben").await;
    let (deactivated, refused) =
        one_after_the_other(&world, &ben, (deactivate(), "user.deactivated"), create_post(true)).await;
    assert!(deactivated.unwrap().receipt().accepted);
    assert_eq!(refused.err().map(|failure| failure.code()), Some(FailureCode::Unauthenticated));
}

/// A person's own row is locked before anything else, as the erasure does: not a post first, and the person with what is written on it.
#[tokio::test]
async fn a_comment_on_a_post_of_theirs_takes_no_lock_before_the_persons() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    // The erasure locks the account, then the sign-in.
    let stranger = Stranger::holding(&world, "SELECT FROM sessions FOR UPDATE").await;
    let commented = async {
        waiting(&world, 1).await;
        let mut commented =
            pin!(world.try_by(&ada, AddComment { post_id, text: "First!".into(), idempotency_key: key() }));
        tokio::select! {
            answer = &mut commented => panic!("it did not wait: {answer:?}"),
            () = waiting(&world, 2) => {}
        }
        drop(Stranger::holding(&world, "SELECT FROM posts FOR UPDATE NOWAIT").await);
        stranger.transaction.commit().await.unwrap();
        commented.await
    };
    let (erased, commented) = join(world.try_by(&ada, erase(PASSWORD)), commented).await;
    assert_eq!(commented.err().map(|failure| failure.code()), Some(FailureCode::Unauthenticated));
    is_gone(&world, ada.id, erased).await;
}

/// An erasure locks what a person wrote in the order of its ids, and so does whoever deletes it with a post.
#[tokio::test]
async fn a_post_is_deleted_with_its_comments_in_the_order_of_their_ids() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let post_id = world.post(&ada, true).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let comment = AddComment { post_id, text: "First!".into(), idempotency_key: None };
        ids.push(accepted(&world.by(&ada, comment).await).comment);
    }
    // Now it lies behind the other one in the table, and in each index.
    world.sql("CREATE INDEX ON comments (md5(text))").await;
    world.sql(&format!("UPDATE comments SET text = 'Second!' WHERE id = '{}'", ids[0])).await;
    let lock = |id: CommentId| format!("SELECT FROM comments WHERE id = '{id}' FOR UPDATE NOWAIT");
    let stranger = Stranger::holding(&world, &lock(ids[0])).await;
    let deletion = world.by(&ada, DeletePost { post_id, expected_version: None, idempotency_key: None });
    let others = async {
        waiting(&world, 1).await;
        drop(Stranger::holding(&world, &lock(ids[1])).await);
        stranger.transaction.commit().await.unwrap();
    };
    let (deleted, ()) = join(deletion, others).await;
    accepted(&deleted);
    assert_eq!(world.count("comments").await, 0);
}
