//! Signing up, the profile.

use crate::world::{World, accepted, rejected, sign_up};
use async_graphql::MaybeUndefined;
use millrace_command::{CommandError, CommandErrorCode, SecretText, SignUp, UpdateProfile};
use millrace_events::{ConsistencyToken, Event, Personal, UserId};

fn profile() -> UpdateProfile {
    UpdateProfile {
        first_name: None,
        last_name: None,
        avatar_url: MaybeUndefined::Undefined,
        bio: MaybeUndefined::Undefined,
        expected_version: None,
        idempotency_key: None,
    }
}

#[tokio::test]
async fn signing_up_makes_an_account_and_signs_in() {
    let world = World::new().await;
    let answer = world.anonymously(sign_up("Ada", "Ada@Example.org")).await.unwrap();
    let user = accepted(&answer).user;
    let recorded = world.event(&answer).await;
    let Event::UserCreated(created) = &recorded.event else { panic!("{recorded:?}") };
    assert_eq!((recorded.aggregate.id, recorded.aggregate.version), (user.0, 1));
    assert_eq!(recorded.actor, None);
    assert_eq!(created.user_id, user);
    assert_eq!(created.email, Personal::known(user, "Ada@Example.org".to_owned()));
    let viewer = world.viewer(answer.session().unwrap());
    assert_eq!(viewer.user_id(), Some(user));
}

#[tokio::test]
async fn the_receipt_tells_what_was_made_and_where_the_log_ends() {
    let world = World::new().await;
    let answer = world.anonymously(sign_up("Ada", "ada@example.org")).await.unwrap();
    let (receipt, user) = (answer.receipt(), accepted(&answer).user);
    assert_eq!(receipt.aggregate_id.as_ref().map(|id| UserId::from_global(id)), Some(Ok(user)));
    assert_eq!((receipt.version, receipt.replayed), (Some(1), false));
    let token: ConsistencyToken = receipt.consistency_token.as_ref().unwrap().parse().unwrap();
    let head = world.log.head().await.unwrap();
    assert_eq!((token.history, token.position), (head.history, head.position));
    assert_eq!(world.event(&answer).await.position, head.position);
    assert_eq!(receipt.accepted_at, Some(world.event(&answer).await.at));
}

#[tokio::test]
async fn what_a_person_wrote_lies_sealed_in_the_log() {
    let world = World::new().await;
    world.anonymously(sign_up("Ada", "ada@example.org")).await.unwrap();
    let log = serde_json::to_string(&world.envelopes().await).unwrap();
    for secret in ["Ada", "Lovelace", "ada@example.org"] {
        assert!(!log.contains(secret), "{secret} is readable in {log}");
    }
}

#[tokio::test]
async fn an_address_has_one_account_without_regard_to_case() {
    let world = World::new().await;
    world.anonymously(sign_up("Ada", "ada@example.org")).await.unwrap();
    let answer = world.anonymously(sign_up("Eve", "ADA@example.ORG")).await.unwrap();
    assert_eq!(rejected(&answer).kind(), CommandErrorCode::EmailTaken);
    assert_eq!(world.count("users").await, 1);
    assert_eq!(world.envelopes().await.len(), 1);
}

#[tokio::test]
async fn of_eight_who_want_one_address_at_once_one_gets_it() {
    let world = World::new().await;
    let all = (0..8).map(|n| world.anonymously(sign_up(&format!("Ada{n}"), "ada@example.org")));
    let answers = futures_util::future::join_all(all).await;
    let (won, lost): (Vec<_>, Vec<_>) =
        answers.into_iter().map(Result::unwrap).partition(|answer| answer.receipt().accepted);
    assert_eq!(won.len(), 1);
    assert!(lost.iter().all(|answer| rejected(answer).kind() == CommandErrorCode::EmailTaken));
    assert_eq!(world.envelopes().await.len(), 1);
}

#[tokio::test]
async fn all_wrong_fields_are_told_at_once() {
    let world = World::new().await;
    let wrong = SignUp {
        first_name: " ".into(),
        last_name: "x".repeat(81),
        email: "nowhere".into(),
        password: SecretText("short".into()),
        idempotency_key: Some("k".repeat(65)),
    };
    let answer = world.anonymously(wrong).await.unwrap();
    let paths: Vec<_> = answer
        .errors()
        .iter()
        .map(|error| match error {
            CommandError::ValidationError(error) => error.path.join("."),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(paths, ["firstName", "lastName", "email", "password", "idempotencyKey"]);
    assert_eq!((world.count("users").await, answer.receipt().accepted), (0, false));
    assert!(answer.receipt().consistency_token.is_some());
}

#[tokio::test]
async fn a_profile_changes_to_what_is_named() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let change = UpdateProfile {
        first_name: Some("Augusta".into()),
        bio: MaybeUndefined::Value("Engines.".into()),
        expected_version: Some(1),
        ..profile()
    };
    let answer = world.by(&ada, change).await;
    assert_eq!((accepted(&answer).user, answer.receipt().version), (ada.id, Some(2)));
    let recorded = world.event(&answer).await;
    assert_eq!((recorded.aggregate.version, recorded.actor), (2, Some(ada.id)));
    let Event::ProfileUpdated(updated) = recorded.event else { panic!("{recorded:?}") };
    assert_eq!(updated.first_name.value().unwrap(), "Augusta");
    assert_eq!(updated.last_name.value().unwrap(), "Lovelace");
    assert_eq!(updated.bio.value().unwrap().as_deref(), Some("Engines."));

    let cleared = world.by(&ada, UpdateProfile { bio: MaybeUndefined::Null, ..profile() }).await;
    let Event::ProfileUpdated(updated) = world.event(&cleared).await.event else { panic!() };
    assert_eq!(updated.bio.value(), Some(&None));
}

#[tokio::test]
async fn the_same_profile_again_changes_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let answer = world.by(&ada, UpdateProfile { first_name: Some("Ada".into()), ..profile() }).await;
    world.changed_nothing(&answer).await;
    assert_eq!(answer.receipt().version, Some(1));
}

#[tokio::test]
async fn another_version_than_the_expected_one_is_told() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let answer = world.by(&ada, UpdateProfile { expected_version: Some(7), ..profile() }).await;
    let CommandError::VersionConflict(conflict) = rejected(&answer) else { panic!("{answer:?}") };
    assert_eq!((conflict.expected, conflict.actual), (7, 1));
    assert_eq!(conflict.path, ["expectedVersion"]);
}
