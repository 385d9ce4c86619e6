//! The cache in Redis. A session is one unbroken connection: it never reconnects by itself, because what was read before a break
//! says nothing about what is there after it.

use super::{Cache, CacheError, CacheKey, CacheSession, Cached, Head, Lease, Ring, Written, value};
use crate::trail::Arrivals;
use millrace_events::Revision;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, Pipeline, RedisError, RedisResult, Script};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use uuid::Uuid;

const CONNECT_WAIT: Duration = Duration::from_millis(500);
const ANSWER_WAIT: Duration = Duration::from_millis(500);
/// After a failure nobody tries again for this long, then longer and longer: reads go to MongoDB at once.
const BREAK: Duration = Duration::from_millis(50);
const BREAK_MAX: Duration = Duration::from_secs(2);
const LEASE_MS: u64 = 5_000;

static WRITE_THROUGH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/write_through.lua")));
static FILL: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/fill.lua")));
static MOVE_HEAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/move_head.lua")));

/// Why there is no session just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the cache did not answer a moment ago")]
pub struct Away;

/// Where the cache is, and how its keys are called.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Address and credentials.
    pub url: String,
    /// First part of every key.
    pub prefix: String,
    /// How long a document stays.
    pub document_ttl: Duration,
}

/// One projection in Redis.
pub struct RedisCache {
    client: Client,
    names: Arc<Names>,
    session: Mutex<Option<RedisSession>>,
    /// One connects, the others wait for it.
    connecting: tokio::sync::Mutex<()>,
    failure: Mutex<Option<Failure>>,
    arrivals: Arc<Arrivals>,
}

/// The last failed attempt to connect, and how long nobody tries again.
#[derive(Debug, Clone, Copy)]
struct Failure {
    at: Instant,
    pause: Duration,
}

/// Names of keys and channels.
#[derive(Debug)]
struct Names {
    prefix: String,
    projection: &'static str,
    head: String,
    channel: String,
    ttl_ms: u64,
}

impl Names {
    fn document(&self, key: &CacheKey) -> String {
        let Self { prefix, projection, .. } = self;
        format!("{prefix}:{projection}:{}:{:x}:{}", key.generation, key.namespace, key.document)
    }
}

/// The channel on which a projection's changes are rung.
pub fn ring_channel(prefix: &str, projection: &str) -> String {
    format!("{prefix}:ring:{projection}")
}

impl RedisCache {
    /// Connects when it is first used.
    pub fn new(settings: &RedisSettings, projection: &'static str) -> RedisResult<Self> {
        let prefix = settings.prefix.clone();
        let names = Names {
            head: format!("{prefix}:{{{projection}}}:head"),
            channel: ring_channel(&prefix, projection),
            prefix,
            projection,
            ttl_ms: u64::try_from(settings.document_ttl.as_millis()).unwrap_or(u64::MAX),
        };
        Ok(Self {
            client: Client::open(settings.url.as_str())?,
            names: Arc::new(names),
            session: Mutex::new(None),
            connecting: tokio::sync::Mutex::new(()),
            failure: Mutex::new(None),
            arrivals: Arc::default(),
        })
    }

    /// Tells with each ring when the events behind it came, as it is noted here.
    pub fn telling(self, arrivals: Arc<Arrivals>) -> Self {
        Self { arrivals, ..self }
    }

    fn living(&self) -> Option<RedisSession> {
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.as_ref().filter(|session| !session.dead.load(Ordering::Acquire)).cloned()
    }

    fn failure(&self) -> Option<Failure> {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, failure: Option<Failure>) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// One connects. While the last attempt failed the others do not wait for it.
    async fn turn(&self) -> Result<tokio::sync::MutexGuard<'_, ()>, Away> {
        match self.failure() {
            None => Ok(self.connecting.lock().await),
            Some(failure) if failure.at.elapsed() < failure.pause => Err(Away),
            Some(_) => self.connecting.try_lock().map_err(|_| Away),
        }
    }

    async fn connect(&self) -> RedisResult<RedisSession> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WAIT))
            .set_response_timeout(Some(ANSWER_WAIT));
        let mut connection = self.client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut load = redis::pipe();
        for script in [&*WRITE_THROUGH, &*FILL, &*MOVE_HEAD] {
            load.load_script(script).ignore();
        }
        let () = load.query_async(&mut connection).await?;
        let (names, arrivals) = (Arc::clone(&self.names), Arc::clone(&self.arrivals));
        Ok(RedisSession { connection, names, arrivals, dead: Arc::new(AtomicBool::new(false)) })
    }
}

impl Cache for RedisCache {
    type Session = RedisSession;

    async fn session(&self) -> Result<RedisSession, CacheError> {
        if let Some(session) = self.living() {
            return Ok(session);
        }
        let _one_at_a_time = self.turn().await?;
        if let Some(session) = self.living() {
            return Ok(session);
        }
        match self.connect().await {
            Ok(session) => {
                self.note(None);
                *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
                Ok(session)
            }
            Err(error) => {
                count("connect_error");
                let pause = self.failure().map_or(BREAK, |failure| (failure.pause * 3 / 2).min(BREAK_MAX));
                self.note(Some(Failure { at: Instant::now(), pause }));
                Err(error.into())
            }
        }
    }
}

/// One unbroken connection. After an error it is dead.
#[derive(Clone)]
pub struct RedisSession {
    connection: MultiplexedConnection,
    names: Arc<Names>,
    arrivals: Arc<Arrivals>,
    dead: Arc<AtomicBool>,
}

impl RedisSession {
    fn check<T>(&self, answer: RedisResult<T>) -> Result<T, CacheError> {
        answer.map_err(|error: RedisError| {
            self.dead.store(true, Ordering::Release);
            count("error");
            error.into()
        })
    }

    pub(super) async fn run<T: redis::FromRedisValue>(&self, pipeline: &Pipeline) -> Result<T, CacheError> {
        let mut connection = self.connection.clone();
        self.check(pipeline.query_async(&mut connection).await)
    }

    /// Writes something that may as well be missing; false if there is no room for it.
    pub(super) async fn write(&self, command: &Cmd) -> Result<bool, CacheError> {
        let mut connection = self.connection.clone();
        let answer: RedisResult<()> = command.query_async(&mut connection).await;
        if is_full(&answer) {
            return Ok(false);
        }
        self.check(answer).map(|()| true)
    }
}

impl CacheSession for RedisSession {
    async fn head(&self) -> Result<Option<Head>, CacheError> {
        let (text,): (Option<String>,) = self.run(redis::pipe().get(&self.names.head)).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn look(&self, keys: &[CacheKey]) -> Result<(Option<Head>, Vec<Cached>), CacheError> {
        let mut pipeline = redis::pipe();
        pipeline.get(&self.names.head);
        for key in keys {
            pipeline.get(self.names.document(key));
        }
        let values: Vec<Option<Vec<u8>>> = self.run(&pipeline).await?;
        let mut values = values.into_iter();
        let head = values.next().flatten().and_then(|text| serde_json::from_slice(&text).ok());
        Ok((head, values.map(|value| value::decode(value.as_deref())).collect()))
    }

    async fn lease(&self, key: &CacheKey) -> Result<Option<Lease>, CacheError> {
        let lease = value::encode_lease(&Uuid::now_v7().simple().to_string());
        let mut command = redis::cmd("SET");
        command.arg(self.names.document(key)).arg(&lease).arg("NX").arg("PX").arg(LEASE_MS);
        let mut connection = self.connection.clone();
        let answer: RedisResult<Option<String>> = command.query_async(&mut connection).await;
        if is_full(&answer) {
            return Ok(None);
        }
        Ok(self.check(answer)?.map(|_| Lease(lease)))
    }

    async fn fill(
        &self,
        key: &CacheKey,
        lease: &Lease,
        revision: Revision,
        json: Option<&str>,
    ) -> Result<bool, CacheError> {
        let mut fill = FILL.key(self.names.document(key));
        fill.arg(&lease.0).arg(self.names.ttl_ms).arg(value::encode(revision, json));
        let mut connection = self.connection.clone();
        let answer: RedisResult<bool> = fill.invoke_async(&mut connection).await;
        if is_full(&answer) {
            return Ok(false);
        }
        self.check(answer)
    }

    async fn write_through(&self, generation: u32, namespace: u64, documents: &[Written]) -> Result<(), CacheError> {
        if documents.is_empty() {
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        for written in documents {
            let key = CacheKey { generation, namespace, document: written.key.clone() };
            let text = written.json.as_deref().map(|json| value::encode(written.revision, Some(json)));
            let mut write = WRITE_THROUGH.key(self.names.document(&key));
            write.arg(written.revision.position.0).arg(written.revision.n).arg(self.names.ttl_ms);
            write.arg(text.unwrap_or_default());
            pipeline.invoke_script(&write).ignore();
        }
        self.run(&pipeline).await
    }

    async fn move_head(&self, expected: Option<&Head>, new: &Head) -> Result<bool, CacheError> {
        let expected = expected.map(serde_json::to_string).transpose()?.unwrap_or_default();
        let mut move_head = MOVE_HEAD.key(&self.names.head);
        move_head.arg(expected).arg(serde_json::to_string(new)?);
        let (moved,): (bool,) = self.run(redis::pipe().invoke_script(&move_head)).await?;
        Ok(moved)
    }

    async fn ring(&self, ring: Ring) -> Result<(), CacheError> {
        let passed = self.arrivals.behind(&ring.changes);
        let text = serde_json::to_string(&Ring { passed, ..ring })?;
        self.run(redis::pipe().publish(&self.names.channel, text).ignore()).await
    }
}

/// Out of memory: nothing was written, and the connection is whole, so that what lies there can still be read.
fn is_full<T>(answer: &RedisResult<T>) -> bool {
    let is_full = answer.as_ref().is_err_and(|error| error.code() == Some("OOM"));
    if is_full {
        count("full");
    }
    is_full
}

fn count(what: &'static str) {
    metrics::counter!("millrace_cache_total", "what" => what).increment(1);
}
