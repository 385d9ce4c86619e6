//! The stream's message at each sequence is the log's event at that position, byte for byte.

use super::log::Log;
use crate::harness::stage::Stage;

/// Compares every message.
pub async fn equals_log(stage: &Stage) {
    let context = async_nats::jetstream::new(stage.nats().await);
    let mut stream = context.get_stream(format!("{}-log", stage.name)).await.expect("the stream");
    let log = Log::of(stage).await.envelopes().await;
    let state = stream.info().await.expect("its state").state.clone();
    let count = log.len() as u64;
    assert_eq!((state.messages, state.last_sequence), (count, count), "messages and last sequence against the log");
    for envelope in &log {
        let message = stream.get_raw_message(envelope.position.0).await.expect("a message");
        let expected = serde_json::to_vec(envelope).expect("JSON");
        assert!(message.payload == expected, "the message at {} is another", envelope.position);
    }
}
