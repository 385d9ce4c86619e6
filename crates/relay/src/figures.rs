//! Metrics.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use millrace_events::Position;

use crate::core::Core;
use crate::error::RelayError;
use crate::ports::{LogSide, StreamSide};
use crate::round::{Happened, Round};

const HEAD: &str = "millrace_log_head_position";
const LAST: &str = "millrace_stream_last_position";
const COMPARED: &str = "millrace_stream_compared_position";
const PUBLISHED: &str = "millrace_relay_published_total";
const ODD_ANSWERS: &str = "millrace_relay_odd_answers_total";
const RECREATED: &str = "millrace_relay_recreated_total";
const ERRORS: &str = "millrace_relay_errors_total";
const STOPPED: &str = "millrace_relay_stopped";
const BEATS: &str = "millrace_relay_beats_total";

/// Tells what each one means, and shows counters before they first count.
pub fn describe() {
    describe_gauge!(HEAD, "Last position of the log.");
    describe_gauge!(LAST, "Last sequence of the stream.");
    describe_gauge!(COMPARED, "All messages of the stream up to here were compared with the log.");
    describe_counter!(PUBLISHED, "Events that this relay published and whose acks said so.");
    describe_counter!(ODD_ANSWERS, "Windows that somebody or something came in between of.");
    describe_counter!(RECREATED, "How often this relay made a damaged stream anew.");
    describe_counter!(ERRORS, "Rounds of this relay that failed.");
    describe_counter!(BEATS, "Beats that this relay sent.");
    describe_gauge!(STOPPED, "1 while nothing is published because the log went back, else 0.");
    [PUBLISHED, ODD_ANSWERS, RECREATED, ERRORS, BEATS].iter().for_each(|name| counter!(*name).increment(0));
    gauge!(STOPPED).set(0.0);
}

/// Takes in a beat that was sent.
pub fn beat() {
    counter!(BEATS).increment(1);
}

/// Takes in a round.
pub fn record<L: LogSide, S: StreamSide>(core: &Core<L, S>, outcome: &Result<Round, RelayError>) {
    let positions = [(HEAD, core.head().map(|head| head.position)), (LAST, core.last()), (COMPARED, core.compared())];
    for (name, position) in positions {
        if let Some(Position(position)) = position {
            #[expect(clippy::cast_precision_loss, reason = "metrics are f64; exact up to 2^53")]
            gauge!(name).set(position as f64);
        }
    }
    let Ok(round) = outcome else { return counter!(ERRORS).increment(1) };
    gauge!(STOPPED).set(if matches!(round.happened, Happened::Stopped(_)) { 1.0 } else { 0.0 });
    match round.happened {
        Happened::Published { events } => counter!(PUBLISHED).increment(events as u64),
        Happened::OddAnswer => counter!(ODD_ANSWERS).increment(1),
        Happened::Recreated(_) => counter!(RECREATED).increment(1),
        _ => {}
    }
}
