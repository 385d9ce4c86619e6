//! Ports of loopback that stay ours while a server is down.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use crate::entropy::random_u64;
use crate::error::{Error, at};
use crate::kind::Kind;

/// Free ports are taken from here: below the ports that the kernel gives to outgoing connections, one of which could
/// otherwise sit on a server's port (or even be connected to itself) while the server restarts.
const FIRST: u16 = 20_000;
const LAST: u16 = 31_999;

/// A port that no other set of this user takes as long as this lives.
#[derive(Debug)]
pub struct Port {
    pub(crate) number: u16,
    _reservation: File,
}

impl Port {
    /// Reserves any free one, for a server that is no part of a set.
    ///
    /// # Errors
    ///
    /// If none is free, or the reservation cannot be written.
    pub fn reserve() -> Result<Self, Error> {
        free(None)
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.number
    }
}

/// This very port.
pub(crate) fn fixed(server: Kind, number: u16) -> Result<Port, Error> {
    reserve(number)?.ok_or(Error::PortTaken { server, port: number })
}

/// The preferred port if it is free, else any free one.
pub(crate) fn free(preferred: Option<u16>) -> Result<Port, Error> {
    if let Some(number) = preferred
        && let Some(port) = reserve(number)?
    {
        return Ok(port);
    }
    let count = u64::from(LAST - FIRST) + 1;
    let offset = random_u64().map_err(at("read", "/dev/urandom".as_ref()))? % count;
    for step in 0..count {
        let number = FIRST + u16::try_from((offset + step) % count).unwrap_or(0);
        if let Some(port) = reserve(number)? {
            return Ok(port);
        }
    }
    Err(Error::NoFreePort { first: FIRST, last: LAST })
}

/// None if another set has it or somebody listens there.
fn reserve(number: u16) -> Result<Option<Port>, Error> {
    let folder = reservations();
    fs::create_dir_all(&folder).map_err(at("create", &folder))?;
    let path = folder.join(number.to_string());
    let file = File::create(&path).map_err(at("create", &path))?;
    if file.try_lock().is_err() || TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_err() {
        return Ok(None);
    }
    Ok(Some(Port { number, _reservation: file }))
}

fn reservations() -> PathBuf {
    let user_id = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("millrace-ports-{user_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_given_once() {
        let first = free(None).unwrap();
        let second = free(Some(first.number)).unwrap();
        assert_ne!(first.number, second.number);
        assert!(matches!(fixed(Kind::Redis, first.number), Err(Error::PortTaken { .. })));
    }

    #[test]
    fn a_port_with_a_listener_is_not_given() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let number = listener.local_addr().unwrap().port();
        assert_ne!(free(Some(number)).unwrap().number, number);
    }

    #[test]
    fn a_released_port_is_given_again() {
        let number = free(None).unwrap().number;
        assert_eq!(free(Some(number)).unwrap().number, number);
    }
}
