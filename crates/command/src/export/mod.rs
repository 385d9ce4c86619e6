//! Exports: all that is kept of a person, as one JSON document, out of one snapshot of PostgreSQL.
//!
//! A link is asked for by a command (`crate::user::ExportMyData`) and followed by whoever has it. The document is written by a task of
//! its own, a few rows at a time and no faster than it is taken, so that its size costs no memory.

mod document;
mod parts;
mod places;
mod words;
mod writing;

use crate::failure::FailureReport;
use crate::fault::Fault;
use crate::pipeline::{Pipeline, report};
use places::Places;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use writing::Writing;

pub use document::FORMAT;
pub use parts::{COLUMNS_LEFT_OUT, PARTS, Part, TABLES_LEFT_OUT, WORDS};

const NAME: &str = "export";
/// Pieces that wait for a client who takes its time.
const PIECES_MAX: usize = 1;

/// What exports may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportLimits {
    /// Exports that this process writes at once. A person has one at a time.
    pub at_once_max: usize,
    /// How long writing one may take, however slowly it is taken: so long its snapshot keeps PostgreSQL from clearing up.
    pub time_max: Duration,
    /// How long one piece of it may wait to be taken: whoever hardly reads gives the place back to others.
    pub piece_wait_max: Duration,
}

impl Default for ExportLimits {
    fn default() -> Self {
        Self { at_once_max: 4, time_max: Duration::from_secs(120), piece_wait_max: Duration::from_secs(10) }
    }
}

/// Why a link leads to nothing. It crosses the internal API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ExportRefusal {
    /// The link was not made here or was changed, its time is over, the session has ended, or the account is no more.
    NoSuchExport,
    /// Not now.
    Failed(FailureReport),
}

/// The document's text did not come to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the export was cut short")]
pub struct CutShort;

/// A document that is being written.
#[derive(Debug)]
pub struct Export {
    pieces: Option<mpsc::Receiver<Piece>>,
}

/// What passes between the task that writes and whoever takes it. A task that fails just ends, so the end of the document is told.
#[derive(Debug)]
enum Piece {
    Text(String),
    End,
}

impl Export {
    /// The next piece of the document; none at its end.
    pub async fn next(&mut self) -> Option<Result<String, CutShort>> {
        let told = match self.pieces.as_mut()?.recv().await {
            Some(Piece::Text(text)) => return Some(Ok(text)),
            Some(Piece::End) => None,
            None => Some(Err(CutShort)),
        };
        self.pieces = None;
        told
    }
}

/// Writes exports.
#[derive(Debug)]
pub(crate) struct Exports {
    limits: ExportLimits,
    places: Arc<Places>,
}

impl Exports {
    /// With these limits.
    pub fn new(limits: ExportLimits) -> Self {
        Self { limits, places: Arc::new(Places::new(limits.at_once_max)) }
    }

    /// Begins the document that a link leads to, if it may be fetched now.
    pub async fn open(&self, pipeline: &Pipeline, token: &str) -> Result<Export, ExportRefusal> {
        let right = pipeline.auth.exports.read(token).map_err(|_| refused())?;
        let place = self.places.take(right.user_id).ok_or_else(turned_away)?;
        let (database, limits) = (pipeline.log.database().clone(), self.limits);
        let (told, opened) = oneshot::channel();
        let (sender, pieces) = mpsc::channel(PIECES_MAX);
        // Nobody who hangs up cancels what begins a transaction.
        tokio::spawn(Writing { database, right, limits, place }.run(told, sender));
        opened.await.unwrap_or_else(|_| Err(failed(Fault::Missing("the task of an export"))))?;
        Ok(Export { pieces: Some(pieces) })
    }
}

fn refused() -> ExportRefusal {
    count("refused");
    ExportRefusal::NoSuchExport
}

fn turned_away() -> ExportRefusal {
    count("turned_away");
    ExportRefusal::Failed(report(NAME, Fault::TooManyExports).report().clone())
}

fn failed(fault: Fault) -> ExportRefusal {
    count("failed");
    ExportRefusal::Failed(report(NAME, fault).report().clone())
}

fn count(result: &'static str) {
    metrics::counter!("millrace_exports_total", "result" => result).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_document_has_an_end_or_is_cut_short() {
        let (sender, pieces) = mpsc::channel(3);
        let mut export = Export { pieces: Some(pieces) };
        for piece in [Piece::Text("{".into()), Piece::Text("}".into()), Piece::End] {
            sender.send(piece).await.unwrap();
        }
        assert_eq!([export.next().await, export.next().await], [Some(Ok("{".into())), Some(Ok("}".into()))]);
        assert_eq!([export.next().await, export.next().await], [None, None]);

        let (sender, pieces) = mpsc::channel(1);
        let mut export = Export { pieces: Some(pieces) };
        drop(sender);
        assert_eq!([export.next().await, export.next().await], [Some(Err(CutShort)), None]);
    }
}
