//! Numbers that mean nothing below a bound.

use serde::de::Error;
use serde::{Deserialize, Deserializer};

/// A limit with which, if it were 0, nothing could be done at all, or as much as anybody likes.
pub fn at_least_one<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default + PartialEq,
{
    let number = T::deserialize(deserializer)?;
    if number == T::default() { Err(D::Error::custom("must be at least 1")) } else { Ok(number) }
}

#[cfg(test)]
mod tests {
    use crate::settings::{Settings, SettingsError, known_keys};
    use std::error::Error;

    fn set(key: &str, value: &str) -> Result<Settings, SettingsError> {
        Settings::load(None, &[(key.to_owned(), value.to_owned())])
    }

    #[test]
    fn nothing_is_served_by_a_limit_of_nothing() {
        let known = known_keys().unwrap();
        let whole_sections = ["attempts.", "live."];
        let sections = known.iter().map(String::as_str);
        let sections = sections.filter(|key| whole_sections.iter().any(|section| key.starts_with(section)));
        let others = [
            "auth.password_wait_ms_max",
            "command.transaction_ms_max",
            "http.body_bytes_max",
            "http.connections_per_address_max",
            "http.socket_message_bytes_max",
            "http.socket_ping_ms",
            "http.waiting_reads_max",
            "http.waiting_reads_per_viewer_max",
        ];
        for key in sections.chain(others) {
            let refused = set(key, "0").unwrap_err();
            let why = refused.source().unwrap().to_string();
            assert!(why.contains("must be at least 1") && why.contains(key), "{why}");
            assert!(set(key, "1").is_ok() && set(key, "-1").is_err(), "{key}");
        }
    }

    #[test]
    fn where_nothing_means_something_it_may_be_set() {
        for key in ["auth.password_hashes_waiting_max", "http.consistency_wait_ms_max", "http.sockets_max"] {
            assert!(set(key, "0").is_ok(), "{key}");
        }
    }
}
