//! Commands of one person at the same moment: each locks the account weakly, and some want the lock that changes it then. None waits for
//! another that waits for it.

use crate::mailbox::Mailbox;
use crate::stranger::{Stranger, waiting};
use crate::world::{PASSWORD, World, accepted, settings};
use async_graphql::MaybeUndefined;
use futures_util::future::{join, join_all};
use millrace_command::{ChangeEmail, Commands, Request, SecretText, UpdateProfile, VerifyEmail};
use millrace_events::Viewer;

const AT_ONCE: i64 = 4;

/// Where a deadlock is not found before the statement has taken too long.
async fn patient(world: &World) -> Commands {
    const PATIENT: &str = "DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET deadlock_timeout = %L', current_database(), '1min');
    END $$";
    world.sql(PATIENT).await;
    world.commands_with(world.postgres(), settings(), world.auth()).await
}

fn bio(number: i64) -> UpdateProfile {
    UpdateProfile {
        first_name: None,
        last_name: None,
        avatar_url: MaybeUndefined::Undefined,
        bio: MaybeUndefined::Value(format!("Text {number}")),
        expected_version: None,
        idempotency_key: None,
    }
}

#[tokio::test]
async fn changes_of_a_profile_go_one_after_the_other() {
    let world = World::new().await;
    let (ada, commands) = (world.sign_up("Ada").await, patient(&world).await);
    // It lets them begin, and no further.
    let stranger = Stranger::holding(&world, "SELECT FROM users FOR NO KEY UPDATE").await;
    let changes = (0..AT_ONCE).map(|number| commands.execute(Request::new(ada.viewer.clone()), bio(number)));
    let others = async {
        waiting(&world, AT_ONCE).await;
        stranger.transaction.commit().await.unwrap();
    };
    let (answers, ()) = join(join_all(changes), others).await;
    for answer in answers {
        accepted(&answer.unwrap());
    }
}

/// PostgreSQL takes a change of an address, which is a key, for an end of the account: that lock must be there from the beginning.
#[tokio::test]
async fn another_address_and_another_profile_go_one_after_the_other() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let (ada, commands) = (world.sign_up("Ada").await, patient(&world).await);
    let password = SecretText(PASSWORD.into());
    let change =
        ChangeEmail { new_email: "next@example.org".into(), password, expected_version: None, idempotency_key: None };
    accepted(&world.by(&ada, change).await);
    mailbox.fill(&world).await;
    let token = SecretText(mailbox.token("next@example.org", "Confirm your e-mail address"));
    let verify = VerifyEmail { token, idempotency_key: None };
    // It is locked after the account.
    let stranger = Stranger::holding(&world, "SELECT FROM mail_tokens FOR UPDATE").await;
    let verified = commands.execute(Request::new(Viewer::Anonymous), verify);
    let others = async {
        waiting(&world, 1).await;
        let release = async {
            waiting(&world, 2).await;
            stranger.transaction.commit().await.unwrap();
        };
        join(commands.execute(Request::new(ada.viewer.clone()), bio(0)), release).await.0
    };
    let (verified, changed) = join(verified, others).await;
    accepted(&verified.unwrap());
    accepted(&changed.unwrap());
}
