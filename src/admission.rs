//! Whether a socket's viewer may stay: a socket outlives the token that it was opened with, but not the sign-in, nor the roles. Behind a
//! token of an OpenID provider stands no sign-in of ours, so nothing outlives that.

use millrace_events::Timestamp;
use millrace_events::viewer::Person;
use millrace_read::graphql::{AccessNotices, ReadSide, Refusal};
use millrace_read::live::Notice;
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use tokio::time::sleep;

/// If it cannot be found out, it is tried again after this long.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The sign-in: who comes again needs another.
    SignIn,
    /// The roles are others: who comes again is let in, in those.
    Roles,
}

/// Who was let in, and what tells that something about them has changed.
pub struct Admission {
    reads: Arc<ReadSide>,
    notices: AccessNotices,
    person: Person,
    ends_at: Option<Timestamp>,
}

impl Admission {
    /// Of this person, with the roles in which they were let in. `notices` were listened to from before that on.
    pub fn new(reads: Arc<ReadSide>, notices: AccessNotices, person: Person) -> Self {
        Self { reads, notices, person, ends_at: None }
    }

    /// The same, no longer than until this moment.
    pub fn until(self, ends_at: Option<Timestamp>) -> Self {
        Self { ends_at, ..self }
    }

    /// Comes when it has ended.
    pub async fn ended(self) -> Ended {
        let ends_at = self.ends_at;
        tokio::select! {
            ended = self.withdrawn() => ended,
            () = moment(ends_at) => Ended::SignIn,
        }
    }

    async fn withdrawn(mut self) -> Ended {
        loop {
            let notice = self.notices.next().await;
            if let Some(ended) = self.look(notice).await {
                return ended;
            }
        }
    }

    /// None if it still holds.
    async fn look(&self, notice: Notice) -> Option<Ended> {
        loop {
            match self.reads.access_since(self.person.clone(), notice.required).await {
                Ok(now) => return (now.roles != self.person.roles).then_some(Ended::Roles),
                Err(Refusal::Unauthenticated) => return Some(Ended::SignIn),
                Err(_) => sleep(LOOK_AGAIN).await,
            }
        }
    }
}

/// Comes at this moment, or never.
async fn moment(at: Option<Timestamp>) {
    let Some(at) = at else { return std::future::pending().await };
    sleep((at.moment() - OffsetDateTime::now_utc()).try_into().unwrap_or_default()).await;
}
