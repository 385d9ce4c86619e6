//! How far each part has come: log, stream, projections.

use crate::error::BenchError;
use crate::plan::{LOOK_AGAIN, PATIENCE};
use crate::stage::{ReadSide, Stage};
use async_nats::jetstream::{self, Context};
use millrace_log::Log;
use millrace_read::models::NAMES;
use mongodb::Database;
use mongodb::bson::{Bson, Document, doc};
use std::time::{Duration, Instant};

/// Looks at log, stream and one read side.
pub struct Progress {
    log: Log,
    stream: Context,
    stream_name: String,
    documents: Database,
}

/// The last position that each has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Places {
    /// The log.
    pub head: u64,
    /// The stream.
    pub stream: u64,
    /// The projection that has come least far.
    pub checkpoint: u64,
}

impl Places {
    /// Events that are in the log and not yet in every projection.
    pub fn behind(&self) -> u64 {
        self.head.saturating_sub(self.checkpoint)
    }
}

impl Progress {
    /// Of the stage's log and stream, and of this read side.
    pub async fn of(stage: &Stage, log: &Log, read_side: &ReadSide) -> Result<Self, BenchError> {
        Ok(Self {
            log: log.clone(),
            stream: jetstream::new(stage.nats().await?),
            stream_name: format!("{}-log", stage.name),
            documents: stage.mongodb(read_side.name()).await?,
        })
    }

    /// Where all of them are now.
    pub async fn places(&self) -> Result<Places, BenchError> {
        let head = self.log.head().await?.position.0;
        Ok(Places { head, stream: self.stream_last().await?, checkpoint: self.checkpoint().await? })
    }

    /// The stream's last sequence; 0 while there is no stream.
    pub async fn stream_last(&self) -> Result<u64, BenchError> {
        match self.stream.get_stream(&self.stream_name).await {
            Ok(stream) => Ok(stream.cached_info().state.last_sequence),
            Err(_) => Ok(0),
        }
    }

    /// The lowest checkpoint of all projections; 0 as long as one has none.
    pub async fn checkpoint(&self) -> Result<u64, BenchError> {
        let mut lowest = u64::MAX;
        for projection in NAMES {
            lowest = lowest.min(self.checkpoint_of(projection).await?);
        }
        Ok(lowest)
    }

    /// Waits until stream and projections have all of the log. Answers how long that took.
    pub async fn drained(&self) -> Result<Duration, BenchError> {
        let started = Instant::now();
        loop {
            let places = self.places().await?;
            if places.stream == places.head && places.checkpoint == places.head {
                return Ok(started.elapsed());
            }
            if started.elapsed() > PATIENCE {
                return Err(BenchError::TooSlow(format!("draining: {places:?}")));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// The generation that a projection's first build has is 1, and nothing is rebuilt here.
    async fn checkpoint_of(&self, projection: &str) -> Result<u64, BenchError> {
        let collection = self.documents.collection::<Document>(&format!("{projection}_1"));
        let found = collection.find_one(doc! { "_id": "checkpoint" }).projection(doc! { "rev": 1 }).await?;
        let position = found.and_then(|checkpoint| checkpoint.get_document("rev").ok()?.get("p").and_then(number));
        Ok(position.unwrap_or(0))
    }
}

fn number(value: &Bson) -> Option<u64> {
    let number = value.as_i64().or_else(|| value.as_i32().map(i64::from))?;
    u64::try_from(number).ok()
}
