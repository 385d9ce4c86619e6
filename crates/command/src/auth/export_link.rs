//! Links to exports: each lets whoever has it fetch one person's data, for a few minutes and while the sign-in lasts.
//!
//! The token in a link is signed with the same key as access tokens, for another audience: neither stands in for the other. It is made when
//! a command is answered, and kept nowhere.

use super::access_token::{
    ALGORITHM, AccessTokenError, AccessTokenSigner, ISSUER, KeyError, TOKEN_BYTES_MAX, issued_at, moment, numeric_date,
    validation, whole_seconds,
};
use async_graphql::SimpleObject;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation};
use millrace_events::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use time::Duration;
use uuid::Uuid;

const AUDIENCE: &str = "millrace-export";

/// A link to all that is kept of a person.
#[derive(Clone, PartialEq, Eq, SimpleObject, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DataExport {
    /// Where to GET it, without any header: a JSON document. Good until `expiresAt`, and only while the session that asked for it lasts.
    /// Keep it secret.
    pub url: String,
    /// When the link ends.
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for DataExport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataExport").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// What links look like, and how long they are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportLinkRules {
    /// Where clients reach exports; the token is appended.
    pub url: String,
    /// How long a link is good.
    pub good_for: Duration,
}

impl Default for ExportLinkRules {
    fn default() -> Self {
        Self { url: "/exports/".into(), good_for: Duration::minutes(5) }
    }
}

/// Whose data a link leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportRight {
    /// The person.
    pub user_id: UserId,
    /// The sign-in that asked for the link, and that must last.
    pub session_id: SessionId,
    /// When the link was made.
    pub made_at: Timestamp,
    /// When the link ends.
    pub expires_at: Timestamp,
}

/// What a token says.
#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    sid: SessionId,
    iss: String,
    aud: String,
    iat: f64,
    exp: i64,
    jti: Uuid,
}

/// Makes links, and reads the tokens in them: for the command role.
pub struct ExportLinks {
    rules: ExportLinkRules,
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

impl ExportLinks {
    /// Links signed with the private key in PEM form (PKCS #8).
    pub fn from_pem(private_pem: &str, rules: ExportLinkRules) -> Result<Self, KeyError> {
        let refused = |source| KeyError::Key { expected: "PKCS #8 private key", source };
        let public_pem = AccessTokenSigner::from_pem(private_pem)?.public_pem()?;
        let signing = EncodingKey::from_ed_pem(private_pem.as_bytes()).map_err(refused)?;
        let verifying = DecodingKey::from_ed_pem(public_pem.as_bytes()).map_err(refused)?;
        Ok(Self { rules, signing, verifying, validation: validation(AUDIENCE) })
    }

    /// A link to this person's data, for this sign-in.
    pub fn link(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<DataExport, KeyError> {
        let expires_at = whole_seconds(now.moment() + self.rules.good_for);
        let claims = Claims {
            sub: user,
            sid: session,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: numeric_date(now),
            exp: expires_at.moment().unix_timestamp(),
            jti: Uuid::now_v7(),
        };
        let token = jsonwebtoken::encode(&Header::new(ALGORITHM), &claims, &self.signing).map_err(KeyError::Sign)?;
        Ok(DataExport { url: format!("{}{token}", self.rules.url), expires_at })
    }

    /// What a link's token gives the right to. Whether that has ended is for PostgreSQL to say, whose clock made the link.
    pub fn read(&self, token: &str) -> Result<ExportRight, AccessTokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AccessTokenError::Malformed);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation);
        let Claims { sub, sid, iat, exp, .. } = decoded.map_err(AccessTokenError::Invalid)?.claims;
        let (made_at, expires_at) = (issued_at(iat)?, Timestamp::new(moment(exp)?));
        Ok(ExportRight { user_id: sub, session_id: sid, made_at, expires_at })
    }
}

impl std::fmt::Debug for ExportLinks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExportLinks").field("rules", &self.rules).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{AccessTokenVerifier, generate_key_pair};
    use super::*;
    use time::OffsetDateTime;

    fn now() -> Timestamp {
        Timestamp::new(OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap())
    }

    fn token(export: &DataExport) -> &str {
        export.url.strip_prefix("/exports/").unwrap()
    }

    #[test]
    fn a_link_tells_whose_data_it_leads_to_and_when_it_ends() {
        let pair = generate_key_pair().unwrap();
        let links = ExportLinks::from_pem(&pair.private_pem, ExportLinkRules::default()).unwrap();
        let (user_id, session_id) = (UserId::generate(), SessionId::generate());
        let export = links.link(user_id, session_id, now()).unwrap();
        assert_eq!(export.expires_at.moment().unix_timestamp(), 1_800_000_300);
        let right = links.read(token(&export)).unwrap();
        assert_eq!(right, ExportRight { user_id, session_id, made_at: right.made_at, expires_at: export.expires_at });
        assert!(!format!("{export:?} {links:?}").contains(token(&export)));
    }

    #[test]
    fn it_is_no_access_token_and_an_access_token_is_no_link() {
        let pair = generate_key_pair().unwrap();
        let links = ExportLinks::from_pem(&pair.private_pem, ExportLinkRules::default()).unwrap();
        let verifier = AccessTokenVerifier::from_pem(&pair.public_pem).unwrap();
        let signer = AccessTokenSigner::from_pem(&pair.private_pem).unwrap();
        let (user, session) = (UserId::generate(), SessionId::generate());
        let export = links.link(user, session, now()).unwrap();
        let (access_token, _) = signer.sign(user, session, now()).unwrap();
        assert!(verifier.verify(&access_token, now()).is_ok() && links.read(token(&export)).is_ok());
        assert!(matches!(verifier.verify(token(&export), now()), Err(AccessTokenError::Invalid(_))));
        assert!(matches!(links.read(&access_token), Err(AccessTokenError::Invalid(_))));
    }

    #[test]
    fn another_key_or_a_changed_text_does_not_count() {
        let links = || ExportLinks::from_pem(&generate_key_pair().unwrap().private_pem, ExportLinkRules::default());
        let (ours, other) = (links().unwrap(), links().unwrap());
        let export = ours.link(UserId::generate(), SessionId::generate(), now()).unwrap();
        assert!(other.read(token(&export)).is_err());
        for text in ["", "a.b.c", "é", &token(&export)[1..], &"a".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(ours.read(text).is_err(), "{text}");
        }
    }
}
