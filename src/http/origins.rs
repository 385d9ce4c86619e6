//! Which pages of other origins may call: none that is not set.
//!
//! A browser holds answers back from a page that is not named here (CORS), and does not even send what is no simple request. It does not
//! ask before it opens a socket, or a stream of events by GET, so there the origin is looked at here.

use super::{caching, event_stream, headers, trace_context};
use crate::settings::HttpSettings;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

const ANY_ORIGIN: &str = "*";
/// How long a browser need not ask again whether it may call: the most that Chromium takes.
const PREFLIGHT_KEPT: Duration = Duration::from_secs(7_200);
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// Where Apollo's client says what it sends, if it is told to.
const APOLLO: [HeaderName; 3] = [
    HeaderName::from_static("apollo-require-preflight"),
    HeaderName::from_static("apollographql-client-name"),
    HeaderName::from_static("apollographql-client-version"),
];

/// Origins as browsers write them: a text with commas, such as `https://shop.example, http://localhost:5173`, or `*` for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origins(Vec<String>);

/// A text in a list of origins that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin: scheme, host and perhaps a port, or `*`, and nothing behind it")]
pub struct NoOrigin(String);

impl Origins {
    /// True if this origin is one of them.
    pub fn contains(&self, origin: &str) -> bool {
        self.are_all() || self.0.iter().any(|set| set == origin)
    }

    fn are_all(&self) -> bool {
        self.0.iter().any(|set| set == ANY_ORIGIN)
    }

    fn allowed(&self) -> AllowOrigin {
        if self.are_all() {
            return AllowOrigin::any();
        }
        AllowOrigin::list(self.0.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    }
}

impl FromStr for Origins {
    type Err = NoOrigin;

    fn from_str(text: &str) -> Result<Self, NoOrigin> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let origin = |part: &str| if is_origin(part) { Ok(part.to_owned()) } else { Err(NoOrigin(part.to_owned())) };
        parts.map(origin).collect::<Result<_, _>>().map(Self)
    }
}

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Origins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.join(", "))
    }
}

/// Browsers write small letters and no slash at the end: what is written otherwise would never be met.
fn is_origin(text: &str) -> bool {
    let Ok(address) = text.parse::<Uri>() else { return false };
    let (Some(scheme), Some(authority)) = (address.scheme_str(), address.authority()) else {
        return text == ANY_ORIGIN;
    };
    text == format!("{scheme}://{authority}") && text.to_ascii_lowercase() == text && !authority.as_str().contains('@')
}

/// Closed unless set: a page of another origin gets no answer.
pub fn cors(settings: &HttpSettings) -> CorsLayer {
    let sent = [
        header::AUTHORIZATION,
        header::CONTENT_TYPE,
        header::IF_NONE_MATCH,
        event_stream::LAST_EVENT_ID,
        headers::CONSISTENCY,
        headers::COST,
        headers::ON_TIMEOUT,
        headers::REQUEST_ID,
        trace_context::TRACE_PARENT,
        trace_context::TRACE_STATE,
    ];
    let read = [header::ETAG, header::RETRY_AFTER, headers::REQUEST_ID, trace_context::TRACE_RESPONSE];
    CorsLayer::new()
        .allow_origin(settings.cors_origins.allowed())
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(sent.into_iter().chain(APOLLO).collect::<Vec<_>>())
        .expose_headers(read)
        .max_age(PREFLIGHT_KEPT)
        .vary(caching::vary())
}

/// True if whoever calls is no page of another origin, or of one that is set.
pub fn may_open(headers: &HeaderMap, settings: &HttpSettings) -> bool {
    let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    let Some(origin) = text(header::ORIGIN) else { return true };
    // What a browser says of the site no page can make it say.
    settings.cors_origins.contains(origin)
        || text(FETCH_SITE) == Some("same-origin")
        || is_host(origin, text(header::HOST).unwrap_or_default())
}

/// True if the page comes from where it calls, and is a page: files and extensions have hosts of their own making.
fn is_host(origin: &str, host: &str) -> bool {
    let Ok(origin) = origin.parse::<Uri>() else { return false };
    let is_page = matches!(origin.scheme_str(), Some("http" | "https"));
    is_page && origin.authority().is_some_and(|authority| authority.as_str().eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may(origins: &[&str], headers: &[(&'static str, &'static str)]) -> bool {
        let cors_origins = origins.join(",").parse().unwrap();
        let settings = HttpSettings { cors_origins, ..HttpSettings::default() };
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        may_open(&headers.collect(), &settings)
    }

    fn from(origin: &'static str) -> bool {
        may(&["https://shop.example"], &[("host", "api.example"), ("origin", origin)])
    }

    #[test]
    fn a_page_of_another_origin_opens_nothing_unless_set() {
        assert!(may(&[], &[("host", "api.example")]), "no page at all");
        assert!(from("https://shop.example") && from("https://api.example"));
        for other in [
            "https://evil.example",
            "null",
            "",
            "https://shop.example.evil.example",
            "https://evilshop.example",
            "http://shop.example",
            "https://api.example.evil.example",
            "https://api.example@evil.example",
            "https://api.example:8443",
            "file://api.example",
            "chrome-extension://api.example",
        ] {
            assert!(!from(other), "{other}");
        }
        assert!(may(&["*"], &[("host", "api.example"), ("origin", "null")]));
    }

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        let parse = |text: &str| text.parse::<Origins>();
        let two = parse("https://shop.example, http://[::1]:5173").unwrap();
        assert!(two.contains("https://shop.example") && two.contains("http://[::1]:5173") && !two.contains("null"));
        assert_eq!(serde_json::to_value(&two).unwrap(), "https://shop.example, http://[::1]:5173");
        assert!(parse("").unwrap().0.is_empty() && parse("*").unwrap().contains("https://any.example"));
        for wrong in ["shop.example", "https://shop.example/", "https://Shop.example", "https://a@b.example", "null"] {
            assert_eq!(parse(wrong), Err(NoOrigin(wrong.into())));
        }
    }

    #[test]
    fn behind_a_proxy_that_calls_us_otherwise_the_browser_says_whose_page_it_is() {
        let behind =
            |site| may(&[], &[("host", "10.0.0.7:4000"), ("origin", "https://a.example"), ("sec-fetch-site", site)]);
        assert!(behind("same-origin"));
        assert!(!behind("same-site") && !behind("cross-site") && !behind("none"));
    }
}
