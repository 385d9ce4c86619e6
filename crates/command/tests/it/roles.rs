//! Roles, granted by the operator and by admins.

use crate::world::{PASSWORD, Person, World, accepted, rejected};
use millrace_command::{
    CommandError, CommandErrorCode, DeactivateAccount, EraseAccount, FailureCode, GrantRole, RevokeRole, SecretText,
    SignIn,
};
use millrace_events::values::Email;
use millrace_events::{Event, Role, UserId};

fn grant(to: &Person, role: Role) -> GrantRole {
    GrantRole { user_id: to.id, role, expected_version: None, idempotency_key: None }
}

fn revoke(from: &Person, role: Role) -> RevokeRole {
    RevokeRole { user_id: from.id, role, expected_version: None, idempotency_key: None }
}

#[tokio::test]
async fn the_operator_grants_a_role_once() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let answer = world.commands.grant_role(ada.id, Role::Admin).await.unwrap();
    let recorded = world.event(&answer).await;
    assert_eq!((accepted(&answer).user, recorded.actor, recorded.aggregate.version), (ada.id, None, 2));
    assert!(matches!(recorded.event, Event::RoleGranted(granted) if granted.role == Role::Admin));
    world.changed_nothing(&world.commands.grant_role(ada.id, Role::Admin).await.unwrap()).await;
    let absent = world.commands.grant_role(UserId::generate(), Role::Admin).await.unwrap();
    assert_eq!(rejected(&absent).kind(), CommandErrorCode::NotFound);
}

#[tokio::test]
async fn only_admins_grant_roles_and_a_role_counts_at_once() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    for role in [None, Some(Role::Staff)] {
        if let Some(role) = role {
            world.commands.grant_role(ada.id, role).await.unwrap();
        }
        let refused = world.try_by(&ada, grant(&bob, Role::Staff)).await.unwrap_err();
        assert_eq!(refused.code(), FailureCode::Forbidden);
    }
    world.commands.grant_role(ada.id, Role::Admin).await.unwrap();
    let answer = world.by(&ada, grant(&bob, Role::Staff)).await;
    assert_eq!(world.event(&answer).await.actor, Some(ada.id));
    let refused = world.anonymously(grant(&bob, Role::Admin)).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Unauthenticated);
}

#[tokio::test]
async fn the_operator_finds_people_by_address() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let email = Email::parse(&ada.email.to_uppercase()).unwrap();
    assert_eq!(world.commands.find_user(&email).await.unwrap(), Some(ada.id));
    let nobody = Email::parse("nobody@example.org").unwrap();
    assert_eq!(world.commands.find_user(&nobody).await.unwrap(), None);
}

#[tokio::test]
async fn an_admin_takes_a_role_away_and_it_counts_at_once() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    world.commands.grant_role(ada.id, Role::Admin).await.unwrap();
    world.commands.grant_role(bob.id, Role::Staff).await.unwrap();
    let refused = world.try_by(&bob, revoke(&ada, Role::Admin)).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Forbidden, "staff take no roles away");
    let answer = world.by(&ada, revoke(&bob, Role::Staff)).await;
    let recorded = world.event(&answer).await;
    assert!(matches!(recorded.event, Event::RoleRevoked(revoked) if revoked.role == Role::Staff));
    assert_eq!((recorded.actor, recorded.aggregate.version), (Some(ada.id), 3));
    world.changed_nothing(&world.by(&ada, revoke(&bob, Role::Staff)).await).await;
    let stale = RevokeRole { expected_version: Some(1), ..revoke(&bob, Role::Staff) };
    assert_eq!(rejected(&world.by(&ada, stale).await).kind(), CommandErrorCode::VersionConflict);
}

#[tokio::test]
async fn the_last_admin_stays_one_whoever_asks() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    world.commands.grant_role(ada.id, Role::Admin).await.unwrap();
    assert_eq!(rejected(&world.by(&ada, revoke(&ada, Role::Admin)).await).kind(), CommandErrorCode::LastAdmin);
    let by_operator = world.commands.revoke_role(ada.id, Role::Admin).await.unwrap();
    assert_eq!(rejected(&by_operator).kind(), CommandErrorCode::LastAdmin);
    let bob = world.sign_up("Bob").await;
    accepted(&world.by(&ada, grant(&bob, Role::Admin)).await);
    accepted(&world.by(&ada, revoke(&ada, Role::Admin)).await);
    assert_eq!(world.try_by(&ada, grant(&ada, Role::Admin)).await.unwrap_err().code(), FailureCode::Forbidden);
}

#[tokio::test]
async fn of_two_admins_who_take_the_role_from_each_other_one_is_left() {
    for _ in 0..10 {
        let world = World::new().await;
        let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
        for admin in [&ada, &bob] {
            world.commands.grant_role(admin.id, Role::Admin).await.unwrap();
        }
        let both = [(&ada, &bob), (&bob, &ada)].map(|(by, from)| world.try_by(by, revoke(from, Role::Admin)));
        futures_util::future::join_all(both).await;
        assert_eq!(world.count("user_roles WHERE role = 'admin'").await, 1);
    }
}

fn deactivate() -> DeactivateAccount {
    DeactivateAccount { password: SecretText(PASSWORD.into()), expected_version: None, idempotency_key: None }
}

fn erase() -> EraseAccount {
    EraseAccount { password: SecretText(PASSWORD.into()), expected_version: None, idempotency_key: None }
}

#[tokio::test]
async fn the_last_admin_who_can_be_one_does_not_go() {
    let world = World::new().await;
    let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
    for admin in [&ada, &bob] {
        world.commands.grant_role(admin.id, Role::Admin).await.unwrap();
    }
    accepted(&world.by(&bob, deactivate()).await);
    let CommandError::LastAdmin(refused) = rejected(&world.by(&ada, erase()).await) else { panic!() };
    assert_eq!(refused.path, Vec::<String>::new());
    assert_eq!(rejected(&world.by(&ada, deactivate()).await).kind(), CommandErrorCode::LastAdmin);
    assert_eq!(rejected(&world.by(&ada, revoke(&ada, Role::Admin)).await).kind(), CommandErrorCode::LastAdmin);
    accepted(&world.by(&ada, revoke(&bob, Role::Admin)).await);
    accepted(&world.by(&ada, grant(&bob, Role::Admin)).await);
    let back = SignIn { email: bob.email.clone(), password: SecretText(PASSWORD.into()), reactivate: true };
    accepted(&world.anonymously(back).await.unwrap());
    accepted(&world.by(&ada, erase()).await);
}

#[tokio::test]
async fn of_two_admins_who_go_at_once_one_stays() {
    for _ in 0..5 {
        let world = World::new().await;
        let (ada, bob) = (world.sign_up("Ada").await, world.sign_up("Bob").await);
        for admin in [&ada, &bob] {
            world.commands.grant_role(admin.id, Role::Admin).await.unwrap();
        }
        let (erased, deactivated) =
            futures_util::future::join(world.try_by(&ada, erase()), world.try_by(&bob, deactivate())).await;
        assert_eq!(
            [erased.unwrap().receipt().accepted, deactivated.unwrap().receipt().accepted]
                .iter()
                .filter(|done| **done)
                .count(),
            1
        );
        let able = "user_roles JOIN users ON id = user_id WHERE deactivated_at IS NULL AND erased_at IS NULL";
        assert_eq!(world.count(able).await, 1);
    }
}
