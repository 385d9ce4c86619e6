//! A new life of the log after PostgreSQL was put back.

use millrace_events::{KeyState, Position, UserId};
use millrace_log::{KeyRow, keys};

use crate::events::{commit, new_post};
use crate::setup::Database;

#[tokio::test]
async fn a_new_history_is_later_keeps_the_log_and_destroys_what_came_back() {
    let (_, log) = Database::with_log().await;
    let (ada, bob, forgotten) = (UserId::generate(), UserId::generate(), UserId::generate());
    for user_id in [ada, bob] {
        keys::create(log.database(), user_id).await.unwrap();
    }
    commit(&log, &[new_post(), new_post()]).await;
    let old = log.sequence().await.unwrap();

    // Bob's sign-up is in the older state, the other's is not; both had been erased, and Bob is named twice.
    let new = log.new_history(&[bob, forgotten, bob]).await.unwrap();
    assert!(new > old.history);
    let head = log.head().await.unwrap();
    assert_eq!((head.history, head.position), (new, old.position));
    assert!(log.read(Position::START, 10).await.unwrap().iter().all(|envelope| envelope.history == new));

    let found = log.keys_of(&[ada, bob, forgotten]).await.unwrap();
    assert!(matches!(found[&ada], KeyState::Live(_)));
    assert_eq!((&found[&bob], &found[&forgotten]), (&KeyState::Destroyed, &KeyState::Destroyed));

    // The marks reach the mirrors, and the log goes on.
    commit(&log, &[new_post()]).await;
    assert_eq!(log.sequence().await.unwrap().position, Position(3));
    let mirrored: Vec<KeyRow> = log.keys_after(0, 10).await.unwrap();
    assert_eq!(mirrored.len(), 3);
    assert!(log.new_history(&[]).await.unwrap() > new);
}

/// Keys and history change together, or not at all.
#[tokio::test]
async fn a_new_history_that_fails_half_way_leaves_everything_as_it_was() {
    let (database, log) = Database::with_log().await;
    let ada = UserId::generate();
    keys::create(log.database(), ada).await.unwrap();
    let old = log.head().await.unwrap();
    database
        .execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'refused'; END $$;
            CREATE TRIGGER refuse BEFORE UPDATE ON log_head EXECUTE FUNCTION refuse()",
        )
        .await;
    log.new_history(&[ada]).await.unwrap_err();
    assert_eq!(log.head().await.unwrap(), old);
    assert!(matches!(log.keys_of(&[ada]).await.unwrap()[&ada], KeyState::Live(_)));
}
