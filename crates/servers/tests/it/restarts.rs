//! Starting, stopping and starting again.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use millrace_servers::{Error, Options, Servers};

use crate::common::{binaries, fresh_set, redis, runs, sql};

const ANSWER_LIMIT: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_temporary_set_answers_and_leaves_nothing() {
    let servers = fresh_set().await;
    let folder = servers.data_folder().to_owned();
    let ids: Vec<u32> = servers.all().iter().map(|server| server.pid().unwrap()).collect();
    assert_eq!(sql(&binaries().await, &servers.urls().postgresql, "SELECT 1 + 1").unwrap(), "2");
    assert_eq!(redis(servers.redis(), "PING", ANSWER_LIMIT).unwrap(), "+PONG");
    assert!(ids.iter().all(|id| runs(*id)));
    drop(servers);
    assert!(!ids.iter().any(|id| runs(*id)));
    assert!(!folder.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_start_keeps_data_and_urls() {
    let folder = tempfile::tempdir().unwrap();
    let binaries = binaries().await;
    let first = Servers::start(&binaries, folder.path(), Options::default()).await.unwrap();
    let urls = first.urls();
    sql(&binaries, &urls.postgresql, "CREATE TABLE kept AS SELECT 42 AS number").unwrap();
    first.stop().await.unwrap();
    assert!(first.all().iter().all(|server| server.pid().is_none()));
    drop(first);

    let second = Servers::start(&binaries, folder.path(), Options::default()).await.unwrap();
    assert_eq!(second.urls(), urls);
    assert_eq!(sql(&binaries, &urls.postgresql, "SELECT number FROM kept").unwrap(), "42");
    assert_eq!(sql(&binaries, &urls.postgresql, "SHOW fsync").unwrap(), "on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_was_taken_meanwhile_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let binaries = binaries().await;
    let first = Servers::start(&binaries, folder.path(), Options::for_tests()).await.unwrap();
    let old_port = first.mongodb().port();
    first.stop().await.unwrap();
    drop(first);

    let stranger = TcpListener::bind((Ipv4Addr::LOCALHOST, old_port)).unwrap();
    // It hangs up on MongoDB, which asks at the old address whether that is itself.
    thread::spawn(move || stranger.incoming().for_each(drop));
    // MongoDB's replica set names the old port: it must be told the new one before it can be primary.
    let second = Servers::start(&binaries, folder.path(), Options::for_tests()).await.unwrap();
    assert_ne!(second.mongodb().port(), old_port);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_in_use_is_refused() {
    let servers = fresh_set().await;
    let folder: PathBuf = servers.data_folder().to_owned();
    let refused = Servers::start(&binaries().await, &folder, Options::for_tests()).await;
    assert!(matches!(refused, Err(Error::DataFolderInUse(path)) if path == folder));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_fixed_port_is_named() {
    let servers = fresh_set().await;
    let taken = servers.nats().port();
    let folder = tempfile::tempdir().unwrap();
    let options = Options { base_port: Some(taken), ..Options::for_tests() };
    let refused = Servers::start(&binaries().await, folder.path(), options).await;
    assert!(matches!(refused, Err(Error::PortTaken { port, .. }) if port == taken));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_shows_its_log() {
    let servers = fresh_set().await;
    let postgresql = servers.postgresql();
    postgresql.stop().await.unwrap();
    std::fs::remove_file(postgresql.data_folder().join("global/pg_control")).unwrap();
    let error = postgresql.start().await.unwrap_err();
    assert!(matches!(&error, Error::Ended { log, .. } if log.contains("pg_control")), "{error}");
    assert_eq!(postgresql.pid(), None);
}
