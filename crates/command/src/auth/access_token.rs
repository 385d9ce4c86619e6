//! Access tokens: short-lived, signed with Ed25519. Whoever has the public key can verify them, without any store.
//!
//! Roles are not in them: they are read where they are true now.

use super::key_pair::{PUBLIC_PREFIX, pem};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::{AlgorithmParameters, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use millrace_events::viewer::Person;
use millrace_events::{SessionId, Timestamp, UserId};
use moka::sync::Cache;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// How long an access token is good for.
pub const ACCESS_TOKEN_LIFETIME: Duration = Duration::minutes(5);
/// How far the clocks of two machines may be apart.
const CLOCK_LEEWAY: Duration = Duration::seconds(30);
/// No token of ours is longer; more is not worth looking at.
pub(super) const TOKEN_BYTES_MAX: usize = 2_048;
/// How many tokens of good signature a verifier keeps in mind, and for how long: as long as they are good.
const TOKENS_KEPT_MAX: u64 = 10_000;
const TOKEN_KEPT: std::time::Duration = std::time::Duration::from_secs(5 * 60);
pub(super) const ISSUER: &str = "millrace";
const AUDIENCE: &str = "millrace-api";
/// The only algorithm: what a token's header asks for does not matter.
pub(super) const ALGORITHM: Algorithm = Algorithm::EdDSA;

/// What a token says. A claim of the wrong type makes the token invalid.
#[derive(Clone, Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    sid: SessionId,
    iss: String,
    aud: String,
    /// Seconds with microseconds behind the point, so that "issued before all sign-ins were ended" is exact.
    iat: f64,
    exp: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    jti: Uuid,
}

/// Why a token does not count.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// It was not made here, or was changed.
    #[error("not a valid access token")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    /// It has no form that a token of ours can have.
    #[error("not an access token")]
    Malformed,
    /// It was good once.
    #[error("the access token has expired")]
    Expired,
    /// It is not good yet.
    #[error("the access token is not valid yet")]
    NotYet,
}

/// Why a key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// No PEM text of an Ed25519 key.
    #[error("not an Ed25519 key in PEM form ({expected})")]
    Key {
        /// Which form is wanted.
        expected: &'static str,
        /// What is wrong with it.
        #[source]
        source: jsonwebtoken::errors::Error,
    },
    /// A token could not be signed.
    #[error("a token could not be signed")]
    Sign(#[source] jsonwebtoken::errors::Error),
}

/// Signs access tokens: for the command role.
pub struct AccessTokenSigner {
    key: EncodingKey,
    lifetime: Duration,
}

impl AccessTokenSigner {
    /// A signer with the private key in PEM form (PKCS #8).
    pub fn from_pem(private_pem: &str) -> Result<Self, KeyError> {
        let expected = "PKCS #8 private key";
        let refused = |source| KeyError::Key { expected, source };
        let key = EncodingKey::from_ed_pem(private_pem.as_bytes()).map_err(refused)?;
        let signer = Self { key, lifetime: ACCESS_TOKEN_LIFETIME };
        signer.public_pem().map(|_| signer)
    }

    /// The same, whose tokens are good for so long.
    pub fn with_lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// The public key that belongs to it, in PEM form.
    pub fn public_pem(&self) -> Result<String, KeyError> {
        let refused = |source| KeyError::Key { expected: "PKCS #8 private key of 48 bytes", source };
        let jwk = Jwk::from_encoding_key(&self.key, ALGORITHM).map_err(refused)?;
        let AlgorithmParameters::OctetKeyPair(pair) = jwk.algorithm else {
            return Err(refused(jsonwebtoken::errors::ErrorKind::InvalidEddsaKey.into()));
        };
        let bytes = URL_SAFE_NO_PAD.decode(pair.x).map_err(|error| refused(error.into()))?;
        Ok(pem("PUBLIC KEY", &PUBLIC_PREFIX, &bytes))
    }

    /// A token for this sign-in, and when it ends.
    pub fn sign(&self, user: UserId, session: SessionId, now: Timestamp) -> Result<(String, Timestamp), KeyError> {
        let expires_at = whole_seconds(now.moment() + self.lifetime);
        let claims = Claims {
            sub: user,
            sid: session,
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: numeric_date(now),
            exp: expires_at.moment().unix_timestamp(),
            nbf: None,
            jti: Uuid::now_v7(),
        };
        let token = jsonwebtoken::encode(&Header::new(ALGORITHM), &claims, &self.key).map_err(KeyError::Sign)?;
        Ok((token, expires_at))
    }
}

impl std::fmt::Debug for AccessTokenSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessTokenSigner(..)")
    }
}

/// Verifies access tokens: for the query role, with the public key alone.
#[derive(Clone)]
pub struct AccessTokenVerifier {
    key: DecodingKey,
    validation: Validation,
    /// Tokens whose signature was found good. A client sends the same one with each request, and the check costs more than a cached read.
    signed: Cache<Box<str>, Claims>,
}

impl AccessTokenVerifier {
    /// A verifier with the public key in PEM form.
    pub fn from_pem(public_pem: &str) -> Result<Self, KeyError> {
        let refused = |source| KeyError::Key { expected: "public key", source };
        let key = DecodingKey::from_ed_pem(public_pem.as_bytes()).map_err(refused)?;
        let signed = Cache::builder().max_capacity(TOKENS_KEPT_MAX).time_to_live(TOKEN_KEPT).build();
        Ok(Self { key, validation: validation(AUDIENCE), signed })
    }

    /// The person that the token speaks for, without roles. Whether the sign-in has ended is for the caller to look up.
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Person, AccessTokenError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(AccessTokenError::Malformed);
        }
        let claims = self.claims(token)?;
        let expires_at = moment(claims.exp)?;
        if expires_at + CLOCK_LEEWAY <= now.moment() {
            return Err(AccessTokenError::Expired);
        }
        let issued_at = issued_at(claims.iat)?;
        let begins_at = claims.nbf.map(moment).transpose()?.unwrap_or(issued_at.moment()).max(issued_at.moment());
        if begins_at > now.moment() + CLOCK_LEEWAY {
            return Err(AccessTokenError::NotYet);
        }
        Ok(Person {
            user_id: claims.sub,
            session_id: claims.sid,
            issued_at,
            expires_at: Timestamp::new(expires_at),
            roles: BTreeSet::new(),
        })
    }

    /// What the token says, if its signature is good: looked up, or checked once and kept. Nothing in this depends on the time.
    fn claims(&self, token: &str) -> Result<Claims, AccessTokenError> {
        if let Some(claims) = self.signed.get(token) {
            return Ok(claims);
        }
        let decoded = jsonwebtoken::decode::<Claims>(token, &self.key, &self.validation);
        let claims = decoded.map_err(AccessTokenError::Invalid)?.claims;
        self.signed.insert(token.into(), claims.clone());
        Ok(claims)
    }
}

impl std::fmt::Debug for AccessTokenVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessTokenVerifier(..)")
    }
}

/// Signature, issuer and audience. Times are compared here, with a clock that is an argument.
pub(super) fn validation(audience: &str) -> Validation {
    let mut validation = Validation::new(ALGORITHM);
    validation.algorithms = vec![ALGORITHM];
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[audience]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation
}

pub(super) fn moment(seconds: i64) -> Result<OffsetDateTime, AccessTokenError> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| AccessTokenError::Malformed)
}

pub(super) fn whole_seconds(moment: OffsetDateTime) -> Timestamp {
    Timestamp::new(moment.replace_nanosecond(0).unwrap_or(moment))
}

/// Microseconds since 1970 have 51 bits, a float 53: the way there and back changes nothing.
pub(super) fn numeric_date(at: Timestamp) -> f64 {
    let micros = at.moment().unix_timestamp_nanos() / 1_000;
    micros as f64 / 1e6
}

pub(super) fn issued_at(seconds: f64) -> Result<Timestamp, AccessTokenError> {
    let nanos = i128::from((seconds * 1e6).round() as i64) * 1_000;
    let moment = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| AccessTokenError::Malformed)?;
    Ok(Timestamp::new(moment))
}

#[cfg(test)]
mod tests {
    use super::super::{KeyPair, generate_key_pair};
    use super::*;
    use serde_json::{Value, json};

    fn now() -> Timestamp {
        Timestamp::new(OffsetDateTime::from_unix_timestamp_nanos(1_800_000_000_123_456_000).unwrap())
    }

    fn later(seconds: i64) -> Timestamp {
        Timestamp::new(now().moment() + Duration::seconds(seconds))
    }

    fn pair() -> (AccessTokenSigner, AccessTokenVerifier, KeyPair) {
        let pair = generate_key_pair().unwrap();
        let signer = AccessTokenSigner::from_pem(&pair.private_pem).unwrap();
        (signer, AccessTokenVerifier::from_pem(&pair.public_pem).unwrap(), pair)
    }

    fn claims() -> Value {
        json!({ "sub": UserId::generate(), "sid": SessionId::generate(), "iss": ISSUER, "aud": AUDIENCE,
                "iat": numeric_date(now()), "exp": later(300).moment().unix_timestamp(), "jti": Uuid::now_v7() })
    }

    fn forged(header: &Header, claims: &Value, key: &EncodingKey) -> String {
        jsonwebtoken::encode(header, claims, key).unwrap()
    }

    #[test]
    fn a_token_tells_who_and_when_to_the_microsecond() {
        let (signer, verifier, _) = pair();
        let (user, session) = (UserId::generate(), SessionId::generate());
        let (token, expires_at) = signer.sign(user, session, now()).unwrap();
        let person = verifier.verify(&token, now()).unwrap();
        assert_eq!((person.user_id, person.session_id), (user, session));
        assert_eq!((person.issued_at, person.expires_at), (now(), expires_at));
        assert!(person.roles.is_empty());
    }

    #[test]
    fn a_token_ends_after_five_minutes_and_the_leeway() {
        let (signer, verifier, _) = pair();
        let (token, _) = signer.sign(UserId::generate(), SessionId::generate(), now()).unwrap();
        assert!(verifier.verify(&token, later(329)).is_ok());
        assert!(matches!(verifier.verify(&token, later(330)), Err(AccessTokenError::Expired)));
    }

    #[test]
    fn how_long_a_token_is_good_can_be_set() {
        let (signer, verifier, _) = pair();
        let signer = signer.with_lifetime(Duration::seconds(60));
        let (token, _) = signer.sign(UserId::generate(), SessionId::generate(), now()).unwrap();
        assert!(verifier.verify(&token, later(89)).is_ok());
        assert!(matches!(verifier.verify(&token, later(90)), Err(AccessTokenError::Expired)));
    }

    #[test]
    fn another_key_or_a_changed_text_does_not_count() {
        let ((signer, ..), (_, stranger, _)) = (pair(), pair());
        let (token, _) = signer.sign(UserId::generate(), SessionId::generate(), now()).unwrap();
        assert!(matches!(stranger.verify(&token, now()), Err(AccessTokenError::Invalid(_))));
        for text in ["", "a.b.c", "é", &token[1..], &"a".repeat(TOKEN_BYTES_MAX + 1)] {
            assert!(pair().1.verify(text, now()).is_err(), "{text}");
        }
    }

    #[test]
    fn the_header_cannot_choose_the_algorithm() {
        let (_, verifier, pair) = pair();
        let none = format!("{}.{}.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode("{}"));
        let mixed =
            forged(&Header::new(Algorithm::HS256), &claims(), &EncodingKey::from_secret(pair.public_pem.as_bytes()));
        for token in [none, mixed] {
            assert!(matches!(verifier.verify(&token, now()), Err(AccessTokenError::Invalid(_))), "{token}");
        }
    }

    #[test]
    fn each_claim_must_be_there_and_right() {
        let (signer, verifier, _) = pair();
        let sign = |claims: &Value| forged(&Header::new(ALGORITHM), claims, &signer.key);
        assert!(verifier.verify(&sign(&claims()), now()).is_ok());
        for (claim, wrong) in [
            ("iss", json!("someone")),
            ("aud", json!("another-api")),
            ("exp", json!("never")),
            ("nbf", json!("9999")),
            ("nbf", json!(later(60).moment().unix_timestamp())),
            ("sub", json!("root")),
            ("iat", json!(1e300)),
            ("iat", json!(numeric_date(later(31)))),
        ] {
            let mut changed = claims();
            changed[claim] = wrong.clone();
            assert!(verifier.verify(&sign(&changed), now()).is_err(), "{claim} {wrong}");
        }
        for claim in ["sub", "sid", "iss", "aud", "iat", "exp"] {
            let mut changed = claims();
            changed.as_object_mut().unwrap().remove(claim);
            assert!(verifier.verify(&sign(&changed), now()).is_err(), "{claim} missing");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        assert!(AccessTokenSigner::from_pem("").is_err());
        let pair = generate_key_pair().unwrap();
        assert!(AccessTokenSigner::from_pem(&pair.public_pem).is_err());
        assert!(AccessTokenVerifier::from_pem(&pair.private_pem).is_err());
        assert!(!format!("{pair:?}").contains(&pair.private_pem));
    }
}
