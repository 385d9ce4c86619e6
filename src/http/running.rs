//! The tasks of one socket's operations, by the ids that the client chose. A task that ends by itself leaves its handle here, and a handle
//! holds all that the task was made of, so what has ended is let go before more than a bound of them is kept.

use std::collections::HashMap;
use tokio::task::AbortHandle;

/// Handles are looked through when there are so many for each operation that may be open: seldom enough to cost next to nothing.
const KEPT_FOR_EACH_OPEN: usize = 2;

/// What runs on one socket, and some of what ran.
#[derive(Debug)]
pub struct Running {
    tasks: HashMap<String, AbortHandle>,
    kept_max: usize,
}

impl Running {
    /// Of a socket on which so many operations may be open.
    pub fn new(operations_max: usize) -> Self {
        Self { tasks: HashMap::new(), kept_max: operations_max.max(1).saturating_mul(KEPT_FOR_EACH_OPEN) }
    }

    /// An operation has begun. Whatever ran under its id has ended.
    pub fn begin(&mut self, id: String, task: AbortHandle) {
        if self.tasks.len() >= self.kept_max {
            self.tasks.retain(|_, task| !task.is_finished());
        }
        self.tasks.insert(id, task);
    }

    /// Ends an operation, if it runs.
    pub fn stop(&mut self, id: &str) {
        if let Some(task) = self.tasks.remove(id) {
            task.abort();
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

    const OPERATIONS_MAX: usize = 4;

    #[tokio::test]
    async fn of_a_thousand_queries_on_one_socket_hardly_any_is_kept() {
        let mut running = Running::new(OPERATIONS_MAX);
        let subscription = tokio::spawn(pending::<()>());
        running.begin("subscription".to_owned(), subscription.abort_handle());
        for number in 0..1_000 {
            let query = tokio::spawn(async {});
            running.begin(number.to_string(), query.abort_handle());
            query.await.unwrap();
            assert!(running.kept() <= OPERATIONS_MAX * KEPT_FOR_EACH_OPEN, "{} after {number}", running.kept());
        }
        running.stop("subscription");
        assert!(subscription.await.unwrap_err().is_cancelled(), "what runs is not forgotten");
    }

    #[tokio::test]
    async fn all_that_runs_can_be_ended_at_once() {
        let mut running = Running::new(OPERATIONS_MAX);
        let tasks: Vec<_> = (0..OPERATIONS_MAX).map(|_| tokio::spawn(pending::<()>())).collect();
        for (number, task) in tasks.iter().enumerate() {
            running.begin(number.to_string(), task.abort_handle());
        }
        running.stop_all();
        for task in tasks {
            assert!(task.await.unwrap_err().is_cancelled());
        }
        assert_eq!(running.kept(), 0);
    }
}
