//! The read side on a real MongoDB and a real Redis: a log in memory, folded by real projectors, asked through the schema.

use crate::cache::redis::{RedisCache, RedisSettings};
use crate::graphql::{
    Asked, Execute, Executed, Follower, Groups, LiveEvent, Operation, Query, ReadLimits, ReadSettings, ReadSide,
    RequestContext, Subscription,
};
use crate::live::LiveLimits;
use crate::models::tests::Log;
use crate::models::{Registered, Visitor, visit};
use crate::projector::{Beat, Content, Limits, Message, Projector, Source, SourceError, Step, StreamState, Wanted};
use crate::reader::OnTimeout;
use crate::store::mongo::ServedPointer;
use async_graphql::{EmptyMutation, Request, Response, Schema};
use futures_util::future::{BoxFuture, join_all};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use millrace_events::viewer::Person;
use millrace_events::{
    ConsistencyToken, Envelope, History, KeyState, PersonKey, Position, Recorded, Role, SessionId, Timestamp, UserId,
    Viewer,
};
use millrace_servers::{Shared, unique_name};
use mongodb::{Client, Database};
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub const HISTORY: History = History(Uuid::from_u128(7));
const KEPT: Duration = Duration::from_secs(3_600);

/// The log as a stream that never fails.
#[derive(Clone, Default)]
struct Stream(Arc<Mutex<Log>>);

pub struct Stage {
    pub side: Arc<ReadSide>,
    stream: Stream,
    database: Database,
    redis: RedisSettings,
    schema: TestSchema,
    groups: Arc<Groups>,
    executions: Arc<AtomicUsize>,
    follows: DropGuard,
}

type TestSchema = Schema<Query, EmptyMutation, Subscription>;

/// Executes a selection for an item, and counts that.
struct Counting {
    schema: TestSchema,
    query: String,
    executions: Arc<AtomicUsize>,
}

impl Execute for Counting {
    async fn execute(&self, context: Arc<RequestContext>) -> Option<Executed> {
        self.executions.fetch_add(1, Ordering::Relaxed);
        let response = self.schema.execute_stream(Request::new(&self.query).data(context)).next().await?;
        let json = serde_json::to_string(&response).unwrap().into();
        Some(Executed { json, has_errors: !response.errors.is_empty(), may_pass: false })
    }
}

impl Stage {
    pub async fn new() -> Self {
        Self::waiting(Duration::from_millis(200)).await
    }

    /// A stage on which reads wait so long for what they are owed.
    pub async fn waiting(consistency_wait: Duration) -> Self {
        let stage = Self::just_started(consistency_wait).await;
        stage.follow();
        stage
    }

    /// A stage whose feeds have not looked yet.
    pub async fn just_started(consistency_wait: Duration) -> Self {
        let urls = Shared::from_environment().await.unwrap().urls().clone();
        let name = unique_name("graphql");
        let database = Client::with_uri_str(&urls.mongodb).await.unwrap().database(&name);
        let redis = RedisSettings { url: urls.redis, prefix: name, document_ttl: Duration::from_secs(60) };
        let limits = ReadLimits { consistency_wait, ..ReadLimits::default() };
        let settings =
            ReadSettings { redis: redis.clone(), limits, live: LiveLimits::default(), pipeline_is_open: true };
        let side = Arc::new(ReadSide::new(&database, settings).unwrap());
        let schema = Schema::build(Query::default(), EmptyMutation, Subscription::default());
        let schema = schema.register_output_type::<LiveEvent>().finish();
        let (stream, groups, executions) = (Stream::default(), Arc::default(), Arc::default());
        let follows = CancellationToken::new().drop_guard();
        let stage = Self { side, stream, database, redis, schema, groups, executions, follows };
        stage.fold(|_| {}).await;
        stage
    }

    /// Has the feeds follow from here on, to the end of the stage.
    pub fn follow(&self) {
        tokio::spawn(Arc::clone(&self.side).run(self.follows.token().clone()));
    }

    /// Writes to the log, and has all projections fold it to its end.
    pub async fn fold(&self, write: impl FnOnce(&mut Log)) {
        write(&mut self.stream.0.lock().unwrap());
        let mut projectors = Projectors { stage: self, futures: vec![] };
        visit(&mut projectors);
        join_all(projectors.futures).await;
    }

    pub fn token(&self, ahead: u64) -> ConsistencyToken {
        let head = self.stream.0.lock().unwrap().events.len() as u64;
        ConsistencyToken::of_command(HISTORY, Position(head + ahead))
    }

    pub fn last(&self) -> Recorded {
        self.stream.0.lock().unwrap().last().clone()
    }

    /// Asks with the token of everything that was folded.
    pub async fn ask(&self, viewer: &Viewer, query: &str) -> Value {
        let response = self.respond(viewer, query, Some(self.token(0)), OnTimeout::Error).await.0;
        assert!(response.errors.is_empty(), "{query}\n{:?}", response.errors);
        response.data.into_json().unwrap()
    }

    /// The code of the only error.
    pub async fn refused(&self, viewer: &Viewer, query: &str) -> Value {
        let response = self.respond(viewer, query, None, OnTimeout::Error).await.0;
        assert_eq!(response.errors.len(), 1, "{query}\n{response:?}");
        let extensions = response.errors[0].extensions.clone().unwrap_or_default();
        serde_json::to_value(extensions).unwrap()["code"].clone()
    }

    pub fn context(&self, viewer: &Viewer, token: Option<ConsistencyToken>) -> Arc<RequestContext> {
        Arc::new(RequestContext::new(Arc::clone(&self.side), asked(viewer, token, OnTimeout::Error)))
    }

    pub async fn respond(
        &self,
        viewer: &Viewer,
        query: &str,
        token: Option<ConsistencyToken>,
        on_timeout: OnTimeout,
    ) -> (Response, Arc<RequestContext>) {
        let context = Arc::new(RequestContext::new(Arc::clone(&self.side), asked(viewer, token, on_timeout)));
        let response = self.schema.execute(Request::new(query).data(Arc::clone(&context))).await;
        (response, context)
    }

    /// How often a selection was executed for an item.
    pub fn executions(&self) -> usize {
        self.executions.load(Ordering::Relaxed)
    }

    pub fn subscribe(&self, viewer: &Viewer, query: &str) -> BoxStream<'static, Value> {
        self.subscribe_with(viewer, query, None)
    }

    /// Responses as JSON, with a token that the request brings.
    pub fn subscribe_with(
        &self,
        viewer: &Viewer,
        query: &str,
        token: Option<ConsistencyToken>,
    ) -> BoxStream<'static, Value> {
        let asked = asked(viewer, token, OnTimeout::Error);
        let context = Arc::new(RequestContext::of_subscription(Arc::clone(&self.side), asked));
        let begun = self.schema.execute_stream(Request::new(query).data(Arc::clone(&context)));
        let begun = begun.map(|response| serde_json::to_value(&response).unwrap());
        let schema = self.schema.clone();
        let execute = Counting { schema, query: query.to_owned(), executions: Arc::clone(&self.executions) };
        // The cursor stands in the text here; what is shared is told by what is left without it.
        let shared = query.split("after: ").next().unwrap_or_default();
        let operation =
            Operation { query: shared.into(), name: None, variables: String::new(), on_timeout: OnTimeout::Error };
        let groups = Arc::clone(&self.groups);
        let followed = stream::once(async move { Follower::of(&context, &groups, &operation, execute) });
        let followed = followed.filter_map(std::future::ready).flat_map(|follower| follower.into_stream().boxed());
        begun.chain(followed.map(|delivery| serde_json::from_str(&delivery.json).unwrap())).boxed()
    }

    async fn project<P: Registered>(&self) {
        let pointer = ServedPointer::<P>::new(self.database.clone());
        let served = pointer.begin(KEPT).await.unwrap();
        let cache = RedisCache::new(&self.redis, P::NAME).unwrap();
        let store = pointer.store(served.generation);
        let mut projector = Projector::<P, _, _, _>::new(self.stream.clone(), store, cache, Limits::default());
        loop {
            let round = projector.round(11).await.unwrap();
            if matches!(round.step, Step::Idle) {
                return;
            }
        }
    }
}

struct Projectors<'a> {
    stage: &'a Stage,
    futures: Vec<BoxFuture<'a, ()>>,
}

impl Visitor for Projectors<'_> {
    fn visit<P: Registered>(&mut self) {
        self.futures.push(self.stage.project::<P>().boxed());
    }
}

pub fn person(user_id: UserId, roles: &[Role]) -> Person {
    let at = Timestamp::new(OffsetDateTime::UNIX_EPOCH);
    let roles = roles.iter().copied().collect();
    Person { user_id, session_id: SessionId(Uuid::from_u128(99)), issued_at: at, expires_at: at, roles }
}

pub fn viewer(user_id: UserId) -> Viewer {
    Viewer::Person(person(user_id, &[]))
}

fn asked(viewer: &Viewer, token: Option<ConsistencyToken>, on_timeout: OnTimeout) -> Asked {
    Asked { viewer: viewer.clone(), token, on_timeout, deadline: Instant::now() + Duration::from_secs(30) }
}

impl Stream {
    fn messages(&self) -> Vec<Message> {
        let log = self.0.lock().unwrap();
        let before = |n: usize| n.checked_sub(1).map(|n| log.events[n].event_id);
        log.events.iter().enumerate().map(|(n, event)| message(event, before(n))).collect()
    }
}

fn message(event: &Recorded, predecessor: Option<millrace_events::EventId>) -> Message {
    let kind = event.event.kind();
    let envelope = Envelope {
        history: HISTORY,
        position: event.position,
        event_id: event.event_id,
        predecessor,
        command_id: event.command_id,
        command_index: event.command_index,
        command_count: event.command_count,
        aggregate: event.aggregate,
        name: kind.name().to_owned(),
        schema_version: kind.schema_version(),
        actor: event.actor,
        at: event.at,
        trace: None,
        payload: event.event.payload().unwrap(),
    };
    Message { sequence: event.position, bytes: 500, content: Content::Event(Box::new(envelope)) }
}

impl Source for Stream {
    async fn state(&self) -> Result<StreamState, SourceError> {
        let last = Position(self.0.lock().unwrap().events.len() as u64);
        Ok(StreamState { identity: "stage".into(), history: Some(HISTORY), last })
    }

    async fn message(&self, position: Position) -> Result<Option<Message>, SourceError> {
        Ok(self.messages().into_iter().find(|message| message.sequence == position))
    }

    async fn after(&self, position: Position, wanted: Wanted) -> Result<Vec<Message>, SourceError> {
        Ok(self.messages().into_iter().filter(|message| message.sequence > position).take(wanted.messages).collect())
    }

    async fn keys(&self, persons: &BTreeSet<UserId>) -> Result<HashMap<UserId, KeyState>, SourceError> {
        Ok(persons.iter().map(|person| (*person, KeyState::Live(PersonKey::generate()))).collect())
    }

    fn beat(&self) -> Option<Beat> {
        None
    }
}
