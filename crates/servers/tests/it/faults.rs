//! What fault tests do to servers.

use std::time::Duration;

use millrace_servers::Error;

use crate::common::{binaries, family, fresh_set, redis, runs, sql, sql_within};

const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// A running Redis answers a thousand times in this.
const SILENCE: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn killed_servers_start_again_with_their_data() {
    let servers = fresh_set().await;
    let binaries = binaries().await;
    let url = servers.urls().postgresql;
    sql(&binaries, &url, "CREATE TABLE kept (number int)").unwrap();
    for number in 1..=3 {
        sql(&binaries, &url, &format!("INSERT INTO kept VALUES ({number})")).unwrap();
        for server in servers.all() {
            let processes = family(server.pid().unwrap());
            server.kill().unwrap();
            assert!(!processes.iter().any(|id| runs(*id)), "{} left processes", server.kind());
            assert_eq!(server.pid(), None);
        }
        for server in servers.all() {
            server.start().await.unwrap();
        }
    }
    assert_eq!(sql(&binaries, &url, "SELECT sum(number) FROM kept").unwrap(), "6");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_server_is_silent_and_goes_on() {
    let servers = fresh_set().await;
    let redis_server = servers.redis();
    redis_server.pause().unwrap();
    assert_eq!(redis(redis_server, "PING", SILENCE), None);
    assert!(matches!(redis_server.pause(), Err(Error::NotRunning(_))));
    redis_server.resume().unwrap();
    assert_eq!(redis(redis_server, "PING", ANSWER_LIMIT).unwrap(), "+PONG");
    assert!(matches!(redis_server.resume(), Err(Error::NotRunning(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_postgresql_stops_with_all_its_processes() {
    let servers = fresh_set().await;
    let binaries = binaries().await;
    let url = servers.urls().postgresql;
    let postgresql = servers.postgresql();
    postgresql.pause().unwrap();
    for id in family(postgresql.pid().unwrap()) {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
        // One that ended just before is there until its parent, which is paused, takes note.
        let state = stat.rsplit_once(')').unwrap().1;
        assert!(state.starts_with(" T") || state.starts_with(" Z"), "{stat}");
    }
    assert!(sql_within(&binaries, &url, "SELECT 1", Duration::from_secs(2)).unwrap_err().contains("timeout"));
    postgresql.resume().unwrap();
    assert_eq!(sql(&binaries, &url, "SELECT 1").unwrap(), "1");
    // A paused server can also be stopped or killed.
    postgresql.pause().unwrap();
    postgresql.stop().await.unwrap();
    postgresql.start().await.unwrap();
    postgresql.pause().unwrap();
    postgresql.kill().unwrap();
    // Twice is as good as once.
    postgresql.kill().unwrap();
    postgresql.stop().await.unwrap();
    postgresql.start().await.unwrap();
    assert_eq!(sql(&binaries, &url, "SELECT 1").unwrap(), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_can_be_put_back() {
    let servers = fresh_set().await;
    let binaries = binaries().await;
    let url = servers.urls().postgresql;
    let copies = tempfile::tempdir().unwrap();
    sql(&binaries, &url, "CREATE TABLE history AS SELECT 'old' AS age").unwrap();
    for server in servers.all() {
        let copy = copies.path().join(server.kind().name());
        assert!(matches!(server.copy_data_to(&copy), Err(Error::Running(_))));
        server.stop().await.unwrap();
        server.copy_data_to(&copy).unwrap();
        server.start().await.unwrap();
    }
    sql(&binaries, &url, "UPDATE history SET age = 'new'").unwrap();
    for server in servers.all() {
        server.kill().unwrap();
        server.put_data_back(&copies.path().join(server.kind().name())).unwrap();
        server.start().await.unwrap();
    }
    assert_eq!(sql(&binaries, &url, "SELECT age FROM history").unwrap(), "old");
}

/// Told by the first thread's end alone: the others may end later, above all on a busy machine, and only then is it over.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_killed_by_somebody_else_can_be_started() {
    let servers = fresh_set().await;
    let redis_server = servers.redis();
    let id = redis_server.pid().unwrap();
    std::process::Command::new("kill").args(["-KILL", &id.to_string()]).status().unwrap();
    crate::common::wait_until("Redis is gone", || !runs(id));
    redis_server.start().await.unwrap();
    assert_ne!(redis_server.pid(), Some(id));
}
