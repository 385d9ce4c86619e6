//! Answers that are kept with what they were made of, so that the same question need not be executed again.
//!
//! Nothing is trusted for being kept: each time its documents are looked up as any read looks them up, with the same tokens owed and
//! the same word about staleness, and only their revisions are compared instead of their content being taken apart. So an answer out
//! of here is the answer that execution would give at that moment. (Build systems know the idea as verifying traces: Mokhov, Mitchell
//! and Peyton Jones, "Build systems à la carte", 2018.)

use super::basis::Basis;
use super::context::RequestContext;
use super::shared::Audience;
use metrics::{Counter, counter, describe_counter};
use moka::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

const ANSWERS: &str = "millrace_answers_total";
/// What an answer takes beside its text and its question, in bytes: a guess that rather is too high.
const OVERHEAD_BYTES: usize = 512;
/// How long an answer is kept at the most: as long as its documents are in the cache.
const KEPT: Duration = Duration::from_secs(3_600);
/// Longer questions are not kept: whoever sends many of them would drive out what others ask.
const QUESTION_BYTES_MAX: usize = 16 * 1024;

/// Longer answers are not kept either: what a question costs to send must not decide how much of the room one may take.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// All that was asked, byte for byte: text, name of the operation, variables. Not who asks, nor what they are owed.
pub type Question = Arc<[u8]>;

/// A question, and whose it is: everybody's, or that of viewers who are the same to every resolver.
type Asked = (Question, Option<Audience>);

/// An answer without errors.
#[derive(Debug)]
pub struct Remembered {
    /// The JSON of `data`.
    pub data: Box<str>,
    /// True if it may depend on who the viewer is.
    pub is_personal: bool,
    basis: Basis,
}

/// Answers of a process, within a limit of bytes.
#[derive(Debug)]
pub struct Answers {
    kept: Cache<Asked, Arc<Remembered>>,
    is_on: bool,
    renewed: Counter,
    outdated: Counter,
    made: Counter,
}

impl Answers {
    /// Keeps at most so many bytes; with 0 nothing. To be made after the recorder of metrics.
    pub fn new(bytes_max: usize) -> Self {
        describe_counter!(ANSWERS, "Answers to queries by how they came about.");
        let counted = |how: &'static str| counter!(ANSWERS, "how" => how);
        let (renewed, outdated, made) = (counted("renewed"), counted("outdated"), counted("made"));
        let kept = Cache::builder().weigher(weight).max_capacity(bytes_max as u64).time_to_live(KEPT).build();
        Self { kept, is_on: bytes_max > 0, renewed, outdated, made }
    }

    /// True if a question of so many bytes is worth being looked for.
    pub fn keeps(&self, question_bytes: usize) -> bool {
        self.is_on && question_bytes <= QUESTION_BYTES_MAX
    }

    /// The answer to a question, if it is kept and still stands. What it was read from is noted in the request's context, as if it
    /// had been made there. One that does not stand is not kept any longer: it would stand in the way of others to the same question.
    pub async fn recall(&self, question: &Question, context: &RequestContext) -> Option<Arc<Remembered>> {
        let mut was_kept = false;
        for whose in [None, Some(context.audience())] {
            let asked = (Arc::clone(question), whose);
            let Some(remembered) = self.kept.get(&asked) else { continue };
            if context.renew(&remembered.basis).await {
                self.renewed.increment(1);
                return Some(remembered);
            }
            self.kept.invalidate(&asked);
            was_kept = true;
        }
        self.outdated.increment(u64::from(was_kept));
        None
    }

    /// Keeps an answer, if documents are all that it was made of.
    pub fn remember(&self, question: Question, data: &str, context: &RequestContext) {
        self.made.increment(1);
        if !self.keeps(question.len()) || data.len() > ANSWER_BYTES_MAX {
            return;
        }
        let Some(basis) = context.basis() else { return };
        let is_personal = context.is_personal();
        let asked = (question, is_personal.then(|| context.audience()));
        self.kept.insert(asked, Arc::new(Remembered { data: data.into(), is_personal, basis }));
    }

    /// Keeps nothing that was made until now: somebody was erased whose words may stand in it.
    pub fn forget(&self) {
        self.kept.invalidate_all();
        self.kept.run_pending_tasks();
    }
}

fn weight((question, _): &Asked, remembered: &Arc<Remembered>) -> u32 {
    let keys: usize = remembered.basis.0.iter().flat_map(|shown| &shown.keys).map(|key| key.as_str().len() + 64).sum();
    u32::try_from(question.len() + remembered.data.len() + keys + OVERHEAD_BYTES).unwrap_or(u32::MAX)
}
