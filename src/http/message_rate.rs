//! How fast a client may send: so many messages in a second in the long run, and so many at once.

use std::time::Duration;
use tokio::time::Instant;

/// What is left of a client's allowance.
#[derive(Debug)]
pub struct MessageRate {
    /// How long it takes until one more may be sent.
    each: Duration,
    /// How far ahead of its time a client may be.
    burst: Duration,
    /// When the client would have sent all that it has, had it kept to its pace.
    paid_until: Instant,
}

impl MessageRate {
    /// A client that has sent nothing yet.
    pub fn new(per_s_max: u32, burst_max: u32) -> Self {
        let each = Duration::from_secs(1) / per_s_max.max(1);
        Self { each, burst: each * burst_max.max(1), paid_until: Instant::now() }
    }

    /// One more message; false if it is one too many.
    pub fn take(&mut self, now: Instant) -> bool {
        let paid_until = self.paid_until.max(now) + self.each;
        if paid_until > now + self.burst {
            return false;
        }
        self.paid_until = paid_until;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_and_then_the_pace() {
        let mut rate = MessageRate::new(20, 50);
        let start = Instant::now();
        assert_eq!((0..100).filter(|_| rate.take(start)).count(), 50);
        let later = start + Duration::from_secs(1);
        assert_eq!((0..100).filter(|_| rate.take(later)).count(), 20);
        let much_later = later + Duration::from_secs(3_600);
        assert_eq!((0..100).filter(|_| rate.take(much_later)).count(), 50, "no more is saved up than a burst");
    }
}
