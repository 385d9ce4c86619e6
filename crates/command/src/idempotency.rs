//! Idempotency: a command that carries a key takes effect once, and is answered with the first answer for 24 hours.
//!
//! The key's row is claimed first in the command's own transaction: a twin in flight waits there until the first one has ended. The
//! answer is kept before COMMIT. A rejected command rolls back and leaves no row. Keys and inputs are kept as HMACs only.

use crate::auth::openid::Identity;
use crate::fault::Fault;
use crate::rows::exactly_one;
use crate::{Command, CommandReceipt, KeyOwner};
use hmac::{Hmac, Mac};
use millrace_events::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, DbBackend, DbErr, FromQueryResult, Statement};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::Sha256;
use time::Duration;

/// How long an answer is kept.
pub const IDEMPOTENCY_KEPT: Duration = Duration::hours(24);
/// The fewest bytes of a server secret.
pub const SERVER_SECRET_BYTES_MIN: usize = 32;

/// What makes keys and inputs unreadable in the database, and mailed tokens unguessable. The same in every process, and over restarts.
#[derive(Clone)]
pub struct ServerSecret(Vec<u8>);

/// Why a server secret cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a server secret has at least {SERVER_SECRET_BYTES_MIN} bytes")]
pub struct ShortSecret;

impl ServerSecret {
    /// A secret of at least 32 bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Result<Self, ShortSecret> {
        let bytes = bytes.into();
        if bytes.len() < SERVER_SECRET_BYTES_MIN { Err(ShortSecret) } else { Ok(Self(bytes)) }
    }

    /// A MAC over parts, each with its length before it, so that no two lists of parts are the same bytes.
    pub(crate) fn mac(&self, parts: &[&[u8]]) -> Result<Vec<u8>, Fault> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).map_err(|_| Fault::Missing("the server secret"))?;
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Ok(mac.finalize().into_bytes().to_vec())
    }
}

impl std::fmt::Debug for ServerSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServerSecret(..)")
    }
}

/// A key with the input that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Claim {
    scope: Vec<u8>,
    input: Vec<u8>,
    /// Whose it is, so that erasing the person finds it.
    person: Option<UserId>,
}

impl Claim {
    /// The claim of a command; none if it carries no key or cannot.
    ///
    /// A token that shows who somebody is with a provider is no part of the input, but that is: a newer token shows the same.
    pub fn of<C: Command>(
        command: &C,
        owner: &KeyOwner,
        identity: Option<&Identity>,
        secret: &ServerSecret,
    ) -> Result<Option<Self>, Fault> {
        let Some(key) = command.idempotency_key() else { return Ok(None) };
        let (kind, of): (&[u8], Vec<u8>) = match owner {
            KeyOwner::Nobody => return Ok(None),
            KeyOwner::Person(user_id) => (b"person", user_id.0.as_bytes().to_vec()),
            KeyOwner::Email(canonical) => (b"email", canonical.as_bytes().to_vec()),
            KeyOwner::Token(hash) => (b"token", hash.clone()),
            KeyOwner::System => (b"system", Vec::new()),
        };
        let scope = secret.mac(&[kind, &of, C::NAME.as_bytes(), key.as_bytes()])?;
        let input = serde_json::to_vec(&comparable(command)?)?;
        let shown = identity.map(|identity| [identity.issuer.as_bytes(), identity.subject.as_bytes()]);
        let parts: Vec<&[u8]> = [input.as_slice()].into_iter().chain(shown.into_iter().flatten()).collect();
        let input = secret.mac(&parts)?;
        let person = if let KeyOwner::Person(user_id) = owner { Some(*user_id) } else { None };
        Ok(Some(Self { scope, input, person }))
    }
}

/// The input without its secret fields and the key itself.
///
/// What is left out does not stand in it, so a field that a later version adds changes nothing for whoever repeats an earlier command. Null
/// does where it says something else than nothing.
fn comparable<C: Command>(command: &C) -> Result<Value, serde_json::Error> {
    let mut input = serde_json::to_value(command)?;
    if let Value::Object(fields) = &mut input {
        fields.remove("idempotencyKey");
        C::SECRET_FIELDS.iter().for_each(|field| {
            fields.remove(*field);
        });
    }
    Ok(input)
}

/// What is kept of an accepted command.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Kept<O> {
    pub receipt: CommandReceipt,
    pub outcome: O,
}

/// Whether the key is free.
#[derive(Debug)]
pub(crate) enum Claimed<O> {
    /// This command has it now; others wait.
    Mine,
    /// The same command was accepted before.
    Before(Kept<O>),
    /// Another input was accepted with it.
    ByAnotherInput,
}

/// Claims the key, waiting for a twin that has claimed it. A row that is older than answers are kept counts as none.
pub(crate) async fn claim<O: DeserializeOwned>(
    db: &impl ConnectionTrait,
    claim: &Claim,
    at: Timestamp,
) -> Result<Claimed<O>, Fault> {
    const CLAIM: &str = "
        INSERT INTO idempotency_keys (scope, input, claimed_at, user_id) VALUES ($1, $2, $3, $5)
        ON CONFLICT (scope) DO UPDATE SET input = excluded.input, claimed_at = excluded.claimed_at, answer = NULL,
            user_id = excluded.user_id
            WHERE idempotency_keys.claimed_at <= $4";
    let oldest = at.moment() - IDEMPOTENCY_KEPT;
    let person = claim.person.map(|person| person.0);
    let (scope, input) = (claim.scope.clone(), claim.input.clone());
    let values = [scope.into(), input.into(), at.moment().into(), oldest.into(), person.into()];
    let claimed = db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, CLAIM, values)).await?;
    if claimed.rows_affected() == 1 {
        return Ok(Claimed::Mine);
    }
    let (input, answer) = kept(db, &claim.scope).await?;
    if input != claim.input {
        return Ok(Claimed::ByAnotherInput);
    }
    let answer = answer.ok_or(Fault::Missing("the answer kept for an idempotency key"))?;
    Ok(Claimed::Before(serde_json::from_value(answer)?))
}

/// The conflict has locked the row, so it is there.
async fn kept(db: &impl ConnectionTrait, scope: &[u8]) -> Result<(Vec<u8>, Option<Value>), Fault> {
    #[derive(FromQueryResult)]
    struct Row {
        input: Vec<u8>,
        answer: Option<Value>,
    }
    const QUERY: &str = "SELECT input, answer FROM idempotency_keys WHERE scope = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, QUERY, [scope.into()]);
    let row = Row::find_by_statement(statement).one(db).await?;
    row.map(|row| (row.input, row.answer)).ok_or(Fault::Missing("the row of a claimed idempotency key"))
}

/// Keeps the answer under the claimed key; `person` is who it is about, if nobody was signed in.
pub(crate) async fn keep<O: Serialize>(
    db: &impl ConnectionTrait,
    claim: &Claim,
    kept: &Kept<O>,
    person: Option<UserId>,
) -> Result<(), Fault> {
    const KEEP: &str = "UPDATE idempotency_keys SET answer = $2, user_id = coalesce(user_id, $3) WHERE scope = $1";
    let person = person.map(|person| person.0);
    let values = [claim.scope.clone().into(), serde_json::to_value(kept)?.into(), person.into()];
    let kept = db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, KEEP, values)).await?;
    exactly_one("keeping an idempotent answer", kept.rows_affected())
}

/// Deletes answers that are kept no longer, at most `rows_max`.
pub(crate) async fn sweep(db: &impl ConnectionTrait, rows_max: u64) -> Result<u64, DbErr> {
    const SWEEP: &str = "
        DELETE FROM idempotency_keys WHERE scope IN (
            SELECT scope FROM idempotency_keys WHERE claimed_at <= clock_timestamp() - make_interval(secs => $1)
            ORDER BY claimed_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    let values = [IDEMPOTENCY_KEPT.as_seconds_f64().into(), i64::try_from(rows_max).unwrap_or(i64::MAX).into()];
    Ok(db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, SWEEP, values)).await?.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChangePassword, UpdateProfile};
    use serde_json::json;

    fn compared<C: Command>(input: Value) -> Value {
        comparable(&serde_json::from_value::<C>(input).unwrap()).unwrap()
    }

    #[test]
    fn what_is_left_out_does_not_stand_in_an_input_but_null_does_where_it_takes_away() {
        let nothing = json!({});
        assert_eq!(compared::<UpdateProfile>(nothing.clone()), nothing);
        let not_given = json!({ "firstName": null, "expectedVersion": null, "idempotencyKey": "k" });
        assert_eq!(compared::<UpdateProfile>(not_given), nothing);
        let taken_away = json!({ "bio": null });
        assert_eq!(compared::<UpdateProfile>(taken_away.clone()), taken_away);
    }

    #[test]
    fn no_secret_stands_in_an_input() {
        let input = json!({ "currentPassword": "one", "newPassword": "another", "expectedVersion": 3 });
        assert_eq!(compared::<ChangePassword>(input), json!({ "expectedVersion": 3 }));
    }
}
