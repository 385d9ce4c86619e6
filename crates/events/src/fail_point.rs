//! Named fail points: places where a test makes the process die, stall or panic. Without the feature they are nothing.
//!
//! `MILLRACE_FAIL_POINTS="relay.published=abort@3,projector.committed=stall:500"`: at the third visit die as by `kill -9`; at each
//! visit wait 500 ms. `command.committed(payOrder)=abort` strikes only where that is under way; `reader.before_fill=panic` panics at each
//! visit, and tells what is in hand there. [FoundationDB's buggify](https://apple.github.io/foundationdb/client-testing.html) is the model.

/// Every fail point, so that a test can prove that each was struck.
pub const ALL: &[&str] = &[
    "webhook.received",
    "webhook.answered",
    "notice.believed",
    "notice.settled",
    "expiry.found",
    "expiry.cancelled",
    "money.recorded",
    "command.validated",
    "command.handled",
    "command.before_commit",
    "command.committed",
    "command.sequenced",
    "relay.sequenced",
    "relay.compared",
    "relay.keys_mirrored",
    "relay.published",
    "relay.stream_deleted",
    "projector.fetched",
    "projector.folded",
    "projector.before_commit",
    "projector.committed",
    "projector.document_written_through",
    "projector.head_moved",
    "projector.rung",
    "reader.before_fill",
    "feed.snapshot_read",
    "feed.before_deliver",
    "history.begun",
    "history.stream_deleted",
    "history.stream_made",
    "projector.generation_prepared",
    "projector.generation_served",
];

/// Those on the way to a new history and to the generations that are served in it: only an operator's command leads there.
pub const ON_NEW_HISTORY: &[&str] = &[
    "history.begun",
    "history.stream_deleted",
    "history.stream_made",
    "projector.generation_prepared",
    "projector.generation_served",
];

/// Passes the named fail point. With the feature off this compiles to nothing.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
#[expect(clippy::unused_async, reason = "the same signature as in test builds")]
pub async fn reach(_name: &'static str) {}

/// Passes the named fail point on the way of something, such as a command. With the feature off this compiles to nothing.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
#[expect(clippy::unused_async, reason = "the same signature as in test builds")]
pub async fn reach_in(_name: &'static str, _what: &'static str) {}

/// Passes the named fail point with something in hand, which a panic there tells. With the feature off this compiles to nothing.
#[cfg(not(feature = "fail-points"))]
#[inline(always)]
#[expect(clippy::unused_async, reason = "the same signature as in test builds")]
pub async fn reach_with(_name: &'static str, _what: &'static str, _held: impl Fn() -> String) {}

#[cfg(feature = "fail-points")]
pub use armed::{reach, reach_in, reach_with};

#[cfg(feature = "fail-points")]
mod armed {
    use std::collections::HashMap;
    use std::sync::{LazyLock, Mutex, PoisonError};
    use std::time::Duration;

    const VARIABLE: &str = "MILLRACE_FAIL_POINTS";

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(super) enum Strike {
        Abort {
            at_visit: u64,
        },
        Stall {
            ms: u64,
        },
        /// At this visit, or at each.
        Panic {
            at_visit: Option<u64>,
        },
    }

    static STRIKES: LazyLock<HashMap<String, Strike>> =
        LazyLock::new(|| parse(&std::env::var(VARIABLE).unwrap_or_default()));
    static VISITS: LazyLock<Mutex<HashMap<String, u64>>> = LazyLock::new(Mutex::default);

    /// Passes the named fail point: dies, stalls or panics if a test asked for it.
    pub async fn reach(name: &'static str) {
        debug_assert!(super::ALL.contains(&name), "fail point {name} is not in the list");
        if !STRIKES.is_empty() {
            strike(name, &String::new).await;
        }
    }

    /// Passes the named fail point on the way of something: strikes if a test asked for it, here or anywhere.
    pub async fn reach_in(name: &'static str, what: &'static str) {
        reach_with(name, what, String::new).await;
    }

    /// Passes the named fail point with something in hand, which a panic tells as careless code might.
    pub async fn reach_with(name: &'static str, what: &'static str, held: impl Fn() -> String) {
        debug_assert!(super::ALL.contains(&name), "fail point {name} is not in the list");
        if !STRIKES.is_empty() {
            strike(name, &held).await;
            strike(&format!("{name}({what})"), &held).await;
        }
    }

    async fn strike(name: &str, held: &impl Fn() -> String) {
        let Some(strike) = STRIKES.get(name) else { return };
        match *strike {
            Strike::Abort { at_visit } if visit(name) == at_visit => std::process::abort(),
            Strike::Panic { at_visit } if at_visit.is_none_or(|at| visit(name) == at) => panic!("{name}: {}", held()),
            Strike::Abort { .. } | Strike::Panic { .. } => {}
            Strike::Stall { ms } => {
                // A test may wait for this.
                eprintln!("stalls at {name}");
                tokio::time::sleep(Duration::from_millis(ms)).await;
            }
        }
    }

    fn visit(name: &str) -> u64 {
        let mut visits = VISITS.lock().unwrap_or_else(PoisonError::into_inner);
        let count = visits.entry(name.to_owned()).or_insert(0);
        *count += 1;
        *count
    }

    pub(super) fn parse(text: &str) -> HashMap<String, Strike> {
        text.split(',').filter_map(parse_one).collect()
    }

    fn parse_one(text: &str) -> Option<(String, Strike)> {
        let (name, action) = text.trim().split_once('=')?;
        let strike = match action.split_once(['@', ':']) {
            Some(("abort", visit)) => Strike::Abort { at_visit: visit.parse().ok()? },
            Some(("stall", ms)) => Strike::Stall { ms: ms.parse().ok()? },
            Some(("panic", visit)) => Strike::Panic { at_visit: Some(visit.parse().ok()?) },
            _ if action == "abort" => Strike::Abort { at_visit: 1 },
            _ if action == "panic" => Strike::Panic { at_visit: None },
            _ => return None,
        };
        Some((name.to_owned(), strike))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn strikes_are_read_from_text() {
            let strikes = parse("a.b=abort@3, c.d=stall:500,e=abort,f.g(payOrder)=abort@2,h=panic,i=panic@2,junk");
            assert_eq!(strikes.len(), 6);
            assert_eq!(strikes["f.g(payOrder)"], Strike::Abort { at_visit: 2 });
            assert_eq!(strikes["a.b"], Strike::Abort { at_visit: 3 });
            assert_eq!(strikes["c.d"], Strike::Stall { ms: 500 });
            assert_eq!(strikes["e"], Strike::Abort { at_visit: 1 });
            assert_eq!(strikes["h"], Strike::Panic { at_visit: None });
            assert_eq!(strikes["i"], Strike::Panic { at_visit: Some(2) });
        }
    }
}
