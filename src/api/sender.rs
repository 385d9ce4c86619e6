//! Who sends something, and who is let in to stay.

use super::Api;
use crate::admission::Admission;
use crate::checked::Checked;
use crate::ended_sign_in;
use crate::http::bearer::BearerRefusal;
use crate::http::headers;
use crate::http::problem::Problem;
use crate::places::Place;
use axum::http::HeaderMap;
use millrace_command::auth::openid::{Bearer, IdTokenError, IdTokens};
use millrace_events::identity::identity_digest;
use millrace_events::viewer::Person;
use millrace_events::{Timestamp, UserId, Viewer};
use millrace_read::graphql::{Refusal, ShownToken};
use std::sync::Arc;
use time::OffsetDateTime;

/// Who is let in to stay.
pub struct Admitted {
    /// Who it is.
    pub viewer: Viewer,
    /// For how long, of a viewer who is signed in.
    pub admission: Option<Admission>,
    /// Their place; given back when it is dropped.
    pub place: Option<Place<UserId>>,
}

impl Admitted {
    /// For one request, and no longer.
    pub fn once(viewer: Viewer) -> Self {
        Self { viewer, admission: None, place: None }
    }
}

/// Who shows a good token, whatever became of the sign-in.
struct Verified {
    viewer: Viewer,
    /// When they must go: nothing but the token stands for them.
    ends_at: Option<Timestamp>,
}

impl From<Viewer> for Verified {
    fn from(viewer: Viewer) -> Self {
        Self { viewer, ends_at: None }
    }
}

impl Api {
    /// Who sends a request over HTTP.
    pub async fn sender(&self, headers: &HeaderMap) -> Result<Viewer, Problem> {
        self.viewer(headers::authorization(headers)?).await
    }

    /// Who sends what is also taken from a sign-in that has ended; for all else their token is refused as before.
    pub async fn ended_sender(
        &self,
        headers: &HeaderMap,
        request: &Checked,
        refused: BearerRefusal,
    ) -> Result<Viewer, Problem> {
        if !ended_sign_in::may_send(&request.request().query) {
            return Err(Problem::Unauthenticated(refused));
        }
        self.verified(headers::authorization(headers)?).await.map(|verified| verified.viewer)
    }

    /// Lets in whoever stays: on a socket, or for a stream of events.
    pub async fn admit(&self, authorization: Option<&str>) -> Result<Admitted, Problem> {
        let Verified { viewer, ends_at } = self.verified(authorization).await?;
        let place = self.places.of_viewer(viewer.user_id())?;
        // Listened to before the look, so that no change is missed in between.
        let notices = viewer.user_id().map(|user_id| self.reads.access_notices(user_id));
        let viewer = self.admitted(viewer).await?;
        let admission = notices.zip(viewer.person().cloned());
        let admission =
            admission.map(|(notices, person)| Admission::new(Arc::clone(&self.reads), notices, person).until(ends_at));
        Ok(Admitted { viewer, admission, place })
    }

    /// Who asks, from a verified token, with the roles that the read side knows. A session that has ended is nobody's.
    pub(super) async fn viewer(&self, authorization: Option<&str>) -> Result<Viewer, Problem> {
        self.admitted(self.verified(authorization).await?.viewer).await
    }

    pub(super) async fn admitted(&self, verified: Viewer) -> Result<Viewer, Problem> {
        let Viewer::Person(person) = verified else { return Ok(Viewer::Anonymous) };
        match self.reads.access(person).await {
            Ok(person) => Ok(Viewer::Person(person)),
            Err(Refusal::Unauthenticated) => Err(Problem::Unauthenticated(BearerRefusal::Ended)),
            Err(_) => Err(Problem::Unavailable),
        }
    }

    /// Who asks, from a verified token, whatever became of the session. A token of an OpenID provider says whose it is.
    async fn verified(&self, authorization: Option<&str>) -> Result<Verified, Problem> {
        let Some(authorization) = authorization else { return Ok(Viewer::Anonymous.into()) };
        let token = headers::bearer(authorization)?;
        let now = Timestamp::new(OffsetDateTime::now_utc());
        if let Some(tokens) = self.outside.as_ref().filter(|tokens| tokens.knows(token)) {
            let person = self.linked(tokens, token, now).await?;
            return Ok(Verified { ends_at: Some(person.expires_at), viewer: Viewer::Person(person) });
        }
        let person = self.verifier.verify(token, now).map_err(|error| Problem::Unauthenticated(error.into()))?;
        Ok(Viewer::Person(person).into())
    }

    async fn linked(&self, tokens: &IdTokens, token: &str, now: Timestamp) -> Result<Person, Problem> {
        let Bearer { identity, issued_at, expires_at } =
            tokens.verify_bearer(token, now).await.map_err(|error| match error {
                IdTokenError::Refused(refusal) => Problem::Unauthenticated(refusal.into()),
                IdTokenError::KeysUnknown { .. } => Problem::Unavailable,
            })?;
        let digest = identity_digest(&identity.issuer, &identity.subject);
        self.reads.linked(ShownToken { digest, issued_at, expires_at }).await.map_err(|refusal| match refusal {
            Refusal::Unauthenticated => Problem::Unauthenticated(BearerRefusal::Unlinked),
            _ => Problem::Unavailable,
        })
    }
}
