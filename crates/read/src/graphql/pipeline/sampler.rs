//! From what is seen each second to what people are told: pure, but for what it remembers of the seconds before.

use super::sample::{Hop, PipelineEvent, PipelineProjection, PipelineSample, PipelineTrouble};
use crate::trail::{Passage, UnixMicros};
use millrace_events::{BigInt, History, Position, Timestamp};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Rates are those of so many looks.
const RATE_LOOKS: usize = 5;
/// What has something to do and does not move for this long is stuck.
pub const STUCK_US: UnixMicros = 5_000_000;
/// Where nobody looked for this long, what was before says nothing of now.
const PAUSE_US: UnixMicros = 10_000_000;
/// So many events are told of one by one.
const EVENTS_MAX: usize = 20;
const SECOND_US: UnixMicros = 1_000_000;

/// What was seen at one moment.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// When.
    pub at_us: UnixMicros,
    /// What a relay last told, if that was lately.
    pub told: Option<Told>,
    /// Each projection.
    pub projections: Vec<Seen>,
    /// Subscriptions that listen.
    pub subscribers: usize,
    /// Events sent to subscribers so far.
    pub deliveries: u64,
    /// True if the cache answers.
    pub has_cache: bool,
    /// True if the store answers. If it does not, each projection is as it was seen last.
    pub has_store: bool,
}

/// A relay's word.
#[derive(Debug, Clone, Copy)]
pub struct Told {
    /// How long ago.
    pub age_ms: u64,
    /// Where the log ends.
    pub log: Position,
    /// Where the stream ends.
    pub stream: Position,
}

/// A projection at one moment.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Its name.
    pub name: &'static str,
    /// Of which life of the log.
    pub history: Option<History>,
    /// How far it has folded.
    pub position: Position,
    /// How far its cache has come.
    pub cache_position: Option<Position>,
    /// How far it is behind.
    pub lag_ms: Option<u64>,
    /// Fan-outs that are not done.
    pub open_fan_outs: usize,
    /// Documents that are parked.
    pub parked: Option<u64>,
    /// What was heard of its events in the last minute, oldest first.
    pub passages: Vec<Arc<Passage>>,
}

/// Remembers what it needs of the last looks.
#[derive(Debug, Default)]
pub struct Sampler {
    looks: VecDeque<Look>,
    /// When each part last moved, or had nothing to do.
    moved: HashMap<&'static str, (Position, UnixMicros)>,
}

const RELAY: &str = "relay";

impl Sampler {
    /// What people are told of this look.
    pub fn take(&mut self, look: Look) -> PipelineSample {
        if self.looks.back().is_some_and(|last| look.at_us - last.at_us > PAUSE_US) {
            *self = Self::default();
        }
        let relay_backlog = look.told.map(|told| told.log.0.saturating_sub(told.stream.0));
        let relay_is_stuck = match look.told {
            Some(told) => self.is_stuck(RELAY, told.stream, relay_backlog, look.at_us),
            None => false,
        };
        let projections: Vec<_> = look.projections.iter().map(|seen| self.projection(seen, &look)).collect();
        let all = || look.projections.iter().flat_map(|seen| &seen.passages);
        let sample = PipelineSample {
            at: timestamp(look.at_us),
            beat_age_ms: look.told.map(|told| clamped(told.age_ms)),
            log_position: look.told.map(|told| big(told.log.0)),
            stream_position: look.told.map(|told| big(told.stream.0)),
            relay_backlog: relay_backlog.map(big),
            events_per_second: self.log_rate(&look),
            to_stream: hop(all().map(|passage| passage.to_stream_us())),
            to_subscribers: hop(all().map(|passage| passage.to_subscribers_us())),
            subscribers: clamped(look.subscribers as u64),
            deliveries_per_second: self.rate(&look, |then| then.deliveries, look.deliveries),
            events: events(&look),
            troubles: troubles(&look, relay_is_stuck, &projections),
            projections,
        };
        self.looks.push_back(Look { projections: without_passages(&look), ..look });
        if self.looks.len() > RATE_LOOKS {
            self.looks.pop_front();
        }
        sample
    }

    fn projection(&mut self, seen: &Seen, look: &Look) -> PipelineProjection {
        let backlog = look.told.map(|told| told.log.0.saturating_sub(seen.position.0));
        let then =
            |look: &Look| look.projections.iter().find(|then| then.name == seen.name).map(|then| then.position.0);
        PipelineProjection {
            name: seen.name,
            position: big(seen.position.0),
            cache_position: seen.cache_position.map(|position| big(position.0)),
            events_per_second: self.rate(look, |old| then(old).unwrap_or(seen.position.0), seen.position.0),
            backlog: backlog.map(big),
            lag_ms: seen.lag_ms.map(clamped),
            open_fan_outs: clamped(seen.open_fan_outs as u64),
            parked_documents: seen.parked.map(clamped),
            to_projector: hop(seen.passages.iter().map(|passage| passage.to_projector_us())),
            to_cache: hop(seen.passages.iter().map(|passage| passage.to_cache_us())),
            is_stuck: self.is_stuck(seen.name, seen.position, backlog, look.at_us),
        }
    }

    /// True if there has been something to do for a while, and nothing was done.
    fn is_stuck(&mut self, part: &'static str, position: Position, backlog: Option<u64>, at_us: UnixMicros) -> bool {
        let (stood, since) = self.moved.entry(part).or_insert((position, at_us));
        if *stood != position || backlog == Some(0) {
            (*stood, *since) = (position, at_us);
        }
        backlog.is_some_and(|backlog| backlog > 0) && at_us - *since >= STUCK_US
    }

    fn log_rate(&self, look: &Look) -> Option<f64> {
        let now = look.told?.log.0;
        Some(self.rate(look, |then| then.told.map_or(now, |told| told.log.0), now))
    }

    /// How much it grew in a second, over the looks that are remembered. What fell (a new history) has no rate.
    fn rate(&self, look: &Look, then: impl Fn(&Look) -> u64, now: u64) -> f64 {
        let Some(first) = self.looks.front() else { return 0.0 };
        let elapsed_us = look.at_us - first.at_us;
        if elapsed_us <= 0 {
            return 0.0;
        }
        let grown = now.saturating_sub(then(first)) as f64;
        (grown * SECOND_US as f64 / elapsed_us as f64 * 10.0).round() / 10.0
    }
}

fn without_passages(look: &Look) -> Vec<Seen> {
    look.projections.iter().map(|seen| Seen { passages: vec![], ..seen.clone() }).collect()
}

fn troubles(look: &Look, relay_is_stuck: bool, projections: &[PipelineProjection]) -> Vec<PipelineTrouble> {
    let trouble = |part: &str, message: String| PipelineTrouble { part: part.to_owned(), message };
    let mut troubles = vec![];
    match look.told {
        None => troubles.push(trouble(RELAY, "no relay has told anything lately".to_owned())),
        Some(told) if relay_is_stuck => {
            let backlog = told.log.0 - told.stream.0;
            troubles.push(trouble(RELAY, format!("{backlog} events wait, and none came into the stream")));
        }
        Some(_) => {}
    }
    if !look.has_store {
        troubles.push(trouble("store", "MongoDB does not answer".to_owned()));
    }
    if !look.has_cache {
        troubles.push(trouble("cache", "Redis does not answer: all is read from MongoDB".to_owned()));
    }
    for projection in projections {
        if projection.is_stuck {
            let backlog = projection.backlog.map_or(0, |backlog| backlog.0);
            troubles.push(trouble(projection.name, format!("{backlog} events wait, and none was folded")));
        }
        if let Some(parked) = projection.parked_documents.filter(|parked| *parked > 0) {
            let message = format!("{parked} documents are parked: `millrace parked` tells why");
            troubles.push(trouble(projection.name, message));
        }
    }
    troubles
}

/// Those of the last second, thinned out evenly.
fn events(look: &Look) -> Vec<PipelineEvent> {
    let since = look.at_us - SECOND_US;
    let recent = |seen: &Seen| {
        let name = seen.name;
        let passages = seen.passages.iter().filter(|passage| passage.heard_us > since);
        passages.map(|passage| (name, Arc::clone(passage))).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = look.projections.iter().flat_map(recent).collect();
    all.sort_by_key(|(_, passage)| passage.heard_us);
    let step = all.len().div_ceil(EVENTS_MAX).max(1);
    all.into_iter().step_by(step).map(|(projection, passage)| event(projection, &passage)).collect()
}

fn event(projection: &'static str, passage: &Passage) -> PipelineEvent {
    PipelineEvent {
        name: passage.event.clone(),
        projection,
        position: big(passage.arrival.position.0),
        decided_at: timestamp(passage.decided_us),
        to_stream_ms: ms(passage.to_stream_us()),
        to_projector_ms: ms(passage.to_projector_us()),
        to_cache_ms: ms(passage.to_cache_us()),
        to_subscribers_ms: ms(passage.to_subscribers_us()),
    }
}

fn hop(durations_us: impl Iterator<Item = UnixMicros>) -> Option<Hop> {
    let mut sorted: Vec<_> = durations_us.collect();
    sorted.sort_unstable();
    let at = |share: f64| {
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).copied().map(ms)
    };
    Some(Hop { p50_ms: at(0.5)?, p99_ms: at(0.99)?, count: clamped(sorted.len() as u64) })
}

/// In milliseconds. Clocks that disagree would tell less than nothing.
pub fn ms(duration_us: UnixMicros) -> f64 {
    duration_us.max(0) as f64 / 1_000.0
}

/// A moment as people are told it.
pub fn timestamp(at_us: UnixMicros) -> Timestamp {
    let moment = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(at_us) * 1_000);
    Timestamp::new(moment.unwrap_or(time::OffsetDateTime::UNIX_EPOCH))
}

fn big(number: u64) -> BigInt {
    number.into()
}

fn clamped(number: u64) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
