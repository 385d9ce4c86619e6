//! Addresses of servers: what stands in them as a password is for the driver alone.

use serde::{Deserialize, Serialize};

/// An address that may carry a password, which never shows.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct SecretUrl(pub String);

impl SecretUrl {
    /// The address with its password.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Of several addresses the last host shows, because a password may hold anything.
    fn masked(&self) -> String {
        match (self.0.find("://"), self.0.rfind('@')) {
            (Some(scheme), Some(at)) if at > scheme => format!("{}://***{}", &self.0[..scheme], &self.0[at..]),
            (None, Some(at)) => format!("***{}", &self.0[at..]),
            _ => self.0.clone(),
        }
    }

    /// Host and port, several joined by commas: what follows the password, up to path and options.
    pub fn hosts(&self) -> &str {
        let rest = self.0.rsplit_once('@').or_else(|| self.0.split_once("://")).map_or(&*self.0, |(_, rest)| rest);
        rest.split(['/', '?']).next().unwrap_or_default()
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_an_address_never_shows() {
        let url = SecretUrl("postgres://ada:secret@db.example:5432/x".into());
        assert_eq!(format!("{url:?}"), "postgres://***@db.example:5432/x");
        assert!(!serde_json::to_string(&url).unwrap().contains("secret"));
        let several = SecretUrl("nats://relay:secret@a:1, nats://relay:geheim@b:2".into());
        assert_eq!(format!("{several:?}"), "nats://***@b:2");
        assert_eq!(format!("{:?}", SecretUrl("relay:secret@a:1".into())), "***@a:1");
        let hosts = |url: &str| SecretUrl(url.into()).hosts().to_owned();
        assert_eq!(hosts("postgres://ada:se/cr,et@db.example:5432/x?sslmode=require"), "db.example:5432");
        assert_eq!(hosts("mongodb://u:p@a:1,b:2/?replicaSet=rs0"), "a:1,b:2");
        assert_eq!(hosts("redis://127.0.0.1:6379"), "127.0.0.1:6379");
    }
}
