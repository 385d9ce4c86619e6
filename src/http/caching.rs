//! What caches and browsers may do with an answer, and whether the client has it already: pure.
//!
//! The tag is a hash of `data`. A tag of the documents' revisions would be shorter to make, but an answer may hold lists, for which no
//! revision stands, and generations differ while a projection is rebuilt; the hash is the same on every instance and after a rebuild.
//! It costs no execution either: an answer that is remembered is compared by its documents' revisions (`answers_bytes_max`) and then
//! hashed. It is weak, because `extensions` differ from answer to answer, and so do compressed forms.

use crate::answered::Answered;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, header};
use sha2::{Digest, Sha256};

/// One's own answer, and one that is not what was asked for (an error, a late document).
const NOT_KEPT: HeaderValue = HeaderValue::from_static("private, no-store");
/// Everybody's: may be kept by anyone, but not given again without asking here.
const ASKED_AGAIN: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");
/// So much of the hash: no two answers to one question will ever share it by accident.
const TAG_BYTES: usize = 16;

/// The request headers on which an answer depends. A cache asks again for each answer, so a token of consistency need not be among them.
/// How it may be compressed is: also where nothing was (304), since a cache takes over what that says.
pub fn vary() -> [HeaderName; 4] {
    [header::ACCEPT, header::ACCEPT_ENCODING, header::AUTHORIZATION, header::ORIGIN]
}

/// What a request says about copies of its answer.
#[derive(Debug, Clone)]
pub struct Copies {
    is_get: bool,
    is_of_somebody: bool,
    known: Vec<HeaderValue>,
}

/// What is said of an answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Caching {
    /// `Cache-Control`.
    pub control: HeaderValue,
    /// `ETag`, of what may be kept.
    pub tag: Option<HeaderValue>,
    /// True if the client has it: 304.
    pub is_known: bool,
}

impl Copies {
    /// Of this request.
    pub fn of(request: &Request) -> Self {
        let headers = request.headers();
        Self {
            is_get: matches!(*request.method(), Method::GET | Method::HEAD),
            is_of_somebody: headers.contains_key(header::AUTHORIZATION),
            known: headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect(),
        }
    }

    /// What is said of this answer.
    pub fn judge(&self, answered: &Answered) -> Caching {
        let data = answered.everybodys_data().filter(|_| self.is_get && !self.is_of_somebody);
        let Some(data) = data else { return Caching { control: NOT_KEPT, tag: None, is_known: false } };
        let tag = tag(data);
        Caching { control: ASKED_AGAIN, is_known: self.knows(&tag), tag: HeaderValue::from_str(&tag).ok() }
    }

    /// Weak comparison, as `If-None-Match` has it.
    fn knows(&self, tag: &str) -> bool {
        let known = self.known.iter().filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        known.map(opaque).any(|known| known == "*" || known == opaque(tag))
    }
}

fn tag(data: &str) -> String {
    let hash = Sha256::digest(data);
    let digits: String = hash.iter().take(TAG_BYTES).map(|byte| format!("{byte:02x}")).collect();
    format!("W/\"{digits}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::value;
    use axum::body::Body;

    const DATA: &str = r#"{"posts":[]}"#;

    fn copies(method: Method, headers: &[(header::HeaderName, &str)]) -> Copies {
        let mut request = Request::builder().method(method).uri("/graphql");
        for (name, value) in headers {
            request = request.header(name, *value);
        }
        Copies::of(&request.body(Body::empty()).unwrap())
    }

    fn everybodys(data: &str) -> Answered {
        Answered::whole(data, &value!({ "requestId": "1" }), true).unwrap()
    }

    fn get(known: &str) -> Caching {
        copies(Method::GET, &[(header::IF_NONE_MATCH, known)]).judge(&everybodys(DATA))
    }

    #[test]
    fn everybodys_answer_may_be_kept_and_is_asked_for_again() {
        let caching = copies(Method::GET, &[]).judge(&everybodys(DATA));
        assert_eq!((caching.control, caching.is_known), (ASKED_AGAIN, false));
        assert_eq!(caching.tag.unwrap(), HeaderValue::from_str(&tag(DATA)).unwrap());
        assert_ne!(tag(DATA), tag(r#"{"posts":[1]}"#));
        let other = Answered::whole(DATA, &value!({ "requestId": "2" }), true).unwrap();
        let again = copies(Method::HEAD, &[]).judge(&other);
        assert_eq!(again.tag, get("").tag, "what is told beside an answer makes no other one");
    }

    #[test]
    fn nobody_keeps_an_answer_that_is_somebodys_or_an_error_or_no_get() {
        let none = Caching { control: NOT_KEPT, tag: None, is_known: false };
        let own = Answered::whole(DATA, &value!({}), false).unwrap();
        assert_eq!(copies(Method::GET, &[(header::IF_NONE_MATCH, "*")]).judge(&own), none);
        let signed = copies(Method::GET, &[(header::AUTHORIZATION, "Bearer x"), (header::IF_NONE_MATCH, "*")]);
        assert_eq!(signed.judge(&everybodys(DATA)), none);
        assert_eq!(copies(Method::POST, &[(header::IF_NONE_MATCH, "*")]).judge(&everybodys(DATA)), none);
    }

    #[test]
    fn a_client_that_has_it_is_told_so() {
        let strong = tag(DATA).trim_start_matches("W/").to_owned();
        for known in [tag(DATA), strong, format!("\"x\", {}", tag(DATA)), "*".into()] {
            assert!(get(&known).is_known, "{known}");
        }
        for other in ["", "\"x\"", "W/\"\"", &tag("{}")] {
            assert!(!get(other).is_known, "{other}");
        }
    }
}
