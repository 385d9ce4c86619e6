//! What one viewer may ask for in a while, over all instances: points in a bucket that fills up again.
//!
//! The bucket lies in Redis. While Redis is away each process keeps a bucket of its own: rather too much is allowed then than nothing.

mod bucket;

use bucket::Bucket;
use moka::sync::Cache;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, Script};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

const CONNECT_WAIT: Duration = Duration::from_millis(500);
const ANSWER_WAIT: Duration = Duration::from_millis(250);
/// After a failure Redis is left alone for this long.
const BREAK: Duration = Duration::from_secs(1);
/// Buckets that a process keeps while Redis is away.
const LOCAL_BUCKETS_MAX: u64 = 100_000;

static SPEND: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("spend.lua")));

/// How large buckets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BudgetLimits {
    /// Points in a full bucket.
    pub points_max: u32,
    /// Points that flow into it in a second, at least one.
    pub points_per_second: u32,
}

/// What came of wanting to spend points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// They are spent, and so many are left.
    Left(u32),
    /// There are not enough; after this time there will be.
    Wait(Duration),
}

/// The buckets of all viewers.
pub struct Budget {
    client: Client,
    prefix: String,
    limits: BudgetLimits,
    session: tokio::sync::Mutex<Option<MultiplexedConnection>>,
    failed_at: Mutex<Option<Instant>>,
    local: Cache<String, Arc<Mutex<Bucket>>>,
}

impl Budget {
    /// Connects when it is first used.
    pub fn new(url: &str, prefix: &str, limits: BudgetLimits) -> RedisResult<Self> {
        Ok(Self {
            client: Client::open(url)?,
            prefix: prefix.to_owned(),
            limits: BudgetLimits { points_per_second: limits.points_per_second.max(1), ..limits },
            session: tokio::sync::Mutex::default(),
            failed_at: Mutex::default(),
            local: Cache::new(LOCAL_BUCKETS_MAX),
        })
    }

    /// How large buckets are.
    pub fn limits(&self) -> BudgetLimits {
        self.limits
    }

    /// Spends points of somebody's bucket. More than it can ever hold are as many as it holds.
    pub async fn spend(&self, whose: &str, points: usize) -> Spent {
        let points = u32::try_from(points).unwrap_or(u32::MAX).min(self.limits.points_max);
        if self.rests() {
            return self.spend_here(whose, points);
        }
        match self.spend_there(whose, points).await {
            Ok(spent) => spent,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "budgets are kept in this process for now");
                *self.session.lock().await = None;
                *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                self.spend_here(whose, points)
            }
        }
    }

    /// True while Redis is left alone.
    fn rests(&self) -> bool {
        let failed_at = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|at| at.elapsed() < BREAK)
    }

    async fn spend_there(&self, whose: &str, points: u32) -> Result<Spent, RedisError> {
        let mut session = self.connected().await?;
        let BudgetLimits { points_max, points_per_second } = self.limits;
        let mut call = SPEND.prepare_invoke();
        call.key(format!("{}:budget:{whose}", self.prefix)).arg(points_max).arg(points_per_second).arg(points);
        let (wait_ms, left): (u64, u32) = call.invoke_async(&mut session).await?;
        Ok(if wait_ms == 0 { Spent::Left(left) } else { Spent::Wait(Duration::from_millis(wait_ms)) })
    }

    async fn connected(&self) -> Result<MultiplexedConnection, RedisError> {
        let mut session = self.session.lock().await;
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let waits = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WAIT))
            .set_response_timeout(Some(ANSWER_WAIT));
        let connected = self.client.get_multiplexed_async_connection_with_config(&waits).await?;
        *session = Some(connected.clone());
        Ok(connected)
    }

    fn spend_here(&self, whose: &str, points: u32) -> Spent {
        let now = Instant::now();
        let new = || Arc::new(Mutex::new(Bucket::full(self.limits, now)));
        let bucket = self.local.get_with_by_ref(whose, new);
        bucket.lock().unwrap_or_else(PoisonError::into_inner).spend(points, now)
    }
}
