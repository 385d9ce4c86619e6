//! How many new texts a process keeps: anybody can send new ones without end.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);

/// So many within a minute.
#[derive(Debug)]
pub struct NewTexts {
    per_window_max: u32,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    taken: u32,
}

impl NewTexts {
    /// At most so many within a minute.
    pub fn new(per_minute_max: u32) -> Self {
        Self { per_window_max: per_minute_max, window: Mutex::new(Window { began: Instant::now(), taken: 0 }) }
    }

    /// True if there is room for one more now.
    pub fn take(&self) -> bool {
        self.take_at(Instant::now())
    }

    fn take_at(&self, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(window.began) >= WINDOW {
            *window = Window { began: now, taken: 0 };
        }
        let has_room = window.taken < self.per_window_max;
        window.taken += u32::from(has_room);
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_room_for_so_many() {
        let (new_texts, now) = (NewTexts::new(2), Instant::now());
        let taken = |after: u64| new_texts.take_at(now + Duration::from_secs(after));
        assert_eq!([taken(1), taken(2), taken(3), taken(59)], [true, true, false, false]);
        assert_eq!([taken(62), taken(63), taken(64)], [true, true, false]);
        assert!(!NewTexts::new(0).take());
    }
}
