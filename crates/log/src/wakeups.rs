//! Waking up when the log grows.

use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The channel that sequencing notifies.
const CHANNEL: &str = "millrace_log";
/// Waits between attempts to connect again: from the first to the second, each half as long again.
const RECONNECT_MIN: Duration = Duration::from_millis(50);
const RECONNECT_MAX: Duration = Duration::from_secs(5);
/// After so long without a word it is asked whether the server is there.
const QUIET_MAX: Duration = Duration::from_secs(30);
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(10);

/// Tells when the log has grown. A hint: the log is what counts, so look at it after every wait.
///
/// It listens on a connection of its own and connects again by itself; what it may have missed meanwhile counts as growth.
#[derive(Debug)]
pub struct Wakeups {
    grown: Arc<Notify>,
    listener: JoinHandle<()>,
}

impl Wakeups {
    /// Listens beside this pool.
    pub(crate) fn beside(pool: &PgPool) -> Self {
        let options = pool.connect_options().as_ref().clone();
        let own = PgPoolOptions::new().max_connections(1).max_lifetime(None).idle_timeout(None);
        let grown = Arc::new(Notify::new());
        let listener = tokio::spawn(listen(own.connect_lazy_with(options), Arc::clone(&grown)));
        Self { grown, listener }
    }

    /// Returns as soon as the log has grown since the last wait, at the latest after `max`.
    pub async fn wait(&self, max: Duration) {
        // Both ends mean the same to the caller: look at the log.
        let _ = timeout(max, self.grown.notified()).await;
    }
}

impl Drop for Wakeups {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(pool: PgPool, grown: Arc<Notify>) {
    let mut pause = RECONNECT_MIN;
    loop {
        let Err(error) = listen_once(&pool, &grown, &mut pause).await;
        tracing::warn!(%error, pause_ms = pause.as_millis(), "lost the connection that listens for growth of the log");
        tokio::time::sleep(pause).await;
        pause = RECONNECT_MAX.min(pause * 3 / 2);
    }
}

/// That nothing comes may mean that nobody is there any more.
async fn listen_again(listener: &mut PgListener) -> Result<(), sqlx::Error> {
    let silent = |_| sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
    timeout(ANSWER_WAIT_MAX, listener.listen(CHANNEL)).await.map_err(silent)?
}

/// Ends only with an error; a listener that met one is not used again.
async fn listen_once(
    pool: &PgPool,
    grown: &Notify,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    *pause = RECONNECT_MIN;
    loop {
        // First of all for what came before we listened.
        grown.notify_one();
        match timeout(QUIET_MAX, listener.try_recv()).await {
            Ok(heard) => drop(heard?),
            Err(_) => listen_again(&mut listener).await?,
        }
        while listener.next_buffered().is_some() {}
    }
}
