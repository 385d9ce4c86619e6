//! An OpenID provider that the test runs itself: discovery and keys over HTTP, and tokens of any kind.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use axum::{Router, serve};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use millrace_command::auth::generate_key_pair;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use time::OffsetDateTime;
use tokio::net::TcpListener;
use tokio_util::task::AbortOnDropHandle;

/// The client that tokens are for.
pub const CLIENT_ID: &str = "millrace-web";
const RSA: &[u8] = include_bytes!("keys/rsa.pem");
const P256: &[u8] = include_bytes!("keys/p256.pem");

/// A provider on this machine. It is gone when it is dropped.
pub struct OpenIdProvider {
    pub issuer: String,
    shared: Arc<Shared>,
    _serving: AbortOnDropHandle<()>,
}

struct Shared {
    issuer: String,
    key: Mutex<SigningKey>,
    /// Whose issuer the discovery document says it is of, if not the provider's.
    claims_to_be: Mutex<Option<String>>,
    fetches: AtomicUsize,
    is_away: AtomicBool,
}

/// What a provider signs with.
#[derive(Clone)]
pub struct SigningKey {
    pub id: String,
    pub algorithm: Algorithm,
    key: EncodingKey,
}

impl SigningKey {
    /// A new one.
    pub fn ed25519(id: &str) -> Self {
        let pair = generate_key_pair().expect("a pair of keys");
        let key = EncodingKey::from_ed_pem(pair.private_pem.as_bytes()).expect("a key");
        Self { id: id.to_owned(), algorithm: Algorithm::EdDSA, key }
    }

    /// Always the same: making one takes its time.
    pub fn rsa(id: &str) -> Self {
        let key = EncodingKey::from_rsa_pem(RSA).expect("a key");
        Self { id: id.to_owned(), algorithm: Algorithm::RS256, key }
    }

    /// Always the same.
    pub fn p256(id: &str) -> Self {
        let key = EncodingKey::from_ec_pem(P256).expect("a key");
        Self { id: id.to_owned(), algorithm: Algorithm::ES256, key }
    }

    /// A token with these claims.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_as("JWT", claims)
    }

    /// A token of this type.
    pub fn sign_as(&self, type_name: &str, claims: &Value) -> String {
        let (kid, typ) = (Some(self.id.clone()), Some(type_name.to_owned()));
        let header = Header { kid, typ, ..Header::new(self.algorithm) };
        jsonwebtoken::encode(&header, claims, &self.key).expect("a token")
    }

    /// What everybody may know of it.
    pub fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("a public key");
        jwk.common.key_id = Some(self.id.clone());
        jwk
    }
}

impl OpenIdProvider {
    /// A provider with a new key.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let issuer = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            issuer: issuer.clone(),
            key: Mutex::new(SigningKey::ed25519("first")),
            claims_to_be: Mutex::default(),
            fetches: AtomicUsize::new(0),
            is_away: AtomicBool::new(false),
        });
        let routes = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .with_state(Arc::clone(&shared));
        let serving = tokio::spawn(async move { serve(listener, routes).await.expect("it serves") });
        Self { issuer, shared, _serving: AbortOnDropHandle::new(serving) }
    }

    /// What the setting `openid.providers` is for these.
    pub fn setting(providers: &[&Self]) -> String {
        let one = |provider: &&Self| json!({ "issuer": provider.issuer, "audience": [CLIENT_ID] });
        json!(providers.iter().map(one).collect::<Vec<_>>()).to_string()
    }

    /// What it says of somebody with this address.
    pub fn claims(&self, subject: &str, email: &str) -> Value {
        let now = OffsetDateTime::now_utc().unix_timestamp();
        json!({
            "iss": self.issuer, "sub": subject, "aud": CLIENT_ID, "exp": now + 300, "iat": now,
            "email": email, "email_verified": true, "given_name": "Ada", "family_name": "Lovelace",
        })
    }

    /// The key that it signs with now.
    pub fn key(&self) -> SigningKey {
        self.shared.key.lock().expect("a key").clone()
    }

    /// A token of somebody with this address.
    pub fn token(&self, subject: &str, email: &str) -> String {
        self.key().sign(&self.claims(subject, email))
    }

    /// From now on it signs with this key, and knows no other.
    pub fn rotate(&self, key: SigningKey) {
        *self.shared.key.lock().expect("a key") = key;
    }

    /// How often it was asked for its keys.
    pub fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::SeqCst)
    }

    /// It answers no questions while it is away.
    pub fn is_away(&self, is_away: bool) {
        self.shared.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Its document says that it is another one's.
    pub fn claims_to_be(&self, issuer: &str) {
        *self.shared.claims_to_be.lock().expect("a text") = Some(issuer.to_owned());
    }
}

async fn discovery(State(shared): State<Arc<Shared>>) -> Response {
    if shared.is_away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let claimed = shared.claims_to_be.lock().expect("a text").clone();
    let issuer = claimed.unwrap_or_else(|| shared.issuer.clone());
    Json(json!({ "issuer": issuer, "jwks_uri": format!("{}/keys", shared.issuer) })).into_response()
}

async fn keys(State(shared): State<Arc<Shared>>) -> Response {
    shared.fetches.fetch_add(1, Ordering::SeqCst);
    if shared.is_away.load(Ordering::SeqCst) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let key = shared.key.lock().expect("a key").public();
    Json(json!({ "keys": [{ "kty": "oct", "k": "AA", "kid": "not for signatures" }, key] })).into_response()
}
