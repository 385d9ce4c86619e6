//! What one viewer may ask for in a while, over all instances: points in a bucket that fills up again.
//!
//! The bucket lies in Redis. While Redis is away, or being connected to, each process keeps a bucket of its own: rather too much is
//! allowed then than nothing, and nobody waits for somebody else's attempt.

mod bucket;

use bucket::Bucket;
use moka::sync::Cache;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError, RedisResult, Script};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
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
    session: Mutex<Option<MultiplexedConnection>>,
    /// One connects.
    connecting: tokio::sync::Mutex<()>,
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
            session: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
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
        let Some(session) = self.connected().await else { return self.spend_here(whose, points) };
        match self.spend_there(session, whose, points).await {
            Ok(spent) => spent,
            Err(error) => {
                self.note(&error);
                self.spend_here(whose, points)
            }
        }
    }

    /// True while Redis is left alone.
    fn rests(&self) -> bool {
        let failed_at = self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_some_and(|at| at.elapsed() < BREAK)
    }

    /// Leaves Redis alone for a while.
    fn note(&self, error: &RedisError) {
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        *self.session() = None;
        tracing::warn!(error = error as &dyn std::error::Error, "budgets are kept in this process for now");
    }

    fn session(&self) -> MutexGuard<'_, Option<MultiplexedConnection>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn spend_there(
        &self,
        mut session: MultiplexedConnection,
        whose: &str,
        points: u32,
    ) -> Result<Spent, RedisError> {
        let BudgetLimits { points_max, points_per_second } = self.limits;
        let mut call = SPEND.prepare_invoke();
        call.key(format!("{}:budget:{whose}", self.prefix)).arg(points_max).arg(points_per_second).arg(points);
        let (wait_ms, left): (u64, u32) = call.invoke_async(&mut session).await?;
        Ok(if wait_ms == 0 { Spent::Left(left) } else { Spent::Wait(Duration::from_millis(wait_ms)) })
    }

    /// The connection; none while Redis is left alone, or another request connects.
    async fn connected(&self) -> Option<MultiplexedConnection> {
        if self.rests() {
            return None;
        }
        if let Some(session) = &*self.session() {
            return Some(session.clone());
        }
        let _one_connects = self.connecting.try_lock().ok()?;
        // Whoever connected before may have failed, or not, since the looks above.
        if self.rests() || self.session().is_some() {
            return self.session().clone();
        }
        match self.connect().await {
            Ok(session) => {
                *self.session() = Some(session.clone());
                Some(session)
            }
            Err(error) => {
                self.note(&error);
                None
            }
        }
    }

    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let waits = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_WAIT))
            .set_response_timeout(Some(ANSWER_WAIT));
        self.client.get_multiplexed_async_connection_with_config(&waits).await
    }

    fn spend_here(&self, whose: &str, points: u32) -> Spent {
        let now = Instant::now();
        let new = || Arc::new(Mutex::new(Bucket::full(self.limits, now)));
        let bucket = self.local.get_with_by_ref(whose, new);
        bucket.lock().unwrap_or_else(PoisonError::into_inner).spend(points, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    const AT_ONCE: usize = 300;

    #[tokio::test]
    async fn a_redis_that_never_answers_is_tried_by_one_and_waited_for_by_nobody_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("redis://{}/", listener.local_addr().unwrap());
        let attempts = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&attempts);
        let silent = tokio::spawn(async move {
            let mut open = vec![];
            while let Ok((stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                open.push(stream);
            }
        });
        let limits = BudgetLimits { points_max: 1_000, points_per_second: 1 };
        let budget = Budget::new(&url, "test", limits).unwrap();
        let spent = join_all((0..AT_ONCE).map(|_| budget.spend("of:ada", 1))).await;
        assert!(spent.iter().all(|spent| matches!(spent, Spent::Left(_))), "{spent:?}");
        assert_eq!(attempts.load(Ordering::Relaxed), 1);
        silent.abort();
    }
}
