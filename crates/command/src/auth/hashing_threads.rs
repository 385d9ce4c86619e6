//! Threads of their own for argon2, to which the system gives less of a core than to others: who reads a page or places an order does
//! not wait behind strangers who guess passwords.

use std::num::NonZero;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;

/// The nice value of these threads. Of a core that others want too they get about a tenth, and all of one that is free.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// A blocking pool beside the one that serves requests.
#[derive(Debug)]
pub struct HashingThreads {
    pool: Handle,
    runtime: Option<Runtime>,
}

impl HashingThreads {
    /// So many at the most; each is started when it is wanted.
    pub fn new(at_once_max: NonZero<usize>) -> Result<Self, std::io::Error> {
        let mut builder = Builder::new_current_thread();
        builder.max_blocking_threads(at_once_max.get()).thread_name("passwords").on_thread_start(give_way);
        let runtime = builder.build()?;
        Ok(Self { pool: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Does this on one of them.
    pub fn spawn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        self.pool.spawn_blocking(work)
    }
}

impl Drop for HashingThreads {
    /// Not waited for: that would block the runtime which drops them.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Where it is not allowed they are threads like all others.
#[cfg(target_os = "linux")]
fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "threads that hash passwords cannot be made to give way to others");
    }
}

/// Elsewhere a nice value is the whole process's.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    fn niceness() -> i32 {
        rustix::process::getpriority_process(None).expect("this thread's own")
    }

    #[tokio::test]
    async fn they_give_way_and_nobody_else_does() {
        let before = niceness();
        let threads = HashingThreads::new(NonZero::<usize>::MIN).unwrap();
        assert_eq!(threads.spawn(niceness).await.unwrap(), (before + NICENESS).min(19));
        assert_eq!(tokio::task::spawn_blocking(niceness).await.unwrap(), before);
        assert_eq!(niceness(), before);
    }
}
