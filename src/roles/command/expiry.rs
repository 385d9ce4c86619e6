//! The process manager that cancels unpaid orders.

use super::Starting;
use millrace_command::Commands;
use std::time::{Duration, Instant};

/// How often unpaid orders are looked for whose time is over.
const INTERVAL: Duration = Duration::from_secs(1);
const LATE: &str = "millrace_orders_expiry_late_seconds";
const EXPIRED: &str = "millrace_orders_expired_total";
const FAILED: &str = "millrace_orders_expiry_failed_total";

/// Starts it. The due times lie in PostgreSQL, so any number of processes may do this.
pub fn expire(starting: &mut Starting<'_>, commands: Commands) {
    let shutdown = starting.shutdown.clone();
    metrics::describe_gauge!(
        LATE,
        "How long the longest overdue unpaid order was overdue at the last look, in seconds; while looking fails, how long it may be by now."
    );
    metrics::describe_counter!(EXPIRED, "Orders that this process cancelled because nobody paid them in time.");
    metrics::describe_counter!(FAILED, "Attempts at cancelling an unpaid order that failed.");
    starting.spawn("expiry of orders", async move {
        let (mut ticks, mut lateness) = (tokio::time::interval(INTERVAL), Lateness::since(Instant::now()));
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            let looked_at = Instant::now();
            match commands.expire_orders().await {
                Ok(expired) => {
                    lateness = Lateness { late: expired.late.unsigned_abs(), looked_at };
                    metrics::counter!(EXPIRED).increment(expired.orders as u64);
                    metrics::counter!(FAILED).increment(expired.failed as u64);
                    metrics::gauge!(LATE).set(lateness.late.as_secs_f64());
                }
                Err(failure) => {
                    tracing::warn!(%failure, "unpaid orders were not looked for; the next look does it");
                    metrics::gauge!(LATE).set(lateness.by(Instant::now()).as_secs_f64());
                }
            }
        }
    });
}

/// What the last look that succeeded has shown.
#[derive(Debug, Clone, Copy)]
struct Lateness {
    late: Duration,
    looked_at: Instant,
}

impl Lateness {
    /// Before the first look nothing is known to be late.
    fn since(start: Instant) -> Self {
        Self { late: Duration::ZERO, looked_at: start }
    }

    /// How late an order may be by now, if nobody else has cancelled it: whoever watches this must see that nobody looks.
    fn by(self, now: Instant) -> Duration {
        self.late.saturating_add(now.saturating_duration_since(self.looked_at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lateness_grows_while_nobody_looks() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let unknown = Lateness::since(start);
        assert_eq!([unknown.by(start), unknown.by(after(5))], [Duration::ZERO, Duration::from_secs(5)]);
        let seen = Lateness { late: Duration::from_secs(60), looked_at: after(5) };
        assert_eq!([seen.by(after(5)), seen.by(after(8))].map(|late| late.as_secs()), [60, 63]);
    }
}
