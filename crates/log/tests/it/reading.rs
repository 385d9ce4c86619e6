//! Reading the log: without a gap, bounded, and the same bytes for everybody.

use millrace_events::{Aggregate, Envelope, EventId, Position, UserId, seal};
use millrace_events::{KeyState, PersonKey, Personal, Timestamp};
use millrace_log::{Log, LogError, READ_BYTES_MAX};
use serde_json::json;
use time::macros::datetime;

use crate::events::{commit, commit_changed, commit_payload, new_post, post};
use crate::setup::Database;

fn positions(envelopes: &[Envelope]) -> Vec<u64> {
    envelopes.iter().map(|envelope| envelope.position.0).collect()
}

fn bytes(envelopes: &[Envelope]) -> Vec<String> {
    envelopes.iter().map(|envelope| serde_json::to_string(envelope).unwrap()).collect()
}

async fn all(log: &Log, page: u32) -> Vec<Envelope> {
    let mut all: Vec<Envelope> = Vec::new();
    loop {
        let after = all.last().map_or(Position::START, |envelope| envelope.position);
        let next = log.read(after, page).await.unwrap();
        if next.is_empty() {
            return all;
        }
        all.extend(next);
    }
}

#[tokio::test]
async fn an_envelope_has_all_that_was_recorded() {
    let (_, log) = Database::with_log().await;
    let actor = UserId::generate();
    let (trace, at) =
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", datetime!(2026-03-29 01:30:00.123456789 UTC));
    let recorded = commit_changed(&log, &[post(uuid::Uuid::now_v7(), 7), new_post()], |event| {
        (event.actor, event.trace, event.at) = (Some(actor), Some(trace.to_owned()), Timestamp::new(at));
        event.payload = json!({ "text": "ü\u{0}\u{1F980}\"\\", "n": [0, -1, i64::MIN, u64::MAX], "none": null });
    })
    .await;
    let head = log.sequence().await.unwrap();
    assert_eq!(head, log.head().await.unwrap());

    let read = log.read(Position::START, 10).await.unwrap();
    assert_eq!(read.len(), 2);
    for (index, (envelope, event)) in read.iter().zip(&recorded).enumerate() {
        let expected = Envelope {
            history: head.history,
            position: Position(index as u64 + 1),
            event_id: event.event_id,
            predecessor: index.checked_sub(1).map(|before| recorded[before].event_id),
            command_id: event.command_id,
            command_index: index as u32,
            command_count: 2,
            aggregate: event.aggregate,
            name: event.name.to_owned(),
            schema_version: 1,
            actor: Some(actor),
            at: Timestamp::new(at),
            trace: Some(trace.to_owned()),
            payload: event.payload.clone(),
        };
        assert_eq!(envelope, &expected);
    }
    assert_eq!(log.placed(recorded[0].command_id).await.unwrap(), Some((Position(1), Position(2))));
    assert_eq!(log.placed(millrace_events::CommandId::generate()).await.unwrap(), None);
}

#[tokio::test]
async fn every_reader_gets_the_same_bytes_and_they_survive_the_stream() {
    let (database, log) = Database::with_log().await;
    let (of, key) = (UserId::generate(), PersonKey::generate());
    let numbers = json!([0.1, 1e300, -0.0, 5e-324, 1.7976931348623157e308, 9007199254740993_i64, 0.30000000000000004]);
    commit_payload(&log, &json!({ "z": 1, "a": { "y": numbers, "b": "\u{2028}\r\n\t/" } })).await;
    commit_changed(&log, &[new_post()], |event| {
        let mut payload = json!({ "title": Personal::known(of, "Ada") });
        seal::seal(&mut payload, event.event_id, &|_| Some(KeyState::Live(key.clone()))).unwrap();
        event.payload = payload;
    })
    .await;
    log.sequence().await.unwrap();

    let other = database.log().await;
    let (mine, theirs) = (bytes(&all(&log, 1).await), bytes(&all(&other, 100).await));
    assert_eq!(mine, theirs);
    for text in mine {
        let back: Envelope = serde_json::from_str(&text).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), text);
    }
}

#[tokio::test]
async fn pages_follow_each_other_and_are_bounded_by_number_and_bytes() {
    const BYTES: usize = 200_000;
    let (_, log) = Database::with_log().await;
    for _ in 0..15 {
        commit(&log, &[new_post(), new_post()]).await;
    }
    let large = json!("x".repeat(BYTES - 2));
    for _ in 0..25 {
        commit_payload(&log, &large).await;
    }
    log.sequence().await.unwrap();

    assert_eq!(positions(&log.read(Position(4), 3).await.unwrap()), [5, 6, 7]);
    assert!(log.read(Position(4), 0).await.unwrap().is_empty());
    assert!(log.read(Position(55), 10).await.unwrap().is_empty());
    assert!(log.read(Position(u64::MAX), u32::MAX).await.unwrap().is_empty());

    let bounded = log.read(Position(30), 1_000).await.unwrap();
    assert_eq!(bounded.len(), usize::try_from(READ_BYTES_MAX).unwrap() / BYTES + 1);
    for page in [1, 7, 1_000] {
        let all = all(&log, page).await;
        assert_eq!(positions(&all), (1..=55).collect::<Vec<_>>());
        let chain: Vec<Option<EventId>> = all.iter().map(|envelope| envelope.predecessor).collect();
        let before = all.iter().map(|envelope| Some(envelope.event_id));
        assert_eq!(chain, [None].into_iter().chain(before).take(55).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn damage_is_an_error_at_its_position_not_a_shorter_log() {
    let (database, log) = Database::with_log().await;
    let aggregates: Vec<Aggregate> = (0..6).map(|_| new_post()).collect();
    commit(&log, &aggregates).await;
    log.sequence().await.unwrap();

    database.execute("UPDATE log SET payload = '{' WHERE position = 6").await;
    let error = log.read(Position(3), 10).await.unwrap_err();
    assert!(matches!(error, LogError::Payload { position: Position(6), .. }), "{error:?}");

    database.execute("DELETE FROM log WHERE position = 3").await;
    let error = log.read(Position::START, 10).await.unwrap_err();
    assert!(matches!(error, LogError::Damaged { position: Position(3) }), "{error:?}");
    let error = log.read(Position(3), 2).await.unwrap_err();
    assert!(matches!(error, LogError::Damaged { position: Position(4) }), "no predecessor: {error:?}");
    assert_eq!(log.read(Position::START, 2).await.unwrap().len(), 2);

    database.execute("UPDATE log SET aggregate_kind = 'ghost' WHERE position = 1").await;
    let error = log.read(Position::START, 1).await.unwrap_err();
    assert!(matches!(error, LogError::Damaged { position: Position(1) }), "{error:?}");
}
