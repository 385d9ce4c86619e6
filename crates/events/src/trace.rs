//! W3C trace context: which trace a request belongs to. <https://www.w3.org/TR/trace-context-2/>
//!
//! It goes into the log for ever, so only what has the form of one is a trace: hexadecimal digits, and a bounded list of short words.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Version, trace, span and flags with what stands between them.
const PARENT_BYTES: usize = 55;
/// The version that we write. Of later ones only as much is read.
const VERSION: &str = "00";
/// The version that will never be one.
const NO_VERSION: &str = "ff";
const SPAN_DIGITS: usize = 16;
/// The most members of a `tracestate`, as the standard has it.
const MEMBERS_MAX: usize = 32;
/// The most bytes of a member's key, and of its value.
const MEMBER_PART_BYTES_MAX: usize = 256;
/// As much of a `tracestate` goes on as everybody must be able to take: members that come later are left out.
const STATE_BYTES_MAX: usize = 512;
/// What stands between the two where a trace is one text.
const SEPARATOR: char = ' ';

/// The trace and span of whoever sent a request, and what their tools want to be told about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Trace {
    parent: String,
    state: Option<String>,
}

/// A text that is no trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no trace")]
pub struct MalformedTrace;

impl Trace {
    /// Out of `traceparent` and `tracestate`; none if the first has not the form of one. A second one that has not is left out.
    pub fn new(parent: &str, state: Option<&str>) -> Option<Self> {
        Some(Self { parent: read_parent(parent)?, state: state.and_then(read_state) })
    }

    /// `traceparent`: version, trace, span and flags.
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// `tracestate`, if there is one.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The trace's id.
    pub fn id(&self) -> &str {
        self.parent.split('-').nth(1).unwrap_or_default()
    }
}

/// As one text: `traceparent`, and behind a space `tracestate`.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parent)?;
        self.state.as_ref().map_or(Ok(()), |state| write!(f, "{SEPARATOR}{state}"))
    }
}

impl FromStr for Trace {
    type Err = MalformedTrace;

    fn from_str(text: &str) -> Result<Self, MalformedTrace> {
        let (parent, state) = text.split_once(SEPARATOR).map_or((text, None), |(parent, state)| (parent, Some(state)));
        Self::new(parent, state).ok_or(MalformedTrace)
    }
}

impl TryFrom<String> for Trace {
    type Error = MalformedTrace;

    fn try_from(text: String) -> Result<Self, MalformedTrace> {
        text.parse()
    }
}

impl From<Trace> for String {
    fn from(trace: Trace) -> Self {
        trace.to_string()
    }
}

fn read_parent(text: &str) -> Option<String> {
    let (head, rest) = text.split_at_checked(PARENT_BYTES)?;
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

/// The members that are passed on; none if there is none, or if one is malformed: then nothing of it is sure.
fn read_state(text: &str) -> Option<String> {
    let members: Vec<&str> = text.split(',').map(|member| member.trim_matches([' ', '\t'])).collect();
    let members: Vec<&str> = members.into_iter().filter(|member| !member.is_empty()).collect();
    let keys: BTreeSet<&str> = members.iter().map(|member| key_of(member)).collect::<Option<_>>()?;
    if members.len() > MEMBERS_MAX || keys.len() < members.len() {
        return None;
    }
    let mut kept = String::new();
    for member in members {
        let comma = usize::from(!kept.is_empty());
        if kept.len() + comma + member.len() > STATE_BYTES_MAX {
            break;
        }
        kept.push_str(&","[..comma]);
        kept.push_str(member);
    }
    (!kept.is_empty()).then_some(kept)
}

/// The key of `key=value`, if it is that.
fn key_of(member: &str) -> Option<&str> {
    let (key, value) = member.split_once('=')?;
    let is_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/@".contains(&byte);
    let is_value = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'=';
    let fits = |text: &str| (1..=MEMBER_PART_BYTES_MAX).contains(&text.len());
    (fits(key) && key.bytes().all(is_key) && fits(value) && value.bytes().all(is_value)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn state(text: &str) -> Option<String> {
        Trace::new(GOOD, Some(text)).unwrap().state().map(str::to_owned)
    }

    #[test]
    fn only_what_is_well_formed_is_a_trace() {
        let read = |text: &str| Trace::new(text, None).map(|trace| trace.parent().to_owned());
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
        assert_eq!(Trace::new(GOOD, None).unwrap().id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    }

    #[test]
    fn of_a_state_the_members_go_on_that_everybody_can_take() {
        assert_eq!(state("a=1"), Some("a=1".into()));
        assert_eq!(state(" a=1 ,\tb@c=d e , ,"), Some("a=1,b@c=d e".into()));
        let long = |key: &str| format!("{key}={}", "x".repeat(250));
        assert_eq!(state(&[long("a"), long("b"), long("c")].join(",")), Some([long("a"), long("b")].join(",")));
        let many = |count: usize| (0..count).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join(",");
        assert_eq!(state(&many(MEMBERS_MAX)), Some(many(MEMBERS_MAX)));
        for wrong in ["", ",", "a", "=1", "a=", "A=1", "a=b=c", "a=\u{e9}", "a=1,a=2", "a=1,b", &many(MEMBERS_MAX + 1)]
        {
            assert_eq!(state(wrong), None, "{wrong}");
        }
        assert_eq!(state(&format!("a={}", "x".repeat(257))), None);
    }

    #[test]
    fn a_trace_is_one_text_and_back() {
        for trace in [Trace::new(GOOD, None).unwrap(), Trace::new(GOOD, Some("a=b c,d=e")).unwrap()] {
            assert_eq!(trace.to_string().parse(), Ok(trace.clone()));
            let json = serde_json::to_string(&trace).unwrap();
            assert_eq!(serde_json::from_str::<Trace>(&json).unwrap(), trace);
        }
        assert_eq!("nonsense".parse::<Trace>(), Err(MalformedTrace));
    }
}
