//! Access tokens of the data set's people, as signing in would give them.

use crate::error::BenchError;
use crate::plan::USERS;
use crate::stage::Stage;
use crate::world::ids;
use millrace_command::auth::AccessTokenSigner;
use millrace_events::Timestamp;
use time::OffsetDateTime;

/// One token for each person. They are good for some minutes: make them anew for each measurement.
#[derive(Clone)]
pub struct Tokens(Vec<String>);

impl Tokens {
    /// Signs them now.
    pub fn new(stage: &Stage) -> Result<Self, BenchError> {
        let signer = AccessTokenSigner::from_pem(&stage.signing_key()?)?;
        let now = Timestamp::new(OffsetDateTime::now_utc());
        let sign = |number| signer.sign(ids::user(number), ids::session(number), now).map(|(token, _)| token);
        Ok(Self((0..USERS).map(sign).collect::<Result<_, _>>()?))
    }

    /// A person's.
    pub fn of(&self, user: u32) -> &str {
        &self.0[user as usize]
    }
}
