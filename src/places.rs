//! Places that are taken for as long as something is open: so many in all, and so many for each address and viewer.

use crate::http::client_address::network;
use crate::http::problem::Problem;
use crate::settings::HttpSettings;
use metrics::{Gauge, describe_gauge, gauge};
use millrace_events::UserId;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const SOCKETS: &str = "millrace_sockets_open";
const EVENT_STREAMS: &str = "millrace_event_streams_open";
const SUBSCRIPTIONS: &str = "millrace_subscriptions_open";

/// What stays open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A WebSocket.
    Socket,
    /// The answer to a request that wants events.
    EventStream,
}

/// Places for sockets, event streams and their operations in one process.
#[derive(Debug)]
pub struct OpenPlaces {
    all: Arc<Semaphore>,
    addresses: Arc<Places<IpAddr>>,
    viewers: Arc<Places<UserId>>,
    operations: Arc<Places<UserId>>,
    anonymous_operations: Arc<Places<IpAddr>>,
    figures: Figures,
}

/// How many of each are open, in this process.
#[derive(Debug)]
struct Figures {
    sockets: Gauge,
    event_streams: Gauge,
    subscriptions: Gauge,
}

/// One more in a figure, until it is dropped.
#[derive(Debug)]
pub struct Counted(Gauge);

/// The place of a socket or an event stream, given back when it is dropped.
#[derive(Debug)]
pub struct OpenPlace {
    _counted: Counted,
    _of_all: OwnedSemaphorePermit,
    _of_address: Option<Place<IpAddr>>,
}

/// The place of an operation on a socket or an event stream, given back when it is dropped.
#[derive(Debug)]
pub struct OperationPlace {
    _of_viewer: Option<Place<UserId>>,
    _of_address: Option<Place<IpAddr>>,
}

impl OpenPlaces {
    /// As many as are set. To be made after the recorder of metrics.
    pub fn new(settings: &HttpSettings) -> Self {
        Self {
            figures: Figures::new(),
            all: Arc::new(Semaphore::new(settings.sockets_max)),
            addresses: Places::new(settings.sockets_per_address_max),
            viewers: Places::new(settings.sockets_per_viewer_max),
            operations: Places::new(settings.operations_per_viewer_max),
            anonymous_operations: Places::new(settings.operations_per_address_max),
        }
    }

    /// For one more socket or event stream that comes from there.
    pub fn open(&self, kind: Kind, address: Option<IpAddr>) -> Result<OpenPlace, Problem> {
        let of_all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Problem::Unavailable)?;
        let of_address = take(&self.addresses, address.map(network), "sockets_per_address_max")?;
        Ok(OpenPlace { _counted: self.figures.count(kind), _of_all: of_all, _of_address: of_address })
    }

    /// One more subscription, whatever it came over.
    pub fn subscription(&self) -> Counted {
        Counted::one_more(&self.figures.subscriptions)
    }

    /// For one more socket or event stream of a viewer. Who is not signed in is counted by address alone.
    pub fn of_viewer(&self, viewer: Option<UserId>) -> Result<Option<Place<UserId>>, Problem> {
        take(&self.viewers, viewer, "sockets_per_viewer_max")
    }

    /// For one more operation, on whichever socket: of a viewer, or of those who are not signed in and share an address.
    pub fn operation(&self, viewer: Option<UserId>, address: Option<IpAddr>) -> Result<OperationPlace, Problem> {
        let address = if viewer.is_none() { address.map(network) } else { None };
        Ok(OperationPlace {
            _of_viewer: take(&self.operations, viewer, "operations_per_viewer_max")?,
            _of_address: take(&self.anonymous_operations, address, "operations_per_address_max")?,
        })
    }
}

impl Figures {
    fn new() -> Self {
        describe_gauge!(SOCKETS, "WebSockets that are open.");
        describe_gauge!(EVENT_STREAMS, "Streams of server-sent events that are open.");
        describe_gauge!(SUBSCRIPTIONS, "Subscriptions that are open, on sockets and event streams together.");
        let zero = |gauge: Gauge| {
            gauge.set(0.0);
            gauge
        };
        let [sockets, event_streams] = [gauge!(SOCKETS), gauge!(EVENT_STREAMS)].map(zero);
        Self { sockets, event_streams, subscriptions: zero(gauge!(SUBSCRIPTIONS)) }
    }

    fn count(&self, kind: Kind) -> Counted {
        Counted::one_more(match kind {
            Kind::Socket => &self.sockets,
            Kind::EventStream => &self.event_streams,
        })
    }
}

impl Counted {
    fn one_more(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

fn take<K: Eq + Hash + Clone>(
    places: &Arc<Places<K>>,
    key: Option<K>,
    limit: &'static str,
) -> Result<Option<Place<K>>, Problem> {
    let Some(key) = key else { return Ok(None) };
    let place = places.take(key).ok_or(Problem::TooManyOpen { limit, max: places.each_max })?;
    Ok(Some(place))
}

/// How many of its places each key has taken.
#[derive(Debug)]
pub struct Places<K> {
    each_max: usize,
    taken: Mutex<HashMap<K, usize>>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
pub struct Place<K: Eq + Hash> {
    of: Arc<Places<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Places<K> {
    /// So many for each key.
    pub fn new(each_max: usize) -> Arc<Self> {
        Arc::new(Self { each_max, taken: Mutex::default() })
    }

    /// One more for this key; none if it has all of its own.
    pub fn take(self: &Arc<Self>, key: K) -> Option<Place<K>> {
        let mut taken = self.taken();
        let count = taken.get(&key).copied().unwrap_or_default();
        if count >= self.each_max {
            return None;
        }
        taken.insert(key.clone(), count + 1);
        Some(Place { of: Arc::clone(self), key })
    }
}

impl<K> Places<K> {
    fn taken(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = self.of.taken();
        match taken.get_mut(&self.key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(taken.remove(&self.key)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_has_its_own_places_and_gets_them_back() {
        let places = Places::new(2);
        let (first, _second) = (places.take("a").unwrap(), places.take("a").unwrap());
        assert!(places.take("a").is_none());
        let other = places.take("b");
        assert!(other.is_some(), "another key's places are its own");
        drop(first);
        assert!(places.take("a").is_some(), "what was given back is there again");
        drop(other);
        assert!(!places.taken().contains_key("b"), "nothing is kept of a key that has no place");
    }

    #[test]
    fn one_network_is_one_client_and_the_process_has_its_own_limit() {
        let limits = HttpSettings { sockets_max: 3, sockets_per_address_max: 1, ..HttpSettings::default() };
        let places = OpenPlaces::new(&limits);
        let open = |address: &str| places.open(Kind::Socket, Some(address.parse().unwrap()));
        let _first = open("2001:db8::1").unwrap();
        let refused = open("2001:db8::2").unwrap_err();
        assert!(matches!(refused, Problem::TooManyOpen { max: 1, .. }), "{refused:?}");
        let _others = (open("2001:db8:0:1::1").unwrap(), open("192.0.2.1").unwrap());
        assert_eq!(open("192.0.2.2").unwrap_err(), Problem::Unavailable);
    }

    #[test]
    fn operations_are_counted_by_viewer_or_else_by_address() {
        let limits =
            HttpSettings { operations_per_address_max: 2, operations_per_viewer_max: 1, ..HttpSettings::default() };
        let places = OpenPlaces::new(&limits);
        let (here, there) = ("2001:db8::1".parse().ok(), "192.0.2.1".parse().ok());
        let (first, _second) = (places.operation(None, here).unwrap(), places.operation(None, here).unwrap());
        let refused = places.operation(None, "2001:db8::2".parse().ok()).unwrap_err();
        assert!(matches!(refused, Problem::TooManyOpen { limit: "operations_per_address_max", max: 2 }), "{refused:?}");
        assert!(places.operation(None, there).is_ok(), "another address has its own");
        let ada = UserId::generate();
        let _of_ada = places.operation(Some(ada), here).unwrap();
        assert!(places.operation(Some(ada), there).is_err(), "a viewer is counted wherever they are");
        drop(first);
        assert!(places.operation(None, here).is_ok(), "what was given back is there again");
    }
}
