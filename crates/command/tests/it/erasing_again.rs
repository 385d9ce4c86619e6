//! After PostgreSQL was restored from a backup, whoever had been erased is erased again.

use crate::stranger::{Stranger, waiting};
use crate::world::{World, accepted, settings};
use futures_util::future::join;
use millrace_command::{FailureCode, Settings};
use millrace_log::PostgresSettings;
use std::time::Duration;

#[tokio::test]
async fn erasing_again_takes_its_time() {
    let world = World::new().await;
    let ada = world.sign_up("Ada").await;
    let hurried = Settings { answer_wait_max: Duration::from_millis(50), ..settings() };
    let commands = world.commands_with(world.postgres(), hurried.clone(), world.auth()).await;
    let stranger = Stranger::holding(&world, "SELECT FROM users FOR UPDATE").await;
    let release = async {
        waiting(&world, 1).await;
        tokio::time::sleep(hurried.answer_wait_max * 4).await;
        stranger.transaction.rollback().await.unwrap();
    };
    let (answer, ()) = join(commands.erase_again(ada.id), release).await;
    accepted(&answer.unwrap());
    assert_eq!(world.count("users WHERE erased_at IS NOT NULL").await, 1);
}

#[tokio::test]
async fn who_cannot_be_erased_again_keeps_nobody_else_from_it() {
    let world = World::new().await;
    let (ada, ben) = (world.sign_up("Ada").await, world.sign_up("Ben").await);
    let brief = PostgresSettings { statement_timeout: Duration::from_secs(2), ..world.postgres() };
    let commands = world.commands_with(brief, settings(), world.auth()).await;
    let lock = format!("SELECT FROM users WHERE id = '{}' FOR UPDATE", ada.id.0);
    let _stranger = Stranger::holding(&world, &lock).await;
    let failed = commands.erase_all_again(&[ada.id, ben.id]).await;
    assert_eq!(failed.iter().map(|(person, _)| *person).collect::<Vec<_>>(), [ada.id]);
    assert_eq!(failed[0].1.code(), FailureCode::Timeout);
    assert_eq!(world.count(&format!("users WHERE erased_at IS NOT NULL AND id = '{}'", ben.id.0)).await, 1);
}
