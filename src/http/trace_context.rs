//! W3C trace context: which trace a request belongs to. <https://www.w3.org/TR/trace-context-2/>
//!
//! We make no spans, so what came in goes on unchanged: into the log with a command's events, and from there into the headers of their
//! messages, where a consumer's span has the caller's as its parent. The answer names the trace again.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use uuid::Uuid;

/// In: the caller's trace and span.
pub const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// Out: the same trace.
pub const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// Version, trace, span and flags with what stands between them.
const BYTES: usize = 55;
/// The version that we write. Of later ones only as much is read.
const VERSION: &str = "00";
/// The version that will never be one.
const NO_VERSION: &str = "ff";
/// Neither recorded nor sampled here.
const FLAGS: &str = "00";
const SPAN_DIGITS: usize = 16;

/// The caller's `traceparent`, if there is one and it is well formed.
pub fn parent(headers: &HeaderMap) -> Option<String> {
    let mut lines = headers.get_all(TRACE_PARENT).iter();
    let (Some(line), None) = (lines.next(), lines.next()) else { return None };
    read(line.to_str().ok()?)
}

/// What the answer says about the request's trace.
pub fn response(parent: &str) -> Option<HeaderValue> {
    let trace = parent.split('-').nth(1)?;
    let span = &Uuid::new_v4().simple().to_string()[..SPAN_DIGITS];
    HeaderValue::from_str(&format!("{VERSION}-{trace}-{span}-{FLAGS}")).ok()
}

fn read(text: &str) -> Option<String> {
    let (head, rest) = text.split_at_checked(BYTES)?;
    let [version, trace, span, flags] = head.split('-').collect::<Vec<_>>().try_into().ok()?;
    let is_known = if version == VERSION { rest.is_empty() } else { rest.is_empty() || rest.starts_with('-') };
    let is_some = |text: &str| text.bytes().any(|byte| byte != b'0');
    let is_good = is_known
        && version != NO_VERSION
        && [(version, 2), (trace, 32), (span, SPAN_DIGITS), (flags, 2)]
            .iter()
            .all(|(part, digits)| is_hex(part, *digits))
        && is_some(trace)
        && is_some(span);
    is_good.then(|| format!("{VERSION}-{trace}-{span}-{flags}"))
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn only_what_is_well_formed_is_a_trace() {
        assert_eq!(read(GOOD).as_deref(), Some(GOOD));
        let later = GOOD.replacen("00", "cc", 1);
        assert_eq!(read(&later).as_deref(), Some(GOOD), "of a later version what we know");
        assert_eq!(read(&format!("{later}-more")).as_deref(), Some(GOOD));
        for wrong in [
            "",
            "x",
            &GOOD.to_uppercase(),
            &format!("{GOOD}-more"),
            &format!("{later}more"),
            &GOOD.replacen("00", "ff", 1),
            &GOOD[..54],
            &format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            &format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{}-01", "0".repeat(16)),
            &"-".repeat(55),
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473ü-00f067aa0ba902b-01",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn two_of_them_are_none() {
        let one = (TRACE_PARENT, HeaderValue::from_static(GOOD));
        assert_eq!(parent(&HeaderMap::from_iter([one.clone()])).as_deref(), Some(GOOD));
        let mut two = HeaderMap::from_iter([one.clone()]);
        two.append(one.0, one.1);
        assert_eq!(parent(&two), None);
    }

    #[test]
    fn the_answer_names_the_same_trace() {
        let response = response(GOOD).unwrap();
        let text = response.to_str().unwrap();
        assert!(text.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && text.ends_with("-00"), "{text}");
        assert!(read(text).is_some() && !text.contains("00f067aa0ba902b7"), "{text}");
    }
}
