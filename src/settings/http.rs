//! `http`: the public endpoint and the port for operators.

use super::numbers::at_least_one;
use super::{ForwardedHeader, Introspection, Networks, TrustedMode};
use crate::http::origins::Origins;
use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// The public endpoint and the operators' port.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HttpSettings {
    /// Where GraphQL is served.
    pub listen: SocketAddr,
    /// Where `/metrics`, `/livez` and `/readyz` are served.
    pub operations_listen: SocketAddr,
    /// Serve GraphiQL at `/`.
    pub playground: bool,
    /// Answer questions about the schema (`__schema`, `__type`): `as-playground`, `on` or `off`.
    pub introspection: Introspection,
    /// The built playground; a small page takes its place when the folder is not there.
    pub playground_folder: PathBuf,
    /// Serve the page at `/pipeline`, and let everybody watch the figures of the pipeline that it shows; else admins alone may ask for them.
    pub pipeline: bool,
    /// Origins whose pages may call, such as `https://shop.example`, joined by commas; none by default, `*` for all.
    pub cors_origins: Origins,
    /// How long browsers remember to come over TLS only (`Strict-Transport-Security`), in seconds; 0 does not say it. For whoever ends TLS
    /// in front of millrace with something that does not add the header: over plain HTTP browsers pay no heed to it.
    pub hsts_max_age_s: u64,
    /// Addresses and networks of proxies, joined by commas; none by default. Only what these say about where a request comes from is
    /// believed: behind a proxy that is not named here all clients look like one, and share its limits of failed sign-ins and new passwords.
    pub trusted_proxies: Networks,
    /// The header in which they say it: `x-forwarded-for` or `forwarded`. Only this one is read: the other may be a client's.
    pub forwarded_header: ForwardedHeader,
    /// Connections open at once on one port of this process. One that has become a socket does not count.
    #[serde(deserialize_with = "at_least_one")]
    pub connections_max: usize,
    /// Of one address, or network of IPv6, on the public port or the operators'. Those of `trusted_proxies` are not
    /// counted so: they bring many clients; a proxy that is not trusted has no more for all of its own. It
    /// bounds nothing unless it is less than `connections_max`.
    #[serde(deserialize_with = "at_least_one")]
    pub connections_per_address_max: usize,
    /// The longest time from the first byte of a request's head to its last, in milliseconds.
    #[serde(deserialize_with = "at_least_one")]
    pub head_ms_max: u64,
    /// The longest time that a request's body may take, in milliseconds.
    #[serde(deserialize_with = "at_least_one")]
    pub body_ms_max: u64,
    /// The longest time that a connection may stay open without a request, in milliseconds. Longer than proxies keep theirs.
    #[serde(deserialize_with = "at_least_one")]
    pub idle_ms_max: u64,
    /// The longest time that a client may take nothing of its answer, in milliseconds.
    #[serde(deserialize_with = "at_least_one")]
    pub write_ms_max: u64,
    /// The longest request body, in bytes.
    #[serde(deserialize_with = "at_least_one")]
    pub body_bytes_max: usize,
    /// Answers of so many bytes and more are compressed, if the client takes that; 0 compresses none.
    pub compress_bytes_min: u64,
    /// How long a query's text is kept for clients that send only its hash (automatic persisted queries), after it was last asked for, in
    /// seconds; 0 keeps none. What has a quoted value in it is not kept: that belongs into variables.
    pub persisted_queries_ttl_s: u64,
    /// The longest text that is kept so, in bytes.
    pub persisted_query_bytes_max: usize,
    /// So many new texts of one viewer, or of one address of those who are not signed in, are kept by one process within a minute.
    pub persisted_queries_per_minute_max: u32,
    /// Documents that may be run: `off` (all), `log` (all, but those that are not trusted are logged), `enforce` (trusted ones alone).
    pub trusted_documents: TrustedMode,
    /// Where trusted documents are: a manifest of Apollo's, an object of texts by id (Relay's), or a folder of such and of `.graphql` files.
    pub trusted_documents_path: PathBuf,
    /// The longest time that a query or mutation may take, in milliseconds.
    #[serde(deserialize_with = "at_least_one")]
    pub request_ms_max: u64,
    /// The longest wait for a position that a token or a mutation asks for, in milliseconds.
    pub consistency_wait_ms_max: u64,
    /// Reads of one projection that wait so at once in this process; more are refused.
    #[serde(deserialize_with = "at_least_one")]
    pub waiting_reads_max: usize,
    /// Those of one signed-in viewer, of all projections.
    #[serde(deserialize_with = "at_least_one")]
    pub waiting_reads_per_viewer_max: usize,
    /// The longest answer to an operation, in bytes. A longer one is made, but not sent: ask for less at once.
    #[serde(deserialize_with = "at_least_one")]
    pub answer_bytes_max: usize,
    /// Errors that one answer tells of; further ones are left out.
    #[serde(deserialize_with = "at_least_one")]
    pub errors_max: usize,
    /// Answers to queries that this process keeps, in bytes, counted about. One is given again only while every document that it was made of is as it
    /// was; 0 executes every query.
    pub answers_bytes_max: usize,
    /// Sockets and event streams open at once in this process.
    pub sockets_max: usize,
    /// Of one client's address, or network of IPv6; behind a proxy that is not trusted all clients are one.
    pub sockets_per_address_max: usize,
    /// Of one signed-in viewer.
    pub sockets_per_viewer_max: usize,
    /// Operations open at once on one socket.
    pub operations_per_socket_max: usize,
    /// Operations of one signed-in viewer that are open at once, on all sockets and event streams together.
    pub operations_per_viewer_max: usize,
    /// The same of all who are not signed in and share a client's address, or network of IPv6: an office or a provider may have many.
    pub operations_per_address_max: usize,
    /// How long a socket may stay open without `connection_init`, in milliseconds.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_init_ms_max: u64,
    /// The time between two pings of a socket, or two comments of an event stream, in milliseconds.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_ping_ms: u64,
    /// A socket whose client has sent nothing for this long, in spite of pings, is closed, in milliseconds.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_silence_ms_max: u64,
    /// Messages that a client may send on one socket within a second, in the long run.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_messages_per_s_max: u32,
    /// Messages that it may send at once.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_messages_burst_max: u32,
    /// The longest message that a client may send on a socket, in bytes.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_message_bytes_max: usize,
    /// Messages that wait for a client to take them. Beyond it operations wait, and subscriptions that fall behind end with their cursor.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_queue_messages_max: usize,
    /// The bytes of these messages.
    #[serde(deserialize_with = "at_least_one")]
    pub socket_queue_bytes_max: usize,
    /// The longest time that open requests and sockets are given at shutdown, in milliseconds.
    pub drain_ms_max: u64,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 4000)),
            operations_listen: SocketAddr::from(([127, 0, 0, 1], 4001)),
            playground: true,
            introspection: Introspection::AsPlayground,
            playground_folder: PathBuf::from("web-playground/dist"),
            pipeline: false,
            cors_origins: Origins::default(),
            hsts_max_age_s: 0,
            trusted_proxies: Networks::default(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            connections_max: 4_096,
            connections_per_address_max: 1_024,
            head_ms_max: 10_000,
            body_ms_max: 30_000,
            idle_ms_max: 75_000,
            write_ms_max: 30_000,
            body_bytes_max: 256 * 1024,
            compress_bytes_min: 1_024,
            persisted_queries_ttl_s: 24 * 3_600,
            persisted_query_bytes_max: 16 * 1024,
            persisted_queries_per_minute_max: 300,
            trusted_documents: TrustedMode::Off,
            trusted_documents_path: PathBuf::new(),
            request_ms_max: 10_000,
            consistency_wait_ms_max: 2_000,
            waiting_reads_max: 1_000,
            waiting_reads_per_viewer_max: 32,
            answer_bytes_max: 2 * 1024 * 1024,
            errors_max: 10,
            answers_bytes_max: 64 * 1024 * 1024,
            sockets_max: 10_000,
            sockets_per_address_max: 100,
            sockets_per_viewer_max: 20,
            operations_per_socket_max: 32,
            operations_per_viewer_max: 100,
            operations_per_address_max: 500,
            socket_init_ms_max: 5_000,
            socket_ping_ms: 15_000,
            socket_silence_ms_max: 30_000,
            socket_messages_per_s_max: 20,
            socket_messages_burst_max: 50,
            socket_message_bytes_max: 64 * 1024,
            socket_queue_messages_max: 256,
            socket_queue_bytes_max: 1024 * 1024,
            drain_ms_max: 10_000,
        }
    }
}

impl HttpSettings {
    /// True if questions about the schema are answered.
    pub fn answers_introspection(&self) -> bool {
        match self.introspection {
            Introspection::AsPlayground => self.playground,
            Introspection::On => true,
            Introspection::Off => false,
        }
    }

    /// Where this machine reaches the public endpoint.
    pub fn local_url(&self) -> String {
        let address = match self.listen {
            SocketAddr::V4(all) if all.ip().is_unspecified() => (Ipv4Addr::LOCALHOST, all.port()).into(),
            SocketAddr::V6(all) if all.ip().is_unspecified() => (Ipv6Addr::LOCALHOST, all.port()).into(),
            one => one,
        };
        format!("http://{address}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn origins_can_be_set() {
        let set = |text: &str| Settings::load(None, &[("http.cors_origins".into(), text.into())]);
        let origins = set("https://a.example, http://b.example:8080").unwrap().http.cors_origins;
        assert!(origins.contains("https://a.example") && origins.contains("http://b.example:8080"));
        assert!(set("a.example").is_err());
    }

    #[test]
    fn questions_about_the_schema_follow_graphiql_unless_they_are_set() {
        let answered = |introspection: &str, playground: &str| {
            let set = [("http.introspection", introspection), ("http.playground", playground)];
            let set = set.map(|(key, value)| (key.to_owned(), value.to_owned()));
            Settings::load(None, &set).unwrap().http.answers_introspection()
        };
        assert!(answered("as-playground", "true") && !answered("as-playground", "false"));
        assert!(answered("on", "false") && !answered("off", "true"));
        assert_eq!(Settings::default().http.introspection, Introspection::AsPlayground);
    }

    #[test]
    fn an_endpoint_on_all_addresses_is_reached_over_the_loopback() {
        let at = |listen: &str| HttpSettings { listen: listen.parse().unwrap(), ..HttpSettings::default() }.local_url();
        assert_eq!(at("0.0.0.0:4000"), "http://127.0.0.1:4000");
        assert_eq!(at("[::]:4000"), "http://[::1]:4000");
        assert_eq!(at("192.0.2.1:80"), "http://192.0.2.1:80");
    }
}
