//! The tasks of one socket's operations, by the ids that the client chose. A task that ends by itself leaves its handle here, and a handle
//! holds all that the task was made of, so what has ended is let go before more than a bound of them is kept.

use std::collections::HashMap;
use tokio::task::JoinHandle;

/// Handles are looked through when there are so many for each operation that may be open: seldom enough to cost next to nothing.
const KEPT_FOR_EACH_OPEN: usize = 2;

/// What runs on one socket, and some of what ran.
#[derive(Debug)]
pub struct Running {
    tasks: HashMap<String, JoinHandle<()>>,
    kept_max: usize,
}

impl Running {
    /// Of a socket on which so many operations may be open.
    pub fn new(operations_max: usize) -> Self {
        Self { tasks: HashMap::new(), kept_max: operations_max.max(1).saturating_mul(KEPT_FOR_EACH_OPEN) }
    }

    /// An operation has begun. Whatever ran under its id has ended.
    pub fn begin(&mut self, id: String, task: JoinHandle<()>) {
        if self.tasks.len() >= self.kept_max {
            self.tasks.retain(|_, task| !task.is_finished());
        }
        self.tasks.insert(id, task);
    }

    /// Ends an operation, if it runs, and waits until it has given back its place: the next one may need it.
    pub async fn stop(&mut self, id: &str) {
        if let Some(task) = self.tasks.remove(id) {
            task.abort();
            let _ended = task.await;
        }
    }

    /// Ends all of them.
    pub fn stop_all(&mut self) {
        for (_, task) in self.tasks.drain() {
            task.abort();
        }
    }

    /// How many handles are kept.
    pub fn kept(&self) -> usize {
        self.tasks.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use tokio::task::yield_now;

    const OPERATIONS_MAX: usize = 4;

    #[tokio::test]
    async fn of_a_thousand_queries_on_one_socket_hardly_any_is_kept() {
        let mut running = Running::new(OPERATIONS_MAX);
        let task = tokio::spawn(pending::<()>());
        let subscription = task.abort_handle();
        running.begin("subscription".to_owned(), task);
        for number in 0..1_000 {
            running.begin(number.to_string(), tokio::spawn(async {}));
            yield_now().await;
            assert!(running.kept() <= OPERATIONS_MAX * KEPT_FOR_EACH_OPEN, "{} after {number}", running.kept());
        }
        assert!(!subscription.is_finished(), "it runs");
        running.stop("subscription").await;
        assert!(subscription.is_finished(), "what runs is not forgotten");
    }

    #[tokio::test]
    async fn all_that_runs_can_be_ended_at_once() {
        let mut running = Running::new(OPERATIONS_MAX);
        let mut tasks = Vec::new();
        for number in 0..OPERATIONS_MAX {
            let task = tokio::spawn(pending::<()>());
            tasks.push(task.abort_handle());
            running.begin(number.to_string(), task);
        }
        running.stop_all();
        yield_now().await;
        assert!(tasks.iter().all(|task| task.is_finished()));
        assert_eq!(running.kept(), 0);
    }
}
