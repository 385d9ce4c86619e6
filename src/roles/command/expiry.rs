//! The process manager that cancels unpaid orders.

use super::Starting;
use millrace_command::{Commands, Expired, Tried};
use std::time::{Duration, Instant};

/// How often unpaid orders are looked for whose time is over.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest time of one look: orders that cannot be cancelled take long, and the next look goes on behind them.
const LOOK_MAX: Duration = Duration::from_secs(30);
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
        let mut ticks = tokio::time::interval(INTERVAL);
        let (mut lateness, mut rest) = (Lateness::since(Instant::now()), None);
        while shutdown.run_until_cancelled(ticks.tick()).await.is_some() {
            // A command that has begun ends all the same.
            let Some(looked) = shutdown.run_until_cancelled(look(&commands, rest.take(), lateness)).await else {
                return;
            };
            (lateness, rest) = looked;
        }
    });
}

/// Looks once. What it does shows at once: it may take long.
async fn look(commands: &Commands, behind: Option<Tried>, before: Lateness) -> (Lateness, Option<Tried>) {
    let (looked_at, mut shown) = (Instant::now(), Expired::default());
    let goes_on = |so_far: &Expired| {
        show(&mut shown, so_far);
        looked_at.elapsed() < LOOK_MAX
    };
    match commands.expire_orders(behind, goes_on).await {
        Ok(expired) => {
            show(&mut shown, &expired);
            (Lateness { late: expired.late.unsigned_abs(), looked_at }, expired.rest)
        }
        Err(failure) => {
            tracing::warn!(%failure, "unpaid orders were not looked for; the next look does it");
            metrics::gauge!(LATE).set(before.by(Instant::now()).as_secs_f64());
            (before, behind)
        }
    }
}

/// Shows what was done since the last time.
fn show(shown: &mut Expired, now: &Expired) {
    metrics::counter!(EXPIRED).increment((now.orders - shown.orders) as u64);
    metrics::counter!(FAILED).increment((now.failed - shown.failed) as u64);
    metrics::gauge!(LATE).set(now.late.unsigned_abs().as_secs_f64());
    *shown = *now;
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
