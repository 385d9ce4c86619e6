//! A log, its stream, relays between them, and another look at both than the relay's own.

use std::time::Duration;

use async_nats::jetstream::{self, Context, stream::Info};
use futures_util::{StreamExt, TryStreamExt, stream};
use millrace_events::{Aggregate, AggregateKind, CommandId, Envelope, EventId, Position, Timestamp, UserId};
use millrace_log::{Log, NewEvent, PostgresSettings, command_ordinal, outbox};
use millrace_relay::{NatsSettings, Relay, RelayStatus};
use millrace_servers::{Shared, Urls, unique_name};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Longer than anything here takes: a test that hangs fails.
pub const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);
const READS_AT_ONCE: usize = 64;
const PAGE: u32 = 1_000;

pub struct World {
    pub log: Log,
    pub nats: NatsSettings,
    pub context: Context,
}

impl World {
    /// On the servers that all tests share.
    pub async fn new() -> Self {
        Self::on(Shared::from_environment().await.unwrap().urls()).await
    }

    /// With a database and a prefix of its own.
    pub async fn on(urls: &Urls) -> Self {
        let name = unique_name("relay");
        let admin = Database::connect(&urls.postgresql).await.unwrap();
        admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
        let url = format!("{}/{name}", urls.postgresql.rsplit_once('/').unwrap().0);
        let log = Log::connect(&PostgresSettings::new(url)).await.unwrap();
        log.migrate().await.unwrap();
        let nats = NatsSettings { prefix: name, ..NatsSettings::new(&urls.nats) };
        let operator = async_nats::ConnectOptions::with_user_and_password("operator".into(), "operator".into());
        let context = jetstream::new(operator.connect(&urls.nats).await.unwrap());
        Self { log, nats, context }
    }

    /// A relay that runs until it is dropped.
    pub fn relay(&self) -> Running {
        self.relay_through(&self.nats.url)
    }

    /// A relay that reaches NATS at another address.
    pub fn relay_through(&self, url: &str) -> Running {
        let settings = NatsSettings { url: url.to_owned(), ..self.nats.clone() };
        let (relay, shutdown) = (Relay::new(self.log.clone(), settings), CancellationToken::new());
        let status = relay.status();
        let task = tokio::spawn(relay.run(shutdown.clone()));
        Running { shutdown, status, task }
    }

    pub async fn sql(&self, sql: &str) {
        self.log.database().execute_unprepared(sql).await.unwrap();
    }

    /// Commits so many commands of one event each and sequences them, as command processes do.
    pub async fn write(&self, commands: usize) -> Position {
        for _ in 0..commands {
            self.commit(post(), json!({ "text": "hello" })).await;
        }
        self.log.sequence().await.unwrap().position
    }

    /// Commits a command of one event, without a position yet.
    pub async fn commit(&self, aggregate: Aggregate, payload: Value) -> EventId {
        let event = NewEvent {
            event_id: EventId::generate(),
            command_id: CommandId::generate(),
            command_ordinal: command_ordinal(self.log.database()).await.unwrap(),
            index: 0,
            count: 1,
            aggregate,
            name: "post.edited",
            schema_version: 1,
            actor: None,
            at: Timestamp::new(OffsetDateTime::now_utc()),
            trace: None,
            payload,
        };
        outbox::record(self.log.database(), std::slice::from_ref(&event)).await.unwrap();
        event.event_id
    }

    /// The whole log.
    pub async fn events(&self) -> Vec<Envelope> {
        let mut events: Vec<Envelope> = Vec::new();
        loop {
            let after = events.last().map_or(Position::START, |event| event.position);
            let page = self.log.read(after, PAGE).await.unwrap();
            if page.is_empty() {
                return events;
            }
            events.extend(page);
        }
    }

    pub async fn stream(&self) -> Option<Info> {
        Some(self.context.get_stream(self.nats.stream()).await.ok()?.cached_info().clone())
    }

    pub async fn identity(&self) -> String {
        self.stream().await.unwrap().config.metadata["millrace-identity"].clone()
    }

    /// All messages of the stream; none if one is missing or it changes meanwhile.
    async fn messages(&self) -> Option<Vec<Envelope>> {
        let info = self.stream().await?;
        if info.state.messages != info.state.last_sequence {
            return None;
        }
        let stream = self.context.get_stream(self.nats.stream()).await.ok()?;
        let read = |sequence| {
            let stream = stream.clone();
            async move { stream.get_raw_message(sequence).await.map_err(drop) }
        };
        let messages = stream::iter(1..=info.state.last_sequence).map(read).buffered(READS_AT_ONCE);
        let messages: Vec<_> = messages.try_collect().await.ok()?;
        messages.iter().map(|message| serde_json::from_slice(&message.payload).ok()).collect()
    }

    /// Waits until the stream is the log, at every position.
    pub async fn until_copied(&self) {
        self.until("the stream is the log", async || {
            let info = self.stream().await;
            let head = self.log.head().await.unwrap().position.0;
            info.is_some_and(|info| info.state.last_sequence == head)
                && self.messages().await == Some(self.events().await)
        })
        .await;
    }

    pub async fn until(&self, what: &str, condition: impl AsyncFn() -> bool) {
        let look = async {
            while !condition().await {
                tokio::time::sleep(LOOK_AGAIN_AFTER).await;
            }
        };
        tokio::time::timeout(PATIENCE, look).await.unwrap_or_else(|_| panic!("this never came true: {what}"));
    }

    /// Publishes past the relays what is no event.
    pub async fn stranger(&self) {
        let subject = self.nats.subject_of("stranger");
        self.context.publish(subject, "hello".into()).await.unwrap().await.unwrap();
    }
}

/// A new post.
pub fn post() -> Aggregate {
    Aggregate { kind: AggregateKind::Post, id: Uuid::now_v7(), version: 1 }
}

/// A person's first version.
pub fn user(person: UserId) -> Aggregate {
    Aggregate { kind: AggregateKind::User, id: person.0, version: 1 }
}

/// A relay at work.
pub struct Running {
    shutdown: CancellationToken,
    pub status: watch::Receiver<RelayStatus>,
    task: JoinHandle<()>,
}

impl Running {
    /// Ends it in its own orderly way.
    pub async fn end(mut self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, &mut self.task).await.unwrap().unwrap();
    }

    /// Waits until it tells this of itself.
    pub async fn until(&mut self, condition: impl FnMut(&RelayStatus) -> bool) -> RelayStatus {
        *tokio::time::timeout(PATIENCE, self.status.wait_for(condition)).await.unwrap().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
