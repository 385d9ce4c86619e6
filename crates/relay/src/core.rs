//! The relay's core: one round at a time, over any log and any stream.
//!
//! A round does a bounded amount of work, so that new events never wait long behind a comparison. Nothing here leans on being the
//! only relay: whatever another one does shows as an odd answer, and after an odd answer this one looks again.

mod heal;
mod publish;

use millrace_events::{History, Position, fail_point, rule};
use millrace_log::LogHead;

use crate::compare::{self, Compared};
use crate::confirmed::{Audit, Confirmed};
use crate::error::RelayError;
use crate::judge::{Verdict, WentBack, judge_state};
use crate::mirror::Mirror;
use crate::ports::{LogSide, StreamSide};
use crate::round::{Duties, Happened, Round};
use crate::window::Tail;
use heal::Verifying;

pub use publish::WINDOW_EVENTS;

/// One relay's view of both sides, and what it makes of it.
#[derive(Debug)]
pub struct Core<L, S> {
    log: L,
    stream: S,
    head: Option<LogHead>,
    tail: Option<Tail>,
    last: Option<Position>,
    confirmed: Option<Confirmed>,
    audit: Audit,
    mirror: Mirror,
    mode: Mode,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    Copying,
    Verifying(Verifying),
    Stopped { why: WentBack, history: Option<History> },
}

impl<L: LogSide, S: StreamSide> Core<L, S> {
    /// A relay that knows nothing yet.
    pub fn new(log: L, stream: S) -> Self {
        let (audit, mirror) = (Audit::default(), Mirror::default());
        Self { log, stream, head: None, tail: None, last: None, confirmed: None, audit, mirror, mode: Mode::Copying }
    }

    /// The stream's side, for what is not the core's.
    pub fn stream(&self) -> &S {
        &self.stream
    }

    /// Where the log ends, as last seen.
    pub fn head(&self) -> Option<LogHead> {
        self.head
    }

    /// Where the stream ends, as last seen.
    pub fn last(&self) -> Option<Position> {
        self.last
    }

    /// Up to where the stream was compared with the log.
    pub fn compared(&self) -> Option<Position> {
        self.confirmed.map(|confirmed| confirmed.compared)
    }

    /// One round. After an error nothing of the stream's end is believed any more.
    pub async fn round(&mut self, duties: Duties) -> Result<Round, RelayError> {
        let outcome = self.step(duties).await;
        if outcome.is_err() {
            self.tail = None;
        }
        outcome
    }

    async fn step(&mut self, duties: Duties) -> Result<Round, RelayError> {
        if duties.sequence {
            self.head = Some(self.log.sequence().await.map_err(RelayError::Log)?);
            fail_point::reach("relay.sequenced").await;
        }
        match self.mode {
            Mode::Copying => self.copy(duties).await,
            Mode::Verifying(verifying) => self.verify(verifying).await,
            Mode::Stopped { why, history } => self.stay_stopped(why, history).await,
        }
    }

    async fn copy(&mut self, duties: Duties) -> Result<Round, RelayError> {
        if (duties.look || self.must_look())
            && let Some(round) = self.look().await?
        {
            return Ok(round);
        }
        if let Some(round) = self.compare(duties.audit).await? {
            return Ok(round);
        }
        fail_point::reach("relay.compared").await;
        if (duties.audit || self.mirror.is_behind())
            && let Some(went_back) = self.mirror.page(&self.log, &self.stream).await?
        {
            return Ok(self.stop(went_back));
        }
        self.publish().await
    }

    /// True if nothing may be published before the stream was looked at.
    fn must_look(&self) -> bool {
        let (Some(tail), Some(confirmed)) = (self.tail, self.confirmed) else { return true };
        self.head.is_some_and(|head| head.history != confirmed.origin.history || head.position < tail.position)
    }

    /// The full look: state, head, the message at the stream's end, and the bucket. `Some` if there is nothing to publish to.
    async fn look(&mut self) -> Result<Option<Round>, RelayError> {
        let believed = self.tail.take().map(|tail| tail.position);
        let (state, head) = compare::look(&self.log, &self.stream).await?;
        self.head = Some(head);
        self.last = state.map(|state| state.last);
        let Some(state) = state else { return self.create(head).await.map(Some) };
        if let Some(round) = self.act_on(judge_state(&state, &head), &state).await? {
            return Ok(Some(round));
        }
        let Some(origin) = state.origin else { return Ok(None) };
        self.confirmed = Some(Confirmed::at_look(self.confirmed, origin, &state, believed));
        let end = self.compare_end(state.last).await?;
        if let Some(round) = self.act_on_page(end.verdict, |_| ()).await? {
            return Ok(Some(round));
        }
        self.mirror.look(self.stream.bucket().await.map_err(RelayError::Stream)?);
        self.tail = Some(Tail { position: state.last, event: end.last });
        Ok(None)
    }

    async fn compare_end(&self, last: Position) -> Result<Compared, RelayError> {
        match last.0.checked_sub(1) {
            None => Ok(Compared { verdict: Verdict::Sound, until: last, last: None }),
            Some(before) => compare::page(&self.log, &self.stream, Position(before), last).await,
        }
    }

    /// One page of what was not compared yet; else, if it is due, one of all messages. `Some` if it is not sound.
    async fn compare(&mut self, is_audit_due: bool) -> Result<Option<Round>, RelayError> {
        let Some(mut confirmed) = self.confirmed else { return Ok(None) };
        let until = confirmed.target;
        if let Some(after) = confirmed.next_page() {
            let page = compare::page(&self.log, &self.stream, after, until).await?;
            confirmed.take_in(page.until);
            return self.act_on_page(page.verdict, |core| core.confirmed = Some(confirmed)).await;
        }
        let is_due = is_audit_due && rule("audited_in_background");
        let Some(after) = self.audit.next_page(until).filter(|_| is_due) else { return Ok(None) };
        let page = compare::page(&self.log, &self.stream, after, until).await?;
        self.act_on_page(page.verdict, |core| core.audit.take_in(page.until)).await
    }

    /// Somebody may have deleted or made the stream since it was looked at: then a page of it says nothing.
    async fn act_on_page(
        &mut self,
        verdict: Verdict,
        take_in: impl FnOnce(&mut Self) + Send,
    ) -> Result<Option<Round>, RelayError> {
        if verdict == Verdict::Sound {
            take_in(self);
            return Ok(None);
        }
        let (state, head) = compare::look(&self.log, &self.stream).await?;
        self.head = Some(head);
        match state {
            Some(state) if state.origin == self.confirmed.map(|confirmed| confirmed.origin) => {
                self.act_on(verdict, &state).await
            }
            _ => Ok(Some(self.odd_answer())),
        }
    }

    fn odd_answer(&mut self) -> Round {
        self.tail = None;
        Round::again(Happened::OddAnswer)
    }

    /// What is known of this stream and its bucket belongs to them.
    fn forget(&mut self) {
        (self.tail, self.confirmed) = (None, None);
        (self.audit, self.mirror) = (Audit::default(), Mirror::default());
    }
}
