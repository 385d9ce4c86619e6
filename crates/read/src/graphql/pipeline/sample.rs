//! What the pipeline looks like at one moment, as people are told of it.

use async_graphql::SimpleObject;
use millrace_events::{BigInt, Timestamp};

/// How the whole pipeline is doing, told once a second. What is said of subscribers, and how long things took, is what the process that
/// answers has seen.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct PipelineSample {
    /// When it was looked at.
    pub at: Timestamp,
    /// How long ago a relay last told where log and stream end, in milliseconds; null if none has told lately.
    pub beat_age_ms: Option<i32>,
    /// Where the log ends; null without a relay's word.
    pub log_position: Option<BigInt>,
    /// Where the stream ends; null without a relay's word.
    pub stream_position: Option<BigInt>,
    /// Events of the log that are not in the stream; null without a relay's word.
    pub relay_backlog: Option<BigInt>,
    /// How many events the log has grown by, a second; null without a relay's word.
    pub events_per_second: Option<f64>,
    /// How long events took from their command's decision into the stream: commit, sequencing and relay. Null if none came lately.
    pub to_stream: Option<Hop>,
    /// How long it took from the cache until the answering process told its subscribers. Null if none came lately.
    pub to_subscribers: Option<Hop>,
    /// Each projection.
    pub projections: Vec<PipelineProjection>,
    /// Subscriptions that listen at the answering process.
    pub subscribers: i32,
    /// Events that the answering process sent to subscribers, a second.
    pub deliveries_per_second: f64,
    /// Some events of the last second, at most 20, oldest first.
    pub events: Vec<PipelineEvent>,
    /// What is wrong, in words.
    pub troubles: Vec<PipelineTrouble>,
}

/// How long events took from one step to the next, by the clocks of both steps' servers.
#[derive(Debug, Clone, Copy, PartialEq, SimpleObject)]
pub struct Hop {
    /// Half of them took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 took no longer, in milliseconds.
    pub p99_ms: f64,
    /// So many events of the last minute were looked at.
    pub count: i32,
}

/// How a projection is doing.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct PipelineProjection {
    /// Its name.
    pub name: &'static str,
    /// How far it has folded the log.
    pub position: BigInt,
    /// How far the cache has come; null while there is no cache, and all is read from the store.
    pub cache_position: Option<BigInt>,
    /// Events folded, a second.
    pub events_per_second: f64,
    /// Events of the log that are not folded; null without a relay's word.
    pub backlog: Option<BigInt>,
    /// For how long the log has been ahead of it, in milliseconds; null without a relay's word.
    pub lag_ms: Option<i32>,
    /// Fan-outs that are not done, such as a new name that is still spreading.
    pub open_fan_outs: i32,
    /// Documents that an event could not be applied to; null if it is not known.
    pub parked_documents: Option<i32>,
    /// How long events took from the stream to the projector. Null if none came lately.
    pub to_projector: Option<Hop>,
    /// How long it took from there until documents and cache showed them: fold, commit and write-through. Null if none came lately.
    pub to_cache: Option<Hop>,
    /// True if there is something to fold, and nothing has been folded for a while.
    pub is_stuck: bool,
}

/// An event on its way. What it is about is not told.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct PipelineEvent {
    /// Its name, such as `comment.added`.
    pub name: String,
    /// The projection whose documents it changed.
    pub projection: &'static str,
    /// Its place in the log.
    pub position: BigInt,
    /// When its command was decided.
    pub decided_at: Timestamp,
    /// From then into the stream, in milliseconds.
    pub to_stream_ms: f64,
    /// From there to the projector, in milliseconds.
    pub to_projector_ms: f64,
    /// From there until documents and cache showed it, in milliseconds.
    pub to_cache_ms: f64,
    /// From there until the answering process told its subscribers, in milliseconds.
    pub to_subscribers_ms: f64,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PipelineTrouble {
    /// Which part: `relay`, `store`, `cache`, or a projection's name.
    pub part: String,
    /// What is wrong with it.
    pub message: String,
}

/// How far one projection was behind at one moment.
#[derive(Debug, Clone, PartialEq, SimpleObject)]
pub struct PipelineLag {
    /// When.
    pub at: Timestamp,
    /// Which projection.
    pub projection: &'static str,
    /// For how long the log had been ahead of it, in milliseconds; null if nobody knew.
    pub lag_ms: Option<i32>,
}
