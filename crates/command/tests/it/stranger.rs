//! Another connection, which holds locks: so that a test, and not luck, says what happens first.

use crate::world::{PATIENCE, World};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, TransactionTrait};

/// Somebody else who holds locks.
pub struct Stranger {
    _connection: DatabaseConnection,
    pub transaction: DatabaseTransaction,
}

impl Stranger {
    pub async fn holding(world: &World, lock: &str) -> Self {
        let connection = Database::connect(&world.url).await.unwrap();
        let transaction = connection.begin().await.unwrap();
        transaction.execute_unprepared(lock).await.unwrap();
        Self { _connection: connection, transaction }
    }
}

/// Until this many connections of the test's database wait for a lock.
pub async fn waiting(world: &World, count: i64) {
    let waiting = "pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let wait = async {
        while world.count(waiting).await < count {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("nobody waits for the lock");
}
