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

    /// Comes when the sign-in has ended, or the roles are others.
    pub async fn ended(self) {
        let ends_at = self.ends_at;
        tokio::select! {
            () = self.withdrawn() => {}
            () = moment(ends_at) => {}
        }
    }

    async fn withdrawn(mut self) {
        loop {
            let notice = self.notices.next().await;
            if !self.holds(notice).await {
                return;
            }
        }
    }

    async fn holds(&self, notice: Notice) -> bool {
        loop {
            match self.reads.access_since(self.person.clone(), notice.required).await {
                Ok(now) => return now.roles == self.person.roles,
                Err(Refusal::Unauthenticated) => return false,
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
