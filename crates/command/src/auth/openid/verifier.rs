//! The path of an ID token: which provider, which key, the signature, the claims.

use super::claims::{Claims, TokenType, judge};
use super::kept::{Kept, Look, Named};
use super::{
    Bearer, ID_TOKEN_BYTES_MAX, IdTokenError, IdTokenRules, Identity, KeySource, KeySourceError, PresentedIdToken,
    Provider, ProviderKeys, Refusal, SignatureAlgorithm,
};
use futures_util::future::BoxFuture;
use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{DecodingKey, Header, Validation};
use millrace_events::Timestamp;
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OwnedMutexGuard;

const FETCHES: &str = "millrace_openid_key_fetches_total";
/// A provider signs tokens of other types with the same keys. Some of them say so in their header (access tokens by RFC 9068, the end of a
/// sign-in), and are no ID tokens. Others call themselves JWT too, or nothing: from an ID token only their audience tells them apart.
const ID_TOKEN: &str = "JWT";
/// An access token in the form of RFC 9068.
const ACCESS_TOKEN: &str = "at+jwt";

/// Verifies ID tokens. Cheap to clone.
#[derive(Clone)]
pub struct IdTokens {
    known: Arc<[Arc<Known>]>,
    rules: IdTokenRules,
    source: Arc<dyn KeySource>,
}

/// A provider with what is known of its keys.
struct Known {
    provider: Provider,
    kept: Mutex<Kept>,
    /// Held by whoever asks for keys; others wait for the same answer.
    asking: Arc<tokio::sync::Mutex<()>>,
}

/// Where nobody is taken, nothing is fetched.
struct NoKeys;

impl KeySource for NoKeys {
    fn fetch<'a>(&'a self, _: &'a Provider) -> BoxFuture<'a, Result<ProviderKeys, KeySourceError>> {
        Box::pin(async { Err("no provider is taken".into()) })
    }
}

/// All that is read of a token before its signature is verified: whose it says that it is.
#[derive(Deserialize)]
struct Issuer {
    iss: String,
}

impl IdTokens {
    /// Takes the tokens of these providers.
    pub fn new(providers: Vec<Provider>, rules: IdTokenRules, source: Arc<dyn KeySource>) -> Self {
        metrics::describe_counter!(FETCHES, "Questions for an OpenID provider's keys, by how they ended.");
        let known = |provider| Arc::new(Known { provider, kept: Mutex::default(), asking: Arc::default() });
        Self { known: providers.into_iter().map(known).collect(), rules, source }
    }

    /// Takes none.
    pub fn none() -> Self {
        let rules = IdTokenRules {
            clock_leeway: time::Duration::ZERO,
            fresh: Duration::ZERO,
            kept_max: Duration::ZERO,
            refetch_min: Duration::ZERO,
        };
        Self::new(vec![], rules, Arc::new(NoKeys))
    }

    /// True if the token says that it is of a provider that is taken. Nothing of that is verified.
    pub fn knows(&self, token: &str) -> bool {
        let issuer = insecure_decode_claims::<Issuer>(token);
        issuer.is_ok_and(|issuer| self.known.iter().any(|known| known.provider.issuer == issuer.iss))
    }

    /// Who the token is about. `now` is compared with what it says about its time.
    pub async fn verify(&self, presented: PresentedIdToken<'_>, now: Timestamp) -> Result<Identity, IdTokenError> {
        let (_, identity) = self.judged(presented, &[TokenType::Id], now).await?;
        Ok(identity)
    }

    /// The same of a token that comes with a request, in place of ours: an access token of the provider may do so, too.
    pub async fn verify_bearer(&self, token: &str, now: Timestamp) -> Result<Bearer, IdTokenError> {
        let presented = PresentedIdToken { token, nonce: None };
        let (claims, identity) = self.judged(presented, &[TokenType::Id, TokenType::Access], now).await?;
        let (issued_at, expires_at) = (identity.issued_at, claims.expires_at()?);
        Ok(Bearer { identity, issued_at, expires_at })
    }

    async fn judged(
        &self,
        presented: PresentedIdToken<'_>,
        types: &[TokenType],
        now: Timestamp,
    ) -> Result<(Claims, Identity), IdTokenError> {
        let token = presented.token;
        if token.len() > ID_TOKEN_BYTES_MAX {
            return Err(Refusal::TooLong.into());
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| Refusal::Malformed)?;
        let Issuer { iss } = insecure_decode_claims(token).map_err(|_| Refusal::Malformed)?;
        let known = self.known.iter().find(|known| known.provider.issuer == iss).ok_or(Refusal::Issuer)?;
        let token_type = token_type(&header, types)?;
        let algorithm = algorithm(&header, &known.provider)?;
        let key = self.key(known, Named { id: header.kid.as_deref(), algorithm }).await?;
        let claims = signed(token, &key, algorithm)?;
        let identity = judge(&claims, token_type, &known.provider, presented.nonce, &self.rules, now)?;
        Ok((claims, identity))
    }

    async fn key(&self, known: &Arc<Known>, named: Named<'_>) -> Result<DecodingKey, IdTokenError> {
        let found = known.kept().look(named, &self.rules, Instant::now());
        match found {
            Look::Found(key) => Ok(key),
            _ => self.key_by_now(known, named).await,
        }
    }

    /// Whoever finds nothing while somebody asks waits for the same answer.
    async fn key_by_now(&self, known: &Arc<Known>, named: Named<'_>) -> Result<DecodingKey, IdTokenError> {
        let one_at_a_time = Arc::clone(&known.asking).lock_owned().await;
        let mut found = known.kept().look(named, &self.rules, Instant::now());
        if matches!(found, Look::Ask) {
            self.ask(known, one_at_a_time).await;
            found = known.kept().settle(named, &self.rules, Instant::now());
        }
        match found {
            Look::Found(key) => Ok(key),
            Look::NoSuchKey => Err(Refusal::Key.into()),
            Look::NothingKnown | Look::Ask => Err(IdTokenError::KeysUnknown { issuer: known.provider.issuer.clone() }),
        }
    }

    /// In a task of its own, which holds the lock: if the one who asks hangs up, the others still wait for the answer.
    async fn ask(&self, known: &Arc<Known>, one_at_a_time: OwnedMutexGuard<()>) {
        known.kept().asked(Instant::now());
        let (known, source) = (Arc::clone(known), Arc::clone(&self.source));
        let task = tokio::spawn(async move {
            known.fetch(&*source).await;
            drop(one_at_a_time);
        });
        // The error itself would repeat what a panic says.
        if let Err(error) = task.await {
            tracing::error!(panicked = error.is_panic(), "the task that asks an OpenID provider ended");
        }
    }
}

impl std::fmt::Debug for IdTokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdTokens(..)")
    }
}

impl Known {
    /// Keys that are known stay if the provider does not answer.
    async fn fetch(&self, source: &dyn KeySource) {
        let result = match source.fetch(&self.provider).await {
            Ok(keys) => {
                self.kept().answered(keys, Instant::now());
                "fetched"
            }
            Err(error) => {
                let issuer = &self.provider.issuer;
                tracing::warn!(issuer, error = &*error as &dyn std::error::Error, "no keys of an OpenID provider");
                "failed"
            }
        };
        metrics::counter!(FETCHES, "result" => result).increment(1);
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the token says that it is, if that is taken. An ID token need not say it.
fn token_type(header: &Header, taken: &[TokenType]) -> Result<TokenType, Refusal> {
    let named = match header.typ.as_deref() {
        None => TokenType::Id,
        Some(name) if name.eq_ignore_ascii_case(ID_TOKEN) => TokenType::Id,
        Some(name) if name.eq_ignore_ascii_case(ACCESS_TOKEN) => TokenType::Access,
        Some(_) => return Err(Refusal::Malformed),
    };
    if taken.contains(&named) { Ok(named) } else { Err(Refusal::Malformed) }
}

/// The algorithm that the token names, if it is taken from this provider. An extension that must be understood is not.
fn algorithm(header: &Header, provider: &Provider) -> Result<SignatureAlgorithm, Refusal> {
    if header.crit.is_some() {
        return Err(Refusal::Malformed);
    }
    let named = SignatureAlgorithm::named(header.alg).ok_or(Refusal::Algorithm)?;
    if provider.algorithms.contains(&named) { Ok(named) } else { Err(Refusal::Algorithm) }
}

/// What the token says, if this key signed it. Times, issuer and audience are judged here, with a clock that is an argument.
fn signed(token: &str, key: &DecodingKey, algorithm: SignatureAlgorithm) -> Result<Claims, Refusal> {
    let mut validation = Validation::new(algorithm.in_token());
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let decoded = jsonwebtoken::decode::<Claims>(token, key, &validation);
    decoded.map(|decoded| decoded.claims).map_err(|error| match error.kind() {
        jsonwebtoken::errors::ErrorKind::Json(_) => Refusal::Malformed,
        _ => Refusal::Signature,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::generate_key_pair;
    use futures_util::FutureExt;
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{Algorithm, EncodingKey};
    use serde_json::{Value, json};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use time::OffsetDateTime;

    const ISSUER: &str = "https://id.example";

    /// A provider that signs with one key at a time.
    struct Signing {
        key: Mutex<(String, EncodingKey)>,
        asked: AtomicUsize,
        is_away: AtomicBool,
    }

    impl Signing {
        fn rotate(&self, id: &str) {
            *self.key.lock().unwrap() = (id.to_owned(), new_key());
        }

        fn token(&self, changes: impl FnOnce(&mut Header)) -> String {
            let (id, key) = &*self.key.lock().unwrap();
            let mut header = Header { kid: Some(id.clone()), ..Header::new(Algorithm::EdDSA) };
            changes(&mut header);
            jsonwebtoken::encode(&header, &claims(), key).unwrap()
        }
    }

    impl KeySource for Signing {
        fn fetch<'a>(&'a self, _: &'a Provider) -> BoxFuture<'a, Result<ProviderKeys, KeySourceError>> {
            Box::pin(async {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                if self.is_away.load(Ordering::Relaxed) {
                    return Err("away".into());
                }
                let (id, key) = &*self.key.lock().unwrap();
                let mut jwk = Jwk::from_encoding_key(key, Algorithm::EdDSA)?;
                jwk.common.key_id = Some(id.clone());
                Ok(ProviderKeys::parse(json!({ "keys": [jwk] }).to_string().as_bytes())?)
            })
        }
    }

    fn new_key() -> EncodingKey {
        EncodingKey::from_ed_pem(generate_key_pair().unwrap().private_pem.as_bytes()).unwrap()
    }

    fn claims() -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({ "iss": ISSUER, "sub": "1", "aud": "web", "exp": now + 300, "iat": now })
    }

    fn world(refetch_min: Duration) -> (Arc<Signing>, IdTokens) {
        let key = Mutex::new(("first".to_owned(), new_key()));
        let signing = Arc::new(Signing { key, asked: AtomicUsize::new(0), is_away: AtomicBool::new(false) });
        let provider = Provider {
            issuer: ISSUER.into(),
            audience: ["web".to_owned()].into(),
            algorithms: SignatureAlgorithm::usual(),
            jwks_url: None,
        };
        let rules = IdTokenRules {
            clock_leeway: time::Duration::seconds(30),
            fresh: Duration::from_secs(3_600),
            kept_max: Duration::from_secs(7_200),
            refetch_min,
        };
        (Arc::clone(&signing), IdTokens::new(vec![provider], rules, signing))
    }

    async fn verify(tokens: &IdTokens, token: &str) -> Result<Identity, IdTokenError> {
        tokens.verify(PresentedIdToken { token, nonce: None }, Timestamp::new(OffsetDateTime::now_utc())).await
    }

    #[tokio::test]
    async fn many_at_once_ask_for_the_keys_once() {
        let (signing, tokens) = world(Duration::from_secs(3_600));
        let token = signing.token(|_| {});
        let all = futures_util::future::join_all((0..20).map(|_| verify(&tokens, &token))).await;
        assert!(all.iter().all(Result::is_ok), "{all:?}");
        assert_eq!(signing.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn who_hangs_up_while_a_provider_is_asked_takes_nothing_from_the_others() {
        let (signing, tokens) = world(Duration::from_secs(3_600));
        let token = signing.token(|_| {});
        assert!(verify(&tokens, &token).now_or_never().is_none(), "it asks, and hangs up");
        let others = futures_util::future::join_all((0..3).map(|_| verify(&tokens, &token))).await;
        assert!(others.iter().all(Result::is_ok), "{others:?}");
        assert_eq!(signing.asked.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn an_access_token_is_good_for_a_request_and_for_no_sign_in() {
        let (signing, tokens) = world(Duration::ZERO);
        let now = Timestamp::new(OffsetDateTime::now_utc());
        let token = signing.token(|header| header.typ = Some("AT+JWT".into()));
        assert_eq!(verify(&tokens, &token).await, Err(Refusal::Malformed.into()));
        assert_eq!(tokens.verify_bearer(&token, now).await, Err(Refusal::Audience.into()), "it names no client");
        let other = signing.token(|header| header.typ = Some("logout+jwt".into()));
        assert_eq!(tokens.verify_bearer(&other, now).await, Err(Refusal::Malformed.into()));
        assert!(tokens.verify_bearer(&signing.token(|header| header.typ = None), now).await.is_ok());
    }

    #[tokio::test]
    async fn a_new_key_is_asked_for_and_the_old_one_counts_no_longer() {
        let (signing, tokens) = world(Duration::ZERO);
        let old = signing.token(|_| {});
        assert!(verify(&tokens, &old).await.is_ok());
        signing.rotate("second");
        assert!(verify(&tokens, &old).await.is_ok(), "nobody has asked yet");
        assert!(verify(&tokens, &signing.token(|_| {})).await.is_ok());
        assert_eq!(verify(&tokens, &old).await, Err(Refusal::Key.into()));
    }

    #[tokio::test]
    async fn made_up_keys_are_no_flood_upon_the_provider() {
        let (signing, tokens) = world(Duration::from_secs(3_600));
        for n in 0..50 {
            let token = signing.token(|header| header.kid = Some(format!("made up {n}")));
            assert_eq!(verify(&tokens, &token).await, Err(Refusal::Key.into()));
        }
        assert_eq!(signing.asked.load(Ordering::Relaxed), 1);
        assert!(verify(&tokens, &signing.token(|_| {})).await.is_ok());
    }

    #[tokio::test]
    async fn known_keys_are_used_while_the_provider_is_away_and_unknown_ones_are_no_refusal() {
        let (signing, tokens) = world(Duration::ZERO);
        signing.is_away.store(true, Ordering::Relaxed);
        let token = signing.token(|_| {});
        assert!(matches!(verify(&tokens, &token).await, Err(IdTokenError::KeysUnknown { .. })));
        signing.is_away.store(false, Ordering::Relaxed);
        assert!(verify(&tokens, &token).await.is_ok());
        signing.is_away.store(true, Ordering::Relaxed);
        assert!(verify(&tokens, &token).await.is_ok());
    }

    #[tokio::test]
    async fn what_the_header_asks_for_is_not_believed() {
        let (signing, tokens) = world(Duration::ZERO);
        let refused = async |changes: fn(&mut Header)| verify(&tokens, &signing.token(changes)).await.unwrap_err();
        assert_eq!(refused(|header| header.typ = Some("at+jwt".into())).await, Refusal::Malformed.into());
        assert_eq!(refused(|header| header.crit = Some(vec!["exp".into()])).await, Refusal::Malformed.into());
        let (_, rest) = signing.token(|_| {}).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        // {"alg":"none"}, {"alg":"HS256","kid":"first"}
        for (header, refusal) in [
            ("eyJhbGciOiJub25lIn0", Refusal::Malformed),
            ("eyJhbGciOiJIUzI1NiIsImtpZCI6ImZpcnN0In0", Refusal::Algorithm),
        ] {
            assert_eq!(verify(&tokens, &format!("{header}.{rest}")).await, Err(refusal.into()));
        }
        assert_eq!(verify(&tokens, "a.b.c").await, Err(Refusal::Malformed.into()));
        assert_eq!(verify(&tokens, &"x".repeat(ID_TOKEN_BYTES_MAX + 1)).await, Err(Refusal::TooLong.into()));
    }
}
