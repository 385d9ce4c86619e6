//! Servers that a role works on. At its start one that does not answer is named, with where it was looked for; the role waits for it.

use super::{RoleError, Starting};
use crate::settings::{MongoSettings, NatsUser, PostgresSettings, RedisSettings, SecretUrl};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long a server may take to accept a connection.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// After this long it is looked for again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A server and where a setting says that it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    name: &'static str,
    setting: &'static str,
    hosts: Vec<String>,
}

impl Wanted {
    /// PostgreSQL.
    pub fn postgres(settings: &PostgresSettings) -> Self {
        Self::at("PostgreSQL", "postgres.url", &settings.url, 5432)
    }

    /// NATS.
    pub fn nats(user: NatsUser<'_>) -> Self {
        Self::at("NATS", user.setting, user.url, 4222)
    }

    /// MongoDB.
    pub fn mongodb(settings: &MongoSettings) -> Self {
        Self::at("MongoDB", "mongodb.url", &settings.url, 27017)
    }

    /// Redis.
    pub fn redis(settings: &RedisSettings) -> Self {
        Self::at("Redis", "redis.url", &settings.url, 6379)
    }

    /// A name that stands for several hosts (`mongodb+srv`), and a socket in the file system, are not looked for.
    fn at(name: &'static str, setting: &'static str, url: &SecretUrl, port: u16) -> Self {
        let with_port = |host: &str| match host.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => host.to_owned(),
            _ => format!("{host}:{port}"),
        };
        let is_list = url.expose().starts_with("mongodb+srv:");
        let hosts = url.hosts().split(',').map(str::trim).filter(|host| !host.is_empty() && !is_list);
        Self { name, setting, hosts: hosts.map(with_port).collect() }
    }

    /// Fails with the server's name and address if nobody accepts connections there: for what is done once and then ends.
    pub async fn require(&self) -> Result<(), RoleError> {
        if self.answers().await { Ok(()) } else { Err(RoleError::Away(self.place())) }
    }

    /// True if one of its hosts accepts connections, or if there is none to ask.
    async fn answers(&self) -> bool {
        for host in &self.hosts {
            if timeout(ANSWER_MAX, TcpStream::connect(host)).await.is_ok_and(|connected| connected.is_ok()) {
                return true;
            }
        }
        self.hosts.is_empty()
    }

    fn place(&self) -> String {
        format!("{} at {} (setting {})", self.name, self.hosts.join(", "), self.setting)
    }
}

/// Says which of these are away, until each has been there once.
pub fn look_for(starting: &mut Starting<'_>, servers: impl IntoIterator<Item = Wanted>) {
    for server in servers {
        let shutdown = starting.shutdown.clone();
        starting.spawn("look for servers", async move {
            shutdown.run_until_cancelled(wait_for(&server)).await;
            shutdown.cancelled().await;
        });
    }
}

async fn wait_for(server: &Wanted) {
    if server.answers().await {
        return;
    }
    tracing::warn!("{} does not answer: waiting for it, /readyz tells what that means", server.place());
    while !server.answers().await {
        sleep(LOOK_AGAIN).await;
    }
    tracing::warn!("{} answers", server.place());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_with_its_address_and_without_its_password() {
        let at = |url: &str| Wanted::at("NATS", "nats.url", &SecretUrl(url.into()), 4222).place();
        assert_eq!(at("nats://relay:secret@nats.example"), "NATS at nats.example:4222 (setting nats.url)");
        assert_eq!(at("nats://[::1]:4300"), "NATS at [::1]:4300 (setting nats.url)");
        let none = Wanted::at("MongoDB", "mongodb.url", &SecretUrl("mongodb+srv://u:p@cluster.example/".into()), 27017);
        assert_eq!(none.hosts, Vec::<String>::new());
    }
}
