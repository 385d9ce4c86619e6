//! Roles, granted by the operator and by admins.

use crate::world::{Person, World, accepted, rejected};
use millrace_command::{CommandErrorCode, FailureCode, GrantRole};
use millrace_events::values::Email;
use millrace_events::{Event, Role, UserId};

fn grant(to: &Person, role: Role) -> GrantRole {
    GrantRole { user_id: to.id, role, expected_version: None, idempotency_key: None }
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
