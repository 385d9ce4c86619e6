//! How many new texts a process keeps of one client: anybody can send new ones without end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

const WINDOW: Duration = Duration::from_secs(60);
/// So many clients are counted within a minute. Of further ones nothing new is kept: they send their texts again.
const CLIENTS_MAX: usize = 10_000;

/// So many of each client within a minute.
#[derive(Debug)]
pub struct NewTexts {
    per_window_max: u32,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    taken: HashMap<String, u32>,
}

impl NewTexts {
    /// At most so many of one client within a minute.
    pub fn new(per_minute_max: u32) -> Self {
        let window = Window { began: Instant::now(), taken: HashMap::new() };
        Self { per_window_max: per_minute_max, window: Mutex::new(window) }
    }

    /// True if there is room for one more of theirs now.
    pub fn take(&self, whose: &str) -> bool {
        self.take_at(whose, Instant::now())
    }

    fn take_at(&self, whose: &str, now: Instant) -> bool {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(window.began) >= WINDOW {
            *window = Window { began: now, taken: HashMap::new() };
        }
        let taken = window.taken.get(whose).copied();
        let has_room = taken.unwrap_or(0) < self.per_window_max;
        if !has_room || taken.is_none() && window.taken.len() >= CLIENTS_MAX {
            return false;
        }
        window.taken.insert(whose.to_owned(), taken.unwrap_or(0) + 1);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_room_for_so_many_of_each_client() {
        let (new_texts, now) = (NewTexts::new(2), Instant::now());
        let taken = |whose: &str, after: u64| new_texts.take_at(whose, now + Duration::from_secs(after));
        assert_eq!([taken("a", 1), taken("a", 2), taken("a", 3), taken("a", 59)], [true, true, false, false]);
        assert!(taken("b", 59), "what one has used up is not the others'");
        assert_eq!([taken("a", 62), taken("a", 63), taken("a", 64)], [true, true, false]);
        assert!(!NewTexts::new(0).take("a"));
    }

    #[test]
    fn clients_without_end_are_not_counted_without_end() {
        let new_texts = NewTexts::new(2);
        for client in 0..CLIENTS_MAX {
            assert!(new_texts.take(&client.to_string()));
        }
        assert_eq!([new_texts.take("another"), new_texts.take("0")], [false, true]);
    }
}
