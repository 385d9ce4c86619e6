//! Whom `http` believes about where a request comes from.

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};
use std::net::{AddrParseError, IpAddr};
use std::str::FromStr;

/// Addresses and networks: a text with commas, such as `10.0.0.0/8, ::1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// True if the address lies in one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for Networks {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        // A network, or else an address, which is a network of one.
        let network = |part: &str| part.parse().or_else(|_| part.parse::<IpAddr>().map(IpNet::from));
        parts.map(network).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom(format!("`{text}` is no list of addresses and networks")))
    }
}

impl Serialize for Networks {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        serializer.serialize_str(&texts.join(", "))
    }
}

/// Where proxies write from whom a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which most proxies write.
    XForwardedFor,
    /// `Forwarded`, the standard (RFC 7239).
    Forwarded,
}

impl ForwardedHeader {
    /// The header's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::XForwardedFor => "x-forwarded-for",
            Self::Forwarded => "forwarded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn proxies_are_addresses_and_networks() {
        let set = |text: &str| Settings::load(None, &[("http.trusted_proxies".into(), text.into())]);
        let proxies = set("10.0.0.0/8, ::1").unwrap().http.trusted_proxies;
        let inside = |text: &str| proxies.contains(text.parse().unwrap());
        assert!(inside("10.1.2.3") && inside("::1") && !inside("11.0.0.1") && !inside("::2"));
        assert_eq!(serde_json::to_value(&proxies).unwrap(), "10.0.0.0/8, ::1/128");
        assert!(set("10.0.0.0/8, nonsense").is_err() && set("10.0.0.0/33").is_err());
        let standard = Settings::load(None, &[("http.forwarded_header".into(), "forwarded".into())]).unwrap();
        assert_eq!(standard.http.forwarded_header, ForwardedHeader::Forwarded);
    }
}
