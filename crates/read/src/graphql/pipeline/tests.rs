//! What people are told, from what was seen.

use super::sampler::{Look, STUCK_US, Sampler, Seen, Told};
use crate::trail::{Arrival, Passage, UnixMicros};
use millrace_events::Position;

const SECOND: UnixMicros = 1_000_000;
const START: UnixMicros = 1_700_000_000 * SECOND;

fn look(second: i64, log: u64, stream: u64, folded: u64) -> Look {
    let told = Told { age_ms: 300, log: Position(log), stream: Position(stream) };
    let seen = Seen { name: "content", position: Position(folded), lag_ms: Some(0), ..Seen::default() };
    let projections = vec![seen];
    Look {
        at_us: START + second * SECOND,
        told: Some(told),
        projections,
        has_cache: true,
        has_store: true,
        ..Look::default()
    }
}

fn passage(position: u64, at_us: UnixMicros, steps_us: [i64; 4]) -> Passage {
    let [to_stream, to_projector, to_cache, to_subscribers] = steps_us;
    let decided_us = at_us - steps_us.iter().sum::<i64>();
    let streamed_us = decided_us + to_stream;
    let arrival = Arrival { position: Position(position), streamed_us, received_us: streamed_us + to_projector };
    let shown_us = arrival.received_us + to_cache;
    Passage { event: "post.created".into(), decided_us, arrival, shown_us, heard_us: shown_us + to_subscribers }
}

fn messages(sampler: &mut Sampler, look: Look) -> Vec<String> {
    sampler.take(look).troubles.into_iter().map(|trouble| format!("{}: {}", trouble.part, trouble.message)).collect()
}

#[test]
fn rates_are_what_was_added_by_the_time_it_took() {
    let mut sampler = Sampler::default();
    assert_eq!(sampler.take(look(0, 100, 100, 100)).events_per_second, Some(0.0), "nothing to compare with");
    sampler.take(look(1, 110, 110, 105));
    let sample = sampler.take(look(2, 130, 128, 120));
    assert_eq!((sample.events_per_second, sample.projections[0].events_per_second), (Some(15.0), 10.0));
    assert_eq!((sample.relay_backlog.unwrap().0, sample.projections[0].backlog.unwrap().0), (2, 10));
    assert!(sample.troubles.is_empty());
}

#[test]
fn what_fell_has_no_rate() {
    let mut sampler = Sampler::default();
    sampler.take(look(0, 100, 100, 100));
    let sample = sampler.take(look(1, 3, 3, 3));
    assert_eq!((sample.events_per_second, sample.projections[0].events_per_second), (Some(0.0), 0.0));
}

#[test]
fn a_part_with_work_that_stands_is_stuck_and_no_other() {
    let mut sampler = Sampler::default();
    let seconds = STUCK_US / SECOND;
    for second in 0..seconds {
        assert!(messages(&mut sampler, look(second, 9, 9, 7)).is_empty(), "{second} s");
    }
    assert_eq!(messages(&mut sampler, look(seconds, 9, 9, 7)), ["content: 2 events wait, and none was folded"]);
    assert!(messages(&mut sampler, look(seconds + 1, 9, 9, 8)).is_empty(), "it moves");
    assert!(messages(&mut sampler, look(seconds + 9, 9, 9, 9)).is_empty(), "nothing to do is no trouble");
    sampler.take(look(seconds + 10, 12, 9, 9));
    let later = messages(&mut sampler, look(2 * seconds + 10, 12, 9, 9));
    assert_eq!(later[0], "relay: 3 events wait, and none came into the stream");
}

/// Otherwise who opens the page after a quiet hour would be told that all has stood still for an hour.
#[test]
fn what_was_before_a_pause_says_nothing() {
    let mut sampler = Sampler::default();
    sampler.take(look(0, 9, 9, 9));
    let hour = 3_600;
    let sample = sampler.take(look(hour, 500, 500, 400));
    assert!(sample.troubles.is_empty(), "{:?}", sample.troubles);
    assert_eq!((sample.events_per_second, sample.projections[0].events_per_second), (Some(0.0), 0.0));
}

#[test]
fn what_is_away_is_said() {
    let mut sampler = Sampler::default();
    let away = Look { told: None, has_cache: false, has_store: false, ..look(0, 1, 1, 1) };
    let sample = sampler.take(away);
    let parts: Vec<_> = sample.troubles.iter().map(|trouble| trouble.part.as_str()).collect();
    assert_eq!(parts, ["relay", "store", "cache"]);
    assert_eq!((sample.log_position, sample.projections[0].backlog), (None, None));
}

#[test]
fn parked_documents_are_told() {
    let mut look = look(0, 1, 1, 1);
    look.projections[0].parked = Some(2);
    assert_eq!(
        messages(&mut Sampler::default(), look),
        ["content: 2 documents are parked: `millrace parked` tells why"]
    );
}

#[test]
fn hops_are_told_by_their_middle_and_their_slow_end() {
    let mut look = look(0, 100, 100, 100);
    let at_us = look.at_us - 30 * SECOND;
    look.projections[0].passages =
        (1..=100).map(|n| passage(n, at_us, [n as i64 * 1_000, 500, 2_000, -70]).into()).collect();
    let sample = Sampler::default().take(look);
    let to_stream = sample.to_stream.unwrap();
    assert_eq!((to_stream.p50_ms, to_stream.p99_ms, to_stream.count), (50.0, 99.0, 100));
    let projection = &sample.projections[0];
    assert_eq!((projection.to_projector.unwrap().p50_ms, projection.to_cache.unwrap().p99_ms), (0.5, 2.0));
    assert_eq!(sample.to_subscribers.unwrap().p50_ms, 0.0, "clocks that disagree");
    assert!(sample.events.is_empty(), "older than a second");
}

#[test]
fn of_many_events_some_are_told() {
    let mut look = look(0, 100, 100, 100);
    let at_us = look.at_us;
    look.projections[0].passages = (1..=50).map(|n| passage(n, at_us - 100 + n as i64, [1, 1, 1, 1]).into()).collect();
    let events = Sampler::default().take(look).events;
    assert_eq!(
        events.iter().map(|event| event.position.0).collect::<Vec<_>>(),
        (1..=50).step_by(3).collect::<Vec<_>>()
    );
}
