//! W3C trace context: the trace that a request belongs to.
//!
//! We make no spans, so what came in goes on unchanged: into the log with a command's events, and from there into the headers of their
//! messages, where a consumer's span has the caller's as its parent. The answer names the trace again. A socket says it when it opens,
//! in `connection_init`, or for each operation in its `extensions`.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use millrace_events::Trace;
use uuid::Uuid;

/// In: the caller's trace and span.
pub const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");
/// In: what the caller's tools want to be told about it.
pub const TRACE_STATE: HeaderName = HeaderName::from_static("tracestate");
/// Out: the same trace.
pub const TRACE_RESPONSE: HeaderName = HeaderName::from_static("traceresponse");
/// The version that we write.
const VERSION: &str = "00";
/// Neither recorded nor sampled here.
const FLAGS: &str = "00";
const SPAN_DIGITS: usize = 16;

/// The caller's trace, if there is one and it is well formed.
pub fn of_headers(headers: &HeaderMap) -> Option<Trace> {
    let mut parents = headers.get_all(TRACE_PARENT).iter();
    let (Some(parent), None) = (parents.next(), parents.next()) else { return None };
    // Lines of a list are one list.
    let states: Result<Vec<&str>, _> = headers.get_all(TRACE_STATE).iter().map(HeaderValue::to_str).collect();
    Trace::new(parent.to_str().ok()?, states.ok().map(|states| states.join(",")).as_deref())
}

/// The same out of texts that stand for the headers, by their names.
pub fn of_texts<'a>(text: impl Fn(&str) -> Option<&'a str>) -> Option<Trace> {
    Trace::new(text(TRACE_PARENT.as_str())?, text(TRACE_STATE.as_str()))
}

/// What the answer says about the request's trace.
pub fn response(trace: &Trace) -> Option<HeaderValue> {
    let span = &Uuid::new_v4().simple().to_string()[..SPAN_DIGITS];
    HeaderValue::from_str(&format!("{VERSION}-{}-{span}-{FLAGS}", trace.id())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(lines: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn two_parents_are_none_and_two_states_are_one() {
        let told = |lines: &[_]| of_headers(&headers(lines)).map(|trace| trace.to_string());
        assert_eq!(told(&[(TRACE_PARENT, GOOD)]).as_deref(), Some(GOOD));
        assert_eq!(told(&[(TRACE_PARENT, GOOD), (TRACE_PARENT, GOOD)]), None);
        assert_eq!(told(&[(TRACE_STATE, "a=1")]), None, "a state of no trace");
        let both = [(TRACE_PARENT, GOOD), (TRACE_STATE, "a=1"), (TRACE_STATE, "b=2")];
        assert_eq!(told(&both), Some(format!("{GOOD} a=1,b=2")));
    }

    #[test]
    fn texts_stand_for_headers() {
        let trace = of_texts(|name| if name == "traceparent" { Some(GOOD) } else { None });
        assert_eq!(trace, Trace::new(GOOD, None));
        assert_eq!(of_texts(|_| None), None);
    }

    #[test]
    fn the_answer_names_the_same_trace() {
        let response = response(&Trace::new(GOOD, None).unwrap()).unwrap();
        let text = response.to_str().unwrap();
        assert!(text.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && text.ends_with("-00"), "{text}");
        assert!(Trace::new(text, None).is_some() && !text.contains("00f067aa0ba902b7"), "{text}");
    }
}
