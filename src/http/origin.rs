//! Which pages may open a socket. Browsers let any page do that, with the cookies and addresses of the person in front of it; only the
//! server can refuse.

use super::ANY_ORIGIN;
use axum::http::{HeaderMap, header};

/// True for a page of our own host, or of an origin that is listed; and for whoever names none, which is no browser.
pub fn may_open(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    is_own(origin, headers) || allowed.iter().any(|allowed| allowed == ANY_ORIGIN || allowed == origin)
}

/// The scheme does not count: behind a proxy that speaks TLS for us we do not know it.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|value| value.to_str().ok());
    let named = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    named.zip(host).is_some_and(|(named, host)| !host.is_empty() && named.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn may_open_from(origin: &'static str) -> bool {
        let host = (header::HOST, "api.example:4000".parse().unwrap());
        let headers = HeaderMap::from_iter([host, (header::ORIGIN, origin.parse().unwrap())]);
        may_open(&headers, &["https://shop.example".to_owned()])
    }

    #[test]
    fn only_own_and_listed_pages_open_sockets() {
        for origin in ["https://api.example:4000", "http://API.example:4000", "https://shop.example"] {
            assert!(may_open_from(origin), "{origin}");
        }
        for origin in [
            "https://evil.example",
            "null",
            "",
            "https://shop.example.evil.example",
            "https://evilshop.example",
            "http://shop.example",
            "https://api.example",
            "file://api.example:4000",
        ] {
            assert!(!may_open_from(origin), "{origin}");
        }
    }

    #[test]
    fn what_is_no_browser_may_and_so_may_all_where_all_are_listed() {
        assert!(may_open(&HeaderMap::new(), &[]));
        let evil = HeaderMap::from_iter([(header::ORIGIN, "https://evil.example".parse().unwrap())]);
        assert!(may_open(&evil, &["*".to_owned()]) && !may_open(&evil, &[]));
    }
}
