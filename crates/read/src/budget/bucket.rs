//! One bucket, as the script in Redis keeps it: pure.

use super::{BudgetLimits, Spent};
use std::time::{Duration, Instant};

const MS_PER_S: f64 = 1_000.0;

#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    limits: BudgetLimits,
    left: f64,
    at: Instant,
}

impl Bucket {
    pub(super) fn full(limits: BudgetLimits, now: Instant) -> Self {
        Self { limits, left: f64::from(limits.points_max), at: now }
    }

    pub(super) fn spend(&mut self, points: u32, now: Instant) -> Spent {
        let per_second = f64::from(self.limits.points_per_second);
        let flown = now.saturating_duration_since(self.at).as_secs_f64() * per_second;
        self.left = (self.left + flown).min(f64::from(self.limits.points_max));
        self.at = now;
        let lacking = f64::from(points) - self.left;
        if lacking > 0.0 {
            return Spent::Wait(Duration::from_secs_f64((lacking / per_second * MS_PER_S).ceil() / MS_PER_S));
        }
        self.left -= f64::from(points);
        Spent::Left(self.left as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_empties_and_fills_up_again_but_not_over() {
        let limits = BudgetLimits { points_max: 100, points_per_second: 10 };
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut bucket = Bucket::full(limits, start);
        assert_eq!(bucket.spend(70, at(0)), Spent::Left(30));
        assert_eq!(bucket.spend(70, at(0)), Spent::Wait(Duration::from_secs(4)));
        assert_eq!(bucket.spend(30, at(0)), Spent::Left(0), "what did not fit has cost nothing");
        assert_eq!(bucket.spend(70, at(6)), Spent::Wait(Duration::from_secs(1)));
        assert_eq!(bucket.spend(70, at(7)), Spent::Left(0));
        assert_eq!(bucket.spend(1, at(1_000)), Spent::Left(99));
    }
}
