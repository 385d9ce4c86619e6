//! The log's side over PostgreSQL.

use std::collections::HashMap;

use millrace_events::{Envelope, KeyState, Position, UserId};
use millrace_log::{KeyRow, Log, LogHead};

use crate::ports::{BoxError, LogSide};

impl LogSide for Log {
    async fn sequence(&self) -> Result<LogHead, BoxError> {
        Ok(Self::sequence(self).await?)
    }

    async fn head(&self) -> Result<LogHead, BoxError> {
        Ok(Self::head(self).await?)
    }

    async fn read(&self, after: Position, limit: u32) -> Result<Vec<Envelope>, BoxError> {
        Ok(Self::read(self, after, limit).await?)
    }

    async fn keys_of(&self, persons: &[UserId]) -> Result<HashMap<UserId, KeyState>, BoxError> {
        Ok(Self::keys_of(self, persons).await?)
    }

    async fn keys_after(&self, serial: i64, limit: u32) -> Result<Vec<KeyRow>, BoxError> {
        Ok(Self::keys_after(self, serial, limit).await?)
    }
}
