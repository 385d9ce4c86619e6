//! One look at all parts of the pipeline that the read side can see.

use super::sampler::{Look, Seen, Told};
use crate::graphql::ReadSide;
use crate::graphql::standing::Standing;
use crate::models::{Registered, Visitor, visit};
use crate::projector::Beat;
use crate::trail::{UnixMicros, now_us, of_timestamp};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use std::time::Duration;
use tokio::time::timeout;

/// Durations are told of the last minute.
const PASSAGES_US: UnixMicros = 60_000_000;
/// A store that takes longer does not answer.
const LOOK_WAIT: Duration = Duration::from_secs(2);

/// What is there now. Where the store does not answer, each projection is as it was `before`.
pub async fn look(side: &ReadSide, deliveries: u64, before: &[Seen]) -> Look {
    let (standings, parked) = tokio::join!(timeout(LOOK_WAIT, side.standings()), parked(side));
    let at_us = now_us();
    let found = standings.ok().and_then(Result::ok);
    let mut notes = Notes { side, at_us, parked, found: found.as_deref(), before, look: Look::default(), beat: None };
    visit(&mut notes);
    let told = notes.beat.take().map(|beat| told(&beat, &notes.look.projections, at_us));
    let has_store = found.is_some();
    Look { at_us, told, deliveries, has_store, ..notes.look }
}

/// Beats are up to a second old: log and stream are at least as far as what is folded of them.
fn told(beat: &Beat, projections: &[Seen], at_us: UnixMicros) -> Told {
    let folded = projections.iter().filter(|seen| seen.history == Some(beat.history)).map(|seen| seen.position);
    let reached = folded.max().unwrap_or_default();
    Told {
        age_ms: u64::try_from((at_us - of_timestamp(beat.at)) / 1_000).unwrap_or(0),
        log: beat.head.max(reached),
        stream: beat.last.max(reached),
    }
}

/// Puts together what is known of each projection.
struct Notes<'a> {
    side: &'a ReadSide,
    at_us: UnixMicros,
    parked: Vec<(&'static str, Option<u64>)>,
    found: Option<&'a [Standing]>,
    before: &'a [Seen],
    look: Look,
    beat: Option<Beat>,
}

impl Visitor for Notes<'_> {
    fn visit<P: Registered>(&mut self) {
        let feed = self.side.feed::<P>();
        self.look.subscribers += feed.subscribers();
        self.look.has_cache |= feed.health().hears_rings;
        let beats = [self.beat.take(), self.side.beat::<P>()];
        self.beat = beats.into_iter().flatten().max_by_key(|beat| beat.at);
        let standing = self.found.and_then(|found| found.iter().find(|standing| standing.projection == P::NAME));
        let seen = match standing {
            Some(standing) => self.seen::<P>(standing),
            None => self.before.iter().find(|seen| seen.name == P::NAME).cloned().unwrap_or_default(),
        };
        self.look.projections.push(Seen { name: P::NAME, ..seen });
    }
}

impl Notes<'_> {
    fn seen<P: Registered>(&self, standing: &Standing) -> Seen {
        let position = standing.checkpoint.revision.position;
        Seen {
            name: P::NAME,
            history: standing.checkpoint.history,
            position,
            cache_position: standing.head.map(|head| head.revision.position),
            lag_ms: self.side.lag_ms::<P>(position),
            open_fan_outs: standing.checkpoint.open.len(),
            parked: self.parked.iter().find(|(name, _)| *name == P::NAME).and_then(|(_, parked)| *parked),
            passages: self.side.passages::<P>().since(self.at_us - PASSAGES_US),
        }
    }
}

async fn parked(side: &ReadSide) -> Vec<(&'static str, Option<u64>)> {
    let mut counting = Counting { side, futures: vec![] };
    visit(&mut counting);
    join_all(counting.futures).await
}

/// One count for each projection.
struct Counting<'a> {
    side: &'a ReadSide,
    futures: Vec<BoxFuture<'a, (&'static str, Option<u64>)>>,
}

impl Visitor for Counting<'_> {
    fn visit<P: Registered>(&mut self) {
        self.futures.push(count::<P>(self.side).boxed());
    }
}

async fn count<P: Registered>(side: &ReadSide) -> (&'static str, Option<u64>) {
    let counted = timeout(LOOK_WAIT, side.reader::<P>().store().pointer().count_parked()).await;
    (P::NAME, counted.ok().and_then(Result::ok).flatten().map(|parked| parked.documents))
}
