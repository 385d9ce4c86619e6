//! A provider's public keys, out of its JWKS document.

use super::SignatureAlgorithm;
use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Keys of one provider that are kept. The largest have fewer than ten.
const KEYS_MAX: usize = 64;

/// The keys that a provider signs with.
#[derive(Debug)]
pub struct ProviderKeys(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    fits: BTreeSet<SignatureAlgorithm>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

/// Why a document holds no keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It is no JWKS document.
    #[error("not a JWKS document")]
    Malformed(#[from] serde_json::Error),
    /// There is no key in it that can verify a signature.
    #[error("no key in it verifies signatures")]
    NoKey,
}

impl ProviderKeys {
    /// Reads a JWKS document (RFC 7517). Keys that cannot be read or used are passed over, as others may be there for other things.
    pub fn parse(document: &[u8]) -> Result<Self, KeysError> {
        let document: Document = serde_json::from_slice(document)?;
        let keys: Vec<Key> = document.keys.into_iter().filter_map(Key::parse).take(KEYS_MAX).collect();
        if keys.is_empty() { Err(KeysError::NoKey) } else { Ok(Self(keys)) }
    }

    /// The key with this id that may have signed so. A token without an id is verified only if no two keys come into question.
    pub(super) fn find(&self, id: Option<&str>, algorithm: SignatureAlgorithm) -> Option<&DecodingKey> {
        let mut fitting = self.0.iter().filter(|key| key.fits.contains(&algorithm));
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)).map(|key| &key.key),
            None => fitting.next().filter(|_| fitting.next().is_none()).map(|key| &key.key),
        }
    }
}

impl Key {
    fn parse(value: serde_json::Value) -> Option<Self> {
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let fits = SignatureAlgorithm::of_key(&jwk);
        let key = DecodingKey::from_jwk(&jwk).ok()?;
        (!fits.is_empty()).then_some(Self { id: jwk.common.key_id, fits, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ED: SignatureAlgorithm = SignatureAlgorithm::EdDSA;

    fn ed(id: Option<&str>) -> Value {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": id })
    }

    fn keys(keys: &[Value]) -> Result<ProviderKeys, KeysError> {
        ProviderKeys::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    #[test]
    fn a_key_is_found_by_its_id_and_only_for_what_it_can_have_signed() {
        let keys = keys(&[ed(Some("a")), ed(Some("b"))]).unwrap();
        assert!(keys.find(Some("a"), ED).is_some() && keys.find(Some("b"), ED).is_some());
        assert!(keys.find(Some("c"), ED).is_none());
        assert!(keys.find(Some("a"), SignatureAlgorithm::RS256).is_none());
    }

    #[test]
    fn a_token_without_an_id_is_for_the_one_key_that_there_is() {
        assert!(keys(&[ed(Some("a"))]).unwrap().find(None, ED).is_some());
        assert!(keys(&[ed(Some("a")), ed(None)]).unwrap().find(None, ED).is_none());
    }

    #[test]
    fn keys_for_other_things_are_passed_over() {
        let strange =
            [json!({ "kty": "oct", "k": "AA", "kid": "a" }), json!({ "kty": "new" }), json!(7), ed(Some("a"))];
        assert_eq!(keys(&strange).unwrap().0.len(), 1);
        assert!(matches!(keys(&strange[..3]), Err(KeysError::NoKey)));
        assert!(matches!(ProviderKeys::parse(b"<html>"), Err(KeysError::Malformed(_))));
    }

    #[test]
    fn how_many_are_kept_is_bounded() {
        let many: Vec<Value> = (0..200).map(|n| ed(Some(&n.to_string()))).collect();
        assert_eq!(keys(&many).unwrap().0.len(), KEYS_MAX);
    }
}
