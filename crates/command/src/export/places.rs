//! How many exports run at once in this process: a few over all, one for each person.

use millrace_events::UserId;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places, and whose exports have them.
#[derive(Debug)]
pub(super) struct Places {
    at_once_max: usize,
    taken: Mutex<HashSet<UserId>>,
}

/// One export's place; it is free again once this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    person: UserId,
}

impl Places {
    pub fn new(at_once_max: usize) -> Self {
        Self { at_once_max, taken: Mutex::default() }
    }

    /// A place for this person; none if all are taken, or if the person has one.
    pub fn take(self: &Arc<Self>, person: UserId) -> Option<Place> {
        let mut taken = self.taken();
        let is_free = taken.len() < self.at_once_max && taken.insert(person);
        is_free.then(|| Place { places: Arc::clone(self), person })
    }

    fn taken(&self) -> MutexGuard<'_, HashSet<UserId>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().remove(&self.person);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_few_and_a_person_has_one() {
        let places = Arc::new(Places::new(2));
        let [ada, ben, eve] = [1, 2, 3].map(|id| UserId(uuid::Uuid::from_u128(id)));
        let first = places.take(ada).unwrap();
        assert!(places.take(ada).is_none());
        let _second = places.take(ben).unwrap();
        assert!(places.take(eve).is_none());
        drop(first);
        assert!(places.take(eve).is_some() && places.take(ada).is_some());
    }
}
