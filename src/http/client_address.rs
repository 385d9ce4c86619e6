//! Where a request comes from: the connection's other end, or, behind proxies that are trusted, what they say.

use crate::settings::{ForwardedHeader, HttpSettings};
use axum::http::HeaderMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::Once;

const IPV6_NETWORK: u128 = u128::MAX << 64;

/// The client's address. Of what proxies wrote, the right-most that is not itself a trusted proxy's: all to the left of it may be
/// invented by the client.
pub fn of(peer: IpAddr, headers: &HeaderMap, settings: &HttpSettings) -> IpAddr {
    let is_trusted = |address: IpAddr| settings.trusted_proxies.contains(address);
    let mut nearest = peer.to_canonical();
    if !is_trusted(nearest) {
        point_out(headers);
        return nearest;
    }
    for hop in hops(headers, settings.forwarded_header).into_iter().rev() {
        // Whom a proxy does not name comes from that proxy.
        let Some(address) = hop else { return nearest };
        nearest = address;
        if !is_trusted(address) {
            break;
        }
    }
    nearest
}

/// Says once for a process that somebody is not believed. It may be a client's invention, so it is said without an address.
fn point_out(headers: &HeaderMap) {
    static SAID: Once = Once::new();
    let forwards = |header: ForwardedHeader| headers.contains_key(header.name());
    if forwards(ForwardedHeader::XForwardedFor) || forwards(ForwardedHeader::Forwarded) {
        SAID.call_once(|| {
            tracing::warn!(
                "somebody says for whom they ask, but is no trusted proxy: if a proxy of ours is not in `http.trusted_proxies`, all its \
                 clients share the limits of one address"
            );
        });
    }
}

/// The addresses that the header names, the farthest first; none where one cannot be read.
fn hops(headers: &HeaderMap, header: ForwardedHeader) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(header.name()).iter().map(|line| line.to_str().unwrap_or_default());
    let elements = lines.flat_map(|line| line.split(','));
    match header {
        ForwardedHeader::XForwardedFor => elements.map(address).collect(),
        ForwardedHeader::Forwarded => elements.map(|element| address(forwarded_for(element)?)).collect(),
    }
}

/// What an element of `Forwarded` says behind `for=`.
fn forwarded_for(element: &str) -> Option<&str> {
    let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("for")).map(|(_, value)| value.trim());
    values.next().map(|value| value.trim_matches('"'))
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let found = bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    found.map(|address: IpAddr| address.to_canonical())
}

/// What those who share an address have in common: of the sixth version one customer of a provider has all that begin alike.
pub fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & IPV6_NETWORK).into(),
    }
}

/// The same as a name.
pub fn network_name(address: Option<IpAddr>) -> String {
    address.map_or_else(|| "at:nowhere".to_owned(), |address| format!("at:{}", network(address)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn client(trusted: &str, header: ForwardedHeader, peer: &str, lines: &[&'static str]) -> String {
        let trusted_proxies = trusted.parse().unwrap();
        let settings = HttpSettings { trusted_proxies, forwarded_header: header, ..HttpSettings::default() };
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header.name(), HeaderValue::from_static(line));
        }
        of(peer.parse().unwrap(), &headers, &settings).to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        let by = |trusted| client(trusted, ForwardedHeader::XForwardedFor, "203.0.113.9", &["198.51.100.1"]);
        assert_eq!(by(""), "203.0.113.9");
        assert_eq!(by("10.0.0.0/8, 203.0.113.8"), "203.0.113.9");
        assert_eq!(by("203.0.113.9"), "198.51.100.1");
    }

    #[test]
    fn the_right_most_address_that_is_no_proxy_counts() {
        let of = |lines: &[&'static str]| client("10.0.0.0/8", ForwardedHeader::XForwardedFor, "10.0.0.1", lines);
        assert_eq!(of(&["1.1.1.1, 198.51.100.1, 10.2.3.4"]), "198.51.100.1", "the client wrote what is left of it");
        assert_eq!(of(&["1.1.1.1", "198.51.100.1:4711"]), "198.51.100.1", "lines add up");
        assert_eq!(of(&["10.9.9.9, 10.2.3.4"]), "10.9.9.9", "inside");
        assert_eq!(of(&["198.51.100.1, unknown, 10.2.3.4"]), "10.2.3.4", "nobody knows who sent it there");
        assert_eq!(of(&[]), "10.0.0.1");
        assert_eq!(of(&["2001:db8::7"]), "2001:db8::7");
    }

    #[test]
    fn the_standard_header_is_read_where_it_is_set() {
        let of = |lines: &[&'static str]| client("::1, 10.0.0.0/8", ForwardedHeader::Forwarded, "::1", lines);
        assert_eq!(of(&["for=198.51.100.1;proto=https;by=10.0.0.1"]), "198.51.100.1");
        assert_eq!(of(&["for=1.1.1.1, proto=https; For=\"[2001:db8::7]:4711\", for=10.0.0.1"]), "2001:db8::7");
        assert_eq!(of(&["for=_hidden, for=10.0.0.1"]), "10.0.0.1");
        assert_eq!(of(&["proto=https"]), "::1");
    }

    #[test]
    fn a_mapped_address_is_what_it_maps() {
        let mapped = client("10.0.0.0/8", ForwardedHeader::XForwardedFor, "::ffff:10.0.0.1", &["::ffff:198.51.100.1"]);
        assert_eq!(mapped, "198.51.100.1");
    }
}
