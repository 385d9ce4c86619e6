//! The stream in a real NATS.

use crate::projector::jetstream::{JetStream, PULL_BYTES_MAX};
use crate::projector::source::{Content, Message, Source, Wanted};
use crate::projector::testing::{TestLog, post, user};
use async_nats::jetstream::consumer::Info;
use async_nats::jetstream::stream::{Config, Stream};
use async_nats::jetstream::{self, Context};
use futures_util::TryStreamExt;
use millrace_events::{Envelope, Position};
use millrace_servers::{Shared, unique_name};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Nothing here takes that long, unless it never happens.
const SOON: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// A stream that holds a log, and a reader of it.
struct World {
    context: Context,
    name: String,
    source: JetStream,
}

impl World {
    async fn with(events: &[Envelope]) -> Self {
        let client = crate::connect::nats(&Shared::from_environment().await.unwrap().urls().nats, None).await.unwrap();
        let (context, prefix) = (jetstream::new(client.clone()), unique_name("stream"));
        let name = format!("{prefix}-log");
        let subject = format!("{prefix}.log.event");
        let config = Config { name: name.clone(), subjects: vec![subject.clone()], ..Config::default() };
        context.create_stream(config).await.unwrap();
        for event in events {
            let payload = serde_json::to_vec(event).unwrap();
            context.publish(subject.clone(), payload.into()).await.unwrap().await.unwrap();
        }
        Self { context, name, source: JetStream::new(&client, &prefix, Arc::default()) }
    }

    async fn stream(&self) -> Stream {
        self.context.get_stream(&self.name).await.unwrap()
    }

    async fn consumers(&self) -> Vec<Info> {
        self.stream().await.consumers().try_collect().await.unwrap()
    }

    /// The next messages, as soon as there is one.
    async fn after(&self, position: u64, messages: usize) -> Vec<Message> {
        let wanted = Wanted { messages, bytes: usize::MAX, wait: true };
        let found = async {
            loop {
                let found = self.source.after(Position(position), wanted).await.unwrap();
                if !found.is_empty() {
                    return found;
                }
            }
        };
        timeout(SOON, found).await.expect("no message comes")
    }
}

fn log(length: u128) -> TestLog {
    let mut log = TestLog::new(5);
    for number in 0..length {
        log.like(post(1), user(number));
    }
    log
}

fn positions(messages: &[Message]) -> Vec<u64> {
    let position = |message: &Message| match &message.content {
        Content::Event(envelope) if envelope.position == message.sequence => message.sequence.0,
        other => panic!("{other:?}"),
    };
    messages.iter().map(position).collect()
}

#[tokio::test]
async fn who_is_passed_by_another_goes_on_with_the_same_consumer() {
    let world = World::with(&log(200).events).await;
    assert_eq!(positions(&world.after(0, 1).await), [1]);
    for position in (5..200).step_by(5) {
        assert_eq!(positions(&world.after(position, 1).await), [position + 1], "another one folded up to {position}");
    }
    assert_eq!(world.consumers().await.len(), 1);
}

#[tokio::test]
async fn what_was_given_already_is_given_again() {
    let world = World::with(&log(20).events).await;
    let mut given = 0;
    while given < 20 {
        // What is there may come in more than one go.
        given = positions(&world.after(given, 20).await).last().copied().unwrap_or(given);
    }
    let mut again = positions(&world.after(3, 2).await);
    while again.len() < 2 {
        again.extend(positions(&world.after(3 + again.len() as u64, 2 - again.len()).await));
    }
    assert_eq!(again, [4, 5]);
}

/// Events of the size that a command may record at the most, so that a pull bounded by number alone would bring all of them at once.
#[tokio::test]
async fn no_more_than_a_pull_of_bytes_lies_unread_here() {
    const EVENTS: usize = 60;
    const EVENT_BYTES: usize = 256 * 1024;
    let mut log = log(EVENTS as u128);
    log.events.iter_mut().for_each(|event| event.trace = Some("x".repeat(EVENT_BYTES)));
    let world = World::with(&log.events).await;
    let mut found = positions(&world.after(0, 1).await);
    let consumer = timeout(SOON, async {
        loop {
            let consumer = world.consumers().await.pop().unwrap();
            let all_came = consumer.delivered.stream_sequence == EVENTS as u64;
            if consumer.num_waiting == 0 || all_came {
                return consumer;
            }
            sleep(LOOK_AGAIN).await;
        }
    });
    let delivered = consumer.await.expect("the pull is never fulfilled").delivered.stream_sequence;
    assert!(delivered as usize * EVENT_BYTES <= PULL_BYTES_MAX, "{delivered} events were delivered");
    while let Some(last) = found.last().copied().filter(|last| *last < EVENTS as u64) {
        found.extend(positions(&world.after(last, EVENTS).await));
    }
    assert_eq!(found, (1..=EVENTS as u64).collect::<Vec<_>>(), "each once, in order");
    assert_eq!(world.consumers().await.len(), 1);
}
