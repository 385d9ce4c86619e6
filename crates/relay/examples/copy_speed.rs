//! How fast the relay copies a log that is there, and how soon an event that is committed lies in the stream.
//!
//! `millrace-servers exec --durable -- cargo run --release -p millrace-relay --example copy_speed`
#![allow(clippy::unwrap_used, reason = "a measurement ends with the first error")]

use std::time::{Duration, Instant};

use millrace_events::{Aggregate, AggregateKind, CommandId, EventId, Position, Timestamp};
use millrace_log::{Log, NewEvent, PostgresSettings, command_ordinal, outbox};
use millrace_relay::{NatsSettings, Relay, RelayStatus};
use millrace_servers::{Shared, unique_name};
use sea_orm::{ConnectionTrait, Database};
use serde_json::json;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const BACKLOG_COMMANDS: u32 = 100;
const EVENTS_PER_COMMAND: u32 = 500;
const SINGLE_EVENTS: usize = 500;
const BETWEEN_EVENTS: Duration = Duration::from_millis(5);
const TEXT_BYTES: usize = 250;

#[tokio::main]
async fn main() {
    let urls = Shared::from_environment().await.unwrap().urls();
    let name = unique_name("copy_speed");
    let admin = Database::connect(&urls.postgresql).await.unwrap();
    admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let url = format!("{}/{name}", urls.postgresql.rsplit_once('/').unwrap().0);
    let log = Log::connect(&PostgresSettings::new(url)).await.unwrap();
    log.migrate().await.unwrap();
    for _ in 0..BACKLOG_COMMANDS {
        commit(&log, EVENTS_PER_COMMAND).await;
    }
    let backlog = log.sequence().await.unwrap().position;

    let nats = NatsSettings { prefix: name, ..NatsSettings::new(&urls.nats) };
    let copied = relay_until(&log, &nats, |status| status.last >= Some(backlog)).await;
    println!("copied a backlog of {backlog} events: {:.0} events/s", rate(backlog, copied));
    let ready = relay_until(&log, &nats, |status| status.last >= Some(backlog)).await;
    println!("a relay that starts knows the stream's end after {:.1} ms", ready.as_secs_f64() * 1_000.0);
    let compared = relay_until(&log, &nats, |status| status.compared >= Some(backlog)).await;
    println!("and has compared it: {:.0} events/s", rate(backlog, compared));
    single_events(&log, &nats).await;
}

fn rate(events: Position, taken: Duration) -> f64 {
    f64::from(u32::try_from(events.0).unwrap()) / taken.as_secs_f64()
}

/// How long a new relay takes until it tells this of itself.
async fn relay_until(log: &Log, nats: &NatsSettings, condition: impl FnMut(&RelayStatus) -> bool) -> Duration {
    let relay = Relay::new(log.clone(), nats.clone());
    let (mut status, shutdown, begun) = (relay.status(), CancellationToken::new(), Instant::now());
    let running = tokio::spawn(relay.run(shutdown.clone()));
    status.wait_for(condition).await.unwrap();
    let taken = begun.elapsed();
    shutdown.cancel();
    running.await.unwrap();
    taken
}

async fn single_events(log: &Log, nats: &NatsSettings) {
    let relay = Relay::new(log.clone(), nats.clone());
    let (mut status, shutdown) = (relay.status(), CancellationToken::new());
    let running = tokio::spawn(relay.run(shutdown.clone()));
    let backlog = log.head().await.unwrap().position;
    status.wait_for(|status| status.last >= Some(backlog)).await.unwrap();
    let (mut from_commit, mut from_position) = (Vec::new(), Vec::new());
    for _ in 0..SINGLE_EVENTS {
        commit(log, 1).await;
        let committed = Instant::now();
        let head = log.sequence().await.unwrap();
        let sequenced = Instant::now();
        status.wait_for(|status| status.last >= Some(head.position)).await.unwrap();
        from_commit.push(committed.elapsed());
        from_position.push(sequenced.elapsed());
        tokio::time::sleep(BETWEEN_EVENTS).await;
    }
    shutdown.cancel();
    running.await.unwrap();
    println!("commit to acked by the stream: {}", quantiles(from_commit));
    println!("sequenced to acked by the stream: {}", quantiles(from_position));
}

fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let ms = |percent: usize| times[times.len() * percent / 100].as_secs_f64() * 1_000.0;
    format!("p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms", ms(50), ms(90), ms(99))
}

async fn commit(log: &Log, count: u32) {
    let (command_id, command_ordinal) = (CommandId::generate(), command_ordinal(log.database()).await.unwrap());
    let event = |index| NewEvent {
        event_id: EventId::generate(),
        command_id,
        command_ordinal,
        index,
        count,
        aggregate: Aggregate { kind: AggregateKind::Post, id: Uuid::now_v7(), version: 1 },
        name: "post.edited",
        schema_version: 1,
        actor: None,
        at: Timestamp::new(OffsetDateTime::now_utc()),
        trace: None,
        payload: json!({ "text": "x".repeat(TEXT_BYTES) }),
    };
    outbox::record(log.database(), &(0..count).map(event).collect::<Vec<_>>()).await.unwrap();
}
