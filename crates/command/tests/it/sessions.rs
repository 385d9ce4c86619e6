//! Signing in, renewing, signing out.

use crate::erasure::erase;
use crate::world::{PASSWORD, Person, World, accepted, create_post, rejected};
use millrace_command::{
    Answer, ChangePassword, CommandError, CommandErrorCode, FailureCode, RefreshSession, SecretText, Session, SignIn,
    SignOut, SignOutEverywhere,
};
use millrace_events::{Event, SessionId};
use time::{Duration, OffsetDateTime};

fn sign_in(email: &str, password: &str) -> SignIn {
    SignIn { email: email.into(), password: SecretText(password.into()), reactivate: false }
}

fn refresh(session: &Session) -> RefreshSession {
    RefreshSession { refresh_token: SecretText(session.refresh_token.clone()) }
}

async fn refreshed(world: &World, session: &Session) -> Session {
    world.anonymously(refresh(session)).await.unwrap().session().unwrap().clone()
}

fn session_id(person: &Person) -> SessionId {
    person.viewer.person().unwrap().session_id
}

async fn ended_sessions(world: &World) -> Vec<SessionId> {
    let envelopes = world.envelopes().await.into_iter().filter(|envelope| envelope.name == "user.sessionEnded");
    envelopes.map(|envelope| serde_json::from_value(envelope.payload["sessionId"].clone()).unwrap()).collect()
}

#[tokio::test]
async fn the_right_password_gives_a_session_and_no_event() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let answer = world.anonymously(sign_in(&ada.email.to_uppercase(), PASSWORD)).await.unwrap();
    assert_eq!(accepted(&answer).user, ada.id);
    world.changed_nothing(&answer).await;
    let viewer = world.viewer(answer.session().unwrap());
    assert_ne!(viewer.person().unwrap().session_id, session_id(&ada));
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_get_the_same_answer() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let mut told: Vec<CommandError> = Vec::new();
    for (email, password) in
        [(&*ada.email, "not the password"), ("nobody@example.org", PASSWORD), (&*ada.email, "short")]
    {
        let answer = world.anonymously(sign_in(email, password)).await.unwrap();
        assert!(answer.session().is_none());
        told.push(rejected(&answer));
    }
    assert_eq!(told[0].kind(), CommandErrorCode::InvalidCredentials);
    assert!(told.iter().all(|error| *error == told[0]), "{told:?}");
}

#[tokio::test]
async fn each_refresh_gives_new_tokens_of_the_same_sign_in() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let next = refreshed(&world, &ada.session).await;
    let again = refreshed(&world, &next).await;
    assert_ne!(next.refresh_token, ada.session.refresh_token);
    assert_ne!(again.refresh_token, next.refresh_token);
    assert_eq!(world.viewer(&again).person().unwrap().session_id, session_id(&ada));
    assert_eq!(ended_sessions(&world).await, []);
}

#[tokio::test]
async fn no_store_has_a_token_or_a_password_in_the_clear() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    refreshed(&world, &ada.session).await;
    for table in ["users", "sessions", "refresh_tokens", "idempotency_keys", "log"] {
        for secret in [PASSWORD, &ada.session.refresh_token, &ada.session.access_token] {
            let found = world.count(&format!("{table} WHERE {table}::text LIKE '%{secret}%'")).await;
            assert_eq!(found, 0, "{secret} is in {table}");
        }
    }
}

#[tokio::test]
async fn using_an_old_refresh_token_ends_the_sign_in_for_the_thief_and_the_owner() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let next = refreshed(&world, &ada.session).await;
    world.sql("UPDATE refresh_tokens SET replaced_at = replaced_at - interval '20 seconds'").await;
    let stolen = world.anonymously(refresh(&ada.session)).await.unwrap();
    assert_eq!(rejected(&stolen).kind(), CommandErrorCode::InvalidCredentials);
    let recorded = world.event(&stolen).await;
    assert!(matches!(&recorded.event, Event::SessionEnded(ended) if ended.session_id == session_id(&ada)));
    assert_eq!((recorded.aggregate.id, recorded.aggregate.version), (ada.id.0, 2));
    assert_eq!(
        rejected(&world.anonymously(refresh(&next)).await.unwrap()).kind(),
        CommandErrorCode::InvalidCredentials
    );
    let refused = world.try_by(&ada, create_post(true)).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Unauthenticated);
    assert_eq!(ended_sessions(&world).await.len(), 1);
}

#[tokio::test]
async fn the_previous_refresh_token_stays_good_for_twenty_seconds() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let lost = refreshed(&world, &ada.session).await;
    let got = refreshed(&world, &ada.session).await;
    world.sql("UPDATE refresh_tokens SET replaced_at = replaced_at - interval '10 seconds'").await;
    let third = refreshed(&world, &ada.session).await;
    assert_eq!(ended_sessions(&world).await, []);
    refreshed(&world, &got).await;
    // The siblings of a token that was used are replaced with it, and stay good as long as that does.
    refreshed(&world, &lost).await;
    world.sql("UPDATE refresh_tokens SET replaced_at = replaced_at - interval '20 seconds'").await;
    let late = world.anonymously(refresh(&third)).await.unwrap();
    assert_eq!(rejected(&late).kind(), CommandErrorCode::InvalidCredentials);
    assert_eq!(ended_sessions(&world).await, [session_id(&ada)]);
}

#[tokio::test]
async fn eight_twins_of_one_refresh_all_get_good_tokens() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let twins = futures_util::future::join_all((0..8).map(|_| refreshed(&world, &ada.session))).await;
    for session in &twins {
        refreshed(&world, session).await;
    }
    assert_eq!(ended_sessions(&world).await, []);
}

#[tokio::test]
async fn twins_of_a_refresh_have_an_end() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let mut refused = None;
    for _ in 0..40 {
        refused = world.anonymously(refresh(&ada.session)).await.err().or(refused);
    }
    assert_eq!(refused.unwrap().code(), FailureCode::RateLimited);
    assert!(world.count("refresh_tokens").await <= 32);
}

#[tokio::test]
async fn what_is_no_refresh_token_is_refused() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let expired = world.sign_in(&ada).await;
    world.sql(&format!("UPDATE sessions SET expires_at = now() WHERE id = '{}'", session_id(&expired))).await;
    let forged = Session { refresh_token: "A".repeat(64), ..ada.session.clone() };
    for session in [&forged, &expired.session] {
        let answer = world.anonymously(refresh(session)).await.unwrap();
        assert_eq!(rejected(&answer).kind(), CommandErrorCode::InvalidCredentials);
    }
    assert_eq!(ended_sessions(&world).await, []);
}

#[tokio::test]
async fn signing_out_ends_this_sign_in_only() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let phone = world.sign_in(&ada).await;
    let answer = world.by(&phone, SignOut::default()).await;
    let recorded = world.event(&answer).await;
    assert!(matches!(&recorded.event, Event::SessionEnded(ended) if ended.session_id == session_id(&phone)));
    let refused = world.try_by(&phone, create_post(true)).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Unauthenticated);
    assert_eq!(
        rejected(&world.anonymously(refresh(&phone.session)).await.unwrap()).kind(),
        CommandErrorCode::InvalidCredentials
    );
    accepted(&world.by(&ada, create_post(true)).await);
}

#[tokio::test]
async fn signing_out_twice_changes_nothing() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    world.by(&ada, SignOut::default()).await;
    world.changed_nothing(&world.by(&ada, SignOut::default()).await).await;
}

#[tokio::test]
async fn signing_out_everywhere_voids_every_token_up_to_now_and_none_after() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let phone = world.sign_in(&ada).await;
    let answer: Answer<_> = world.by(&ada, SignOutEverywhere::default()).await;
    let Event::AllSessionsEnded(ended) = world.event(&answer).await.event else { panic!() };
    let later = world.sign_in(&ada).await;
    for (person, is_void) in [(&ada, true), (&phone, true), (&later, false)] {
        assert_eq!(person.viewer.person().unwrap().issued_at <= ended.issued_until, is_void);
        let refused = world.try_by(person, create_post(true)).await.err().map(|failure| failure.code());
        assert_eq!(refused, is_void.then_some(FailureCode::Unauthenticated));
    }
    assert!(
        rejected(&world.anonymously(refresh(&phone.session)).await.unwrap()).kind()
            == CommandErrorCode::InvalidCredentials
    );
}

/// By so much the clock is set back in the tests below: less than the clocks of two machines may be apart.
const SET_BACK: Duration = Duration::seconds(10);

fn issued_at(person: &Person) -> OffsetDateTime {
    person.viewer.person().unwrap().issued_at.moment()
}

#[tokio::test]
async fn no_token_is_void_from_the_beginning_after_the_clock_was_set_back() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let answer = world.by(&ada, SignOutEverywhere::default()).await;
    let Event::AllSessionsEnded(ended) = world.event(&answer).await.event else { panic!() };
    world.sql("UPDATE users SET outside_void_until = outside_void_until + interval '10 seconds'").await;
    let again = world.sign_in(&ada).await;
    let session = refreshed(&world, &again.session).await;
    let next = Person { viewer: world.viewer(&session), session, ..again.clone() };
    let (until, first, second) = (ended.issued_until.moment() + SET_BACK, issued_at(&again), issued_at(&next));
    assert!(until < first && first < second, "{until}, {first}, {second}");
}

#[tokio::test]
async fn no_token_outlives_the_end_of_all_sign_ins_after_the_clock_was_set_back() {
    let world = World::new().await;
    let (ada, ben, eve) = (world.sign_up("Ada").await, world.sign_up("Ben").await, world.sign_up("Eve").await);
    // As if the tokens had been issued with the clock ahead.
    world.sql("UPDATE refresh_tokens SET issued_at = issued_at + interval '10 seconds'").await;
    let answer = world.by(&ada, SignOutEverywhere::default()).await;
    let Event::AllSessionsEnded(everywhere) = world.event(&answer).await.event else { panic!() };
    let change = ChangePassword {
        current_password: SecretText(PASSWORD.into()),
        new_password: SecretText("staple battery horse".into()),
        expected_version: None,
        idempotency_key: None,
    };
    let events = world.events(world.by(&ben, change).await.receipt().command_id).await;
    let Event::OtherSessionsEnded(others) = &events[1].event else { panic!("{events:?}") };
    let answer = world.by(&eve, erase(PASSWORD)).await;
    let Event::UserErased(erased) = world.event(&answer).await.event else { panic!() };
    let ends = [(&ada, everywhere.issued_until), (&ben, others.issued_until), (&eve, erased.issued_until)];
    for (person, until) in ends {
        assert!(until.moment() >= issued_at(person) + SET_BACK, "{until:?} of {}", person.email);
    }
}

#[tokio::test]
async fn no_end_of_all_sign_ins_makes_a_providers_void_token_good() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let link = format!(
        "INSERT INTO identities (issuer, subject, user_id, linked_at, session_id, void_until)
         VALUES ('https://id.example', '1', '{}', now(), gen_random_uuid(), now() + interval '1 hour')",
        ada.id
    );
    world.sql(&link).await;
    accepted(&world.by(&ada, SignOutEverywhere::default()).await);
    assert_eq!(world.count("identities WHERE void_until > now() + interval '30 minutes'").await, 1);
}

#[tokio::test]
async fn a_token_whose_sign_in_has_ended_cannot_end_the_others() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let stolen = world.sign_in(&ada).await;
    world.by(&stolen, SignOut::default()).await;
    world.changed_nothing(&world.by(&stolen, SignOutEverywhere::default()).await).await;
    accepted(&world.by(&ada, create_post(true)).await);
}

#[tokio::test]
async fn nobody_signed_in_is_told_so() {
    let world = World::new().await;
    for refused in [
        world.anonymously(create_post(true)).await.err(),
        world.anonymously(SignOut::default()).await.err(),
        world.anonymously(SignOutEverywhere::default()).await.err(),
    ] {
        assert_eq!(refused.unwrap().code(), FailureCode::Unauthenticated);
    }
}

#[tokio::test]
async fn a_session_of_somebody_else_does_not_let_in() {
    let world = World::new().await;
    let (ada, mut eve) = (world.sign_up("Ada").await, world.sign_up("Eve").await);
    let millrace_events::Viewer::Person(person) = &mut eve.viewer else { panic!() };
    person.user_id = ada.id;
    let refused = world.try_by(&eve, create_post(true)).await.unwrap_err();
    assert_eq!(refused.code(), FailureCode::Unauthenticated);
}

#[tokio::test]
async fn sessions_that_are_over_are_swept_with_their_tokens() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let phone = world.sign_in(&ada).await;
    world.sign_in(&ada).await;
    world.by(&phone, SignOut::default()).await;
    assert_eq!(world.commands.sweep().await.unwrap().sessions, 0);
    world.sql("UPDATE sessions SET ended_at = ended_at - interval '25 hours' WHERE ended_at IS NOT NULL").await;
    world
        .sql(&format!("UPDATE sessions SET expires_at = now() - interval '25 hours' WHERE id = '{}'", session_id(&ada)))
        .await;
    assert_eq!(world.commands.sweep().await.unwrap().sessions, 2);
    assert_eq!((world.count("sessions").await, world.count("refresh_tokens").await), (1, 1));
}

#[tokio::test]
async fn sign_ins_that_race_with_signing_out_everywhere_are_void_or_later() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    // No more at once than may be wrong.
    let sign_ins = futures_util::future::join_all((0..4).map(|_| world.sign_in(&ada)));
    let everywhere = world.by(&ada, SignOutEverywhere::default());
    let (people, answer) = futures_util::future::join(sign_ins, everywhere).await;
    let Event::AllSessionsEnded(ended) = world.event(&answer).await.event else { panic!() };
    for person in &people {
        let is_void = person.viewer.person().unwrap().issued_at <= ended.issued_until;
        assert_eq!(world.try_by(person, create_post(true)).await.is_err(), is_void);
    }
}
