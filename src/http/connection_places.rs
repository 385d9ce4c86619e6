//! Who gets a connection of a port: so many in all, and so many for each address.

use super::client_address::network;
use super::server::{AddressLimit, ConnectionLimits};
use crate::places::{Place, Places};
use crate::settings::Networks;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places for the connections of one port.
#[derive(Debug)]
pub struct ConnectionPlaces {
    all: Arc<Semaphore>,
    addresses: Option<AddressPlaces>,
}

#[derive(Debug)]
struct AddressPlaces {
    taken: Arc<Places<IpAddr>>,
    trusted_proxies: Networks,
}

/// The place of a connection, given back when it is dropped.
#[derive(Debug)]
pub struct ConnectionPlace {
    _of_all: OwnedSemaphorePermit,
    _of_address: Option<Place<IpAddr>>,
}

/// Why a connection gets no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The port has no more.
    Port,
    /// The address has no more, and others may have.
    Address,
}

impl Full {
    /// What it is called in metrics.
    pub fn outcome(self) -> &'static str {
        match self {
            Self::Port => "refused",
            Self::Address => "refused_address",
        }
    }
}

impl ConnectionPlaces {
    /// As many as the limits say.
    pub fn new(limits: ConnectionLimits) -> Self {
        let addresses = limits.per_address.map(AddressPlaces::new);
        Self { all: Arc::new(Semaphore::new(limits.connections_max)), addresses }
    }

    /// For one more connection whose other end is there.
    pub fn take(&self, peer: IpAddr) -> Result<ConnectionPlace, Full> {
        let of_all = Arc::clone(&self.all).try_acquire_owned().map_err(|_| Full::Port)?;
        let of_address = match &self.addresses {
            Some(addresses) => addresses.take(peer)?,
            None => None,
        };
        Ok(ConnectionPlace { _of_all: of_all, _of_address: of_address })
    }
}

impl AddressPlaces {
    fn new(limit: AddressLimit) -> Self {
        Self { taken: Places::new(limit.connections_max), trusted_proxies: limit.trusted_proxies }
    }

    /// None is taken for a proxy: it brings many clients, and for which of them a connection is nobody knows before
    /// its requests.
    fn take(&self, peer: IpAddr) -> Result<Option<Place<IpAddr>>, Full> {
        // On a port of both versions an address of the fourth is mapped: all of these would be one network of the
        // sixth.
        let peer = peer.to_canonical();
        if self.trusted_proxies.contains(peer) {
            return Ok(None);
        }
        self.taken.take(network(peer)).map(Some).ok_or(Full::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::HttpSettings;

    fn settings() -> HttpSettings {
        let trusted_proxies = "10.0.0.0/8".parse().unwrap();
        HttpSettings { connections_max: 4, connections_per_address_max: 1, trusted_proxies, ..HttpSettings::default() }
    }

    fn take(places: &ConnectionPlaces, peer: &str) -> Result<ConnectionPlace, Full> {
        places.take(peer.parse().unwrap())
    }

    #[test]
    fn each_network_has_its_part_and_gets_it_back() {
        let places = ConnectionPlaces::new(ConnectionLimits::of_strangers(&settings()));
        let first = take(&places, "2001:db8::1").unwrap();
        assert_eq!(take(&places, "2001:db8::2").unwrap_err(), Full::Address);
        let _others = (take(&places, "2001:db8:0:1::1").unwrap(), take(&places, "::ffff:192.0.2.1").unwrap());
        assert_eq!(take(&places, "192.0.2.1").unwrap_err(), Full::Address, "the same, not mapped");
        let _last = take(&places, "::ffff:192.0.2.2").unwrap();
        assert_eq!(take(&places, "192.0.2.3").unwrap_err(), Full::Port);
        drop(first);
        assert!(take(&places, "2001:db8::2").is_ok(), "what was given back is there again");
    }

    #[test]
    fn neither_a_trusted_proxy_nor_a_port_of_ours_has_a_part() {
        let of_strangers = ConnectionPlaces::new(ConnectionLimits::of_strangers(&settings()));
        let of_ours = ConnectionPlaces::new(ConnectionLimits::of(&settings()));
        for (places, peer) in [(of_strangers, "::ffff:10.0.0.1"), (of_ours, "192.0.2.1")] {
            let taken: Vec<_> = (0..4).map(|_| take(&places, peer).unwrap()).collect();
            assert_eq!(take(&places, peer).unwrap_err(), Full::Port, "{} places", taken.len());
        }
    }
}
