//! What is done about a provider's keys: used, asked for again, or not known. Pure.

use super::{IdTokenRules, ProviderKeys, SignatureAlgorithm};
use jsonwebtoken::DecodingKey;
use std::sync::Arc;
use std::time::Instant;

/// What is known of a provider's keys.
#[derive(Debug, Default)]
pub(super) struct Kept {
    keys: Option<(Arc<ProviderKeys>, Instant)>,
    asked_at: Option<Instant>,
}

/// Which key a token names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub id: Option<&'a str>,
    pub algorithm: SignatureAlgorithm,
}

/// What comes of looking for a key.
#[derive(Debug)]
pub(super) enum Look {
    /// It is this one.
    Found(DecodingKey),
    /// The provider is to be asked first.
    Ask,
    /// The provider has no such key.
    NoSuchKey,
    /// Nothing is known of the provider's keys.
    NothingKnown,
}

impl Kept {
    /// Looks for a key. Keys that are no longer fresh, and names that are not known, are reasons to ask, but never more often than the
    /// rules have it: anybody can make up names.
    pub fn look(&self, named: Named<'_>, rules: &IdTokenRules, now: Instant) -> Look {
        let since = |then: Instant| now.saturating_duration_since(then);
        let may_ask = self.asked_at.is_none_or(|asked_at| since(asked_at) >= rules.refetch_min);
        let is_fresh = self.keys.as_ref().is_some_and(|(_, fetched_at)| since(*fetched_at) < rules.fresh);
        match self.settle(named, rules, now) {
            Look::Found(key) if is_fresh => Look::Found(key),
            _ if may_ask => Look::Ask,
            settled => settled,
        }
    }

    /// The same when the provider was asked just now.
    pub fn settle(&self, named: Named<'_>, rules: &IdTokenRules, now: Instant) -> Look {
        let is_good = |fetched_at: Instant| now.saturating_duration_since(fetched_at) < rules.kept_max;
        match self.keys.as_ref().filter(|(_, fetched_at)| is_good(*fetched_at)) {
            None => Look::NothingKnown,
            Some((keys, _)) => keys.find(named.id, named.algorithm).cloned().map_or(Look::NoSuchKey, Look::Found),
        }
    }

    pub fn asked(&mut self, now: Instant) {
        self.asked_at = Some(now);
    }

    pub fn answered(&mut self, keys: ProviderKeys, now: Instant) {
        self.keys = Some((Arc::new(keys), now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RULES: IdTokenRules = IdTokenRules {
        clock_leeway: time::Duration::seconds(30),
        fresh: Duration::from_secs(100),
        kept_max: Duration::from_secs(1_000),
        refetch_min: Duration::from_secs(10),
    };

    struct World {
        kept: Kept,
        start: Instant,
    }

    impl World {
        /// Keys `a`, fetched at second 0.
        fn new() -> Self {
            let mut world = Self { kept: Kept::default(), start: Instant::now() };
            world.kept.asked(world.start);
            world.kept.answered(keys("a"), world.start);
            world
        }

        fn at(&self, seconds: u64) -> Instant {
            self.start + Duration::from_secs(seconds)
        }

        fn look(&self, id: &str, seconds: u64) -> &'static str {
            name(&self.kept.look(named(id), &RULES, self.at(seconds)))
        }
    }

    fn keys(id: &str) -> ProviderKeys {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let document = serde_json::json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id }] });
        ProviderKeys::parse(document.to_string().as_bytes()).unwrap()
    }

    fn named(id: &str) -> Named<'_> {
        Named { id: Some(id), algorithm: SignatureAlgorithm::EdDSA }
    }

    fn name(look: &Look) -> &'static str {
        match look {
            Look::Found(_) => "found",
            Look::Ask => "ask",
            Look::NoSuchKey => "no such key",
            Look::NothingKnown => "nothing known",
        }
    }

    #[test]
    fn a_fresh_key_is_used_unasked_and_an_older_one_is_asked_for() {
        let world = World::new();
        assert_eq!([world.look("a", 0), world.look("a", 99), world.look("a", 100)], ["found", "found", "ask"]);
    }

    #[test]
    fn names_that_are_made_up_have_the_provider_asked_once_in_a_while() {
        let mut world = World::new();
        assert_eq!(
            [world.look("x", 1), world.look("x", 9), world.look("x", 10)],
            ["no such key", "no such key", "ask"]
        );
        world.kept.asked(world.at(10));
        world.kept.answered(keys("a"), world.at(10));
        assert_eq!(
            [world.look("y", 11), world.look("z", 19), world.look("a", 19)],
            ["no such key", "no such key", "found"]
        );
    }

    #[test]
    fn a_rotated_key_is_found_once_the_provider_was_asked() {
        let mut world = World::new();
        assert_eq!(world.look("b", 50), "ask");
        world.kept.asked(world.at(50));
        world.kept.answered(keys("b"), world.at(50));
        assert_eq!([world.look("b", 50), world.look("a", 51)], ["found", "no such key"]);
    }

    #[test]
    fn keys_outlive_a_provider_that_does_not_answer_for_a_while() {
        let mut world = World::new();
        world.kept.asked(world.at(200));
        assert_eq!([world.look("a", 205), world.look("a", 210)], ["found", "ask"]);
        world.kept.asked(world.at(995));
        assert_eq!([world.look("a", 999), world.look("a", 1_000)], ["found", "nothing known"]);
    }

    #[test]
    fn a_provider_that_never_answered_is_asked_no_more_often() {
        let (mut kept, start) = (Kept::default(), Instant::now());
        let look = |kept: &Kept, seconds| name(&kept.look(named("a"), &RULES, start + Duration::from_secs(seconds)));
        assert_eq!(look(&kept, 0), "ask");
        kept.asked(start);
        assert_eq!([look(&kept, 9), look(&kept, 10)], ["nothing known", "ask"]);
    }
}
