//! What the core does about a stream that is no copy: look again, make it anew, or stop because it is the log that went back.
//!
//! No lock: two relays that make the stream anew at once only do double work, and a delete that comes late is healed by filling
//! the stream again. (The model finds no schedule that needs the lock.)

use millrace_events::{History, Position, fail_point, rule};
use millrace_log::LogHead;

use super::{Core, Mode};
use crate::compare;
use crate::error::RelayError;
use crate::judge::{Damage, Verdict, WentBack, judge_state};
use crate::ports::{LogSide, Origin, StreamSide, StreamState};
use crate::round::{Happened, Round};

/// The second look at a damaged stream: all of it, so that a log that went back shows before its last witness is deleted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verifying {
    origin: Option<Origin>,
    suspected: Damage,
    found: Option<Damage>,
    compared: Position,
    until: Position,
}

impl<L: LogSide, S: StreamSide> Core<L, S> {
    /// `Some` if the verdict leaves nothing to publish to.
    pub(super) async fn act_on(&mut self, verdict: Verdict, state: &StreamState) -> Result<Option<Round>, RelayError> {
        match verdict {
            Verdict::Sound => Ok(None),
            Verdict::WentBack(why) if rule("relay_stops_when_log_went_back") => Ok(Some(self.stop(why))),
            Verdict::WentBack(_) => self.recreate(verdict).await.map(Some),
            Verdict::Damaged(suspected) => Ok(Some(self.suspect(suspected, state))),
        }
    }

    fn suspect(&mut self, suspected: Damage, state: &StreamState) -> Round {
        self.forget();
        let (compared, until) = (Position::START, state.last);
        self.mode = Mode::Verifying(Verifying { origin: state.origin, suspected, found: None, compared, until });
        Round::again(Happened::Verifying(suspected))
    }

    /// Compares the next page of a stream that seems damaged. At the end its state is judged once more, and only then is it deleted.
    pub(super) async fn verify(&mut self, mut verifying: Verifying) -> Result<Round, RelayError> {
        let (state, head) = compare::look(&self.log, &self.stream).await?;
        self.head = Some(head);
        let Some(state) = state.filter(|state| state.origin == verifying.origin) else {
            self.mode = Mode::Copying;
            return Ok(self.odd_answer());
        };
        let verdict = judge_state(&state, &head);
        let is_of_ended_history = matches!(verdict, Verdict::Damaged(Damage::OlderHistory(_)));
        let until = verifying.until.min(state.last);
        if is_of_ended_history || verifying.compared >= until {
            self.mode = Mode::Copying;
            return self.conclude(verdict, verifying.found).await;
        }
        let page = compare::page(&self.log, &self.stream, verifying.compared, until).await?;
        match page.verdict {
            Verdict::Sound => {}
            Verdict::Damaged(damage) => verifying.found = verifying.found.or(Some(damage)),
            Verdict::WentBack(why) if rule("relay_stops_when_log_went_back") => return Ok(self.stop(why)),
            Verdict::WentBack(_) => return self.recreate(page.verdict).await,
        }
        verifying.compared = page.until;
        self.mode = Mode::Verifying(verifying);
        Ok(Round::again(Happened::Verifying(verifying.suspected)))
    }

    async fn conclude(&mut self, verdict: Verdict, found: Option<Damage>) -> Result<Round, RelayError> {
        match (verdict, found) {
            (Verdict::Sound, None) => Ok(Round::again(Happened::FoundSound)),
            (Verdict::Sound, Some(damage)) => self.recreate(Verdict::Damaged(damage)).await,
            (Verdict::WentBack(why), _) if rule("relay_stops_when_log_went_back") => Ok(self.stop(why)),
            (verdict, _) => self.recreate(verdict).await,
        }
    }

    async fn recreate(&mut self, why: Verdict) -> Result<Round, RelayError> {
        self.forget();
        self.stream.delete().await.map_err(RelayError::Stream)?;
        fail_point::reach("relay.stream_deleted").await;
        let head = self.log.head().await.map_err(RelayError::Log)?;
        self.stream.create(head.history).await.map_err(RelayError::Stream)?;
        Ok(Round::again(Happened::Recreated(why)))
    }

    pub(super) async fn create(&mut self, head: LogHead) -> Result<Round, RelayError> {
        self.forget();
        self.stream.create(head.history).await.map_err(RelayError::Stream)?;
        Ok(Round::again(Happened::Created))
    }

    pub(super) fn stop(&mut self, why: WentBack) -> Round {
        self.forget();
        self.mode = Mode::Stopped { why, history: self.head.map(|head| head.history) };
        Round { happened: Happened::Stopped(why), again: false }
    }

    pub(super) async fn stay_stopped(&mut self, why: WentBack, of: Option<History>) -> Result<Round, RelayError> {
        let head = self.log.head().await.map_err(RelayError::Log)?;
        self.head = Some(head);
        if Some(head.history) == of {
            return Ok(Round { happened: Happened::Stopped(why), again: false });
        }
        self.mode = Mode::Copying;
        Ok(self.odd_answer())
    }
}
