//! What an ID token may be signed with.

use jsonwebtoken::Algorithm;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A signature with a private key, which the provider alone has. There is no other kind to choose: whoever verifies an HMAC could make it,
/// and `none` is no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SignatureAlgorithm {
    /// RSA, SHA-256.
    RS256,
    /// RSA, SHA-384.
    RS384,
    /// RSA, SHA-512.
    RS512,
    /// RSA-PSS, SHA-256.
    PS256,
    /// RSA-PSS, SHA-384.
    PS384,
    /// RSA-PSS, SHA-512.
    PS512,
    /// P-256.
    ES256,
    /// P-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl SignatureAlgorithm {
    const ALL: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// What providers sign with as a rule.
    pub fn usual() -> BTreeSet<Self> {
        BTreeSet::from([Self::RS256, Self::ES256, Self::EdDSA])
    }

    pub(super) fn in_token(self) -> Algorithm {
        match self {
            Self::RS256 => Algorithm::RS256,
            Self::RS384 => Algorithm::RS384,
            Self::RS512 => Algorithm::RS512,
            Self::PS256 => Algorithm::PS256,
            Self::PS384 => Algorithm::PS384,
            Self::PS512 => Algorithm::PS512,
            Self::ES256 => Algorithm::ES256,
            Self::ES384 => Algorithm::ES384,
            Self::EdDSA => Algorithm::EdDSA,
        }
    }

    /// What a token's header names; none for what is no such signature.
    pub(super) fn named(algorithm: Algorithm) -> Option<Self> {
        Self::ALL.into_iter().find(|ours| ours.in_token() == algorithm)
    }

    /// What a key can have signed: its type must be the algorithm's, and what it says about its own use must not speak against it.
    pub(super) fn of_key(key: &Jwk) -> BTreeSet<Self> {
        let common = &key.common;
        let signs = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
        let verifies = common.key_operations.as_ref().is_none_or(|uses| uses.contains(&KeyOperations::Verify));
        let is_named =
            |ours: &Self| common.key_algorithm.is_none_or(|named| named == KeyAlgorithm::from(ours.in_token()));
        let of_type = Self::of_type(&key.algorithm);
        of_type.iter().copied().filter(|ours| signs && verifies && is_named(ours)).collect()
    }

    fn of_type(key: &AlgorithmParameters) -> &'static [Self] {
        match key {
            AlgorithmParameters::RSA(_) => {
                &[Self::RS256, Self::RS384, Self::RS512, Self::PS256, Self::PS384, Self::PS512]
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Self::ES256],
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[Self::ES384],
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Self::EdDSA],
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn of(key: Value) -> BTreeSet<SignatureAlgorithm> {
        SignatureAlgorithm::of_key(&serde_json::from_value(key).unwrap())
    }

    #[test]
    fn a_key_fits_the_algorithms_of_its_type_and_curve() {
        use SignatureAlgorithm::{ES256, ES384, EdDSA};
        let curve = |name: &str| json!({ "kty": "EC", "crv": name, "x": "AA", "y": "AA" });
        assert_eq!(of(curve("P-256")), [ES256].into());
        assert_eq!(of(curve("P-384")), [ES384].into());
        assert_eq!(of(json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" })), [EdDSA].into());
        assert_eq!(of(json!({ "kty": "RSA", "n": "AA", "e": "AQAB" })).len(), 6);
        assert_eq!(of(json!({ "kty": "oct", "k": "AA" })), [].into(), "a secret that is shared with everybody");
    }

    #[test]
    fn what_a_key_says_of_itself_counts() {
        use SignatureAlgorithm::RS256;
        let rsa = |name: &str, value: Value| json!({ "kty": "RSA", "n": "AA", "e": "AQAB", name: value });
        assert_eq!(of(rsa("alg", json!("RS256"))), [RS256].into());
        assert_eq!(of(rsa("alg", json!("RSA-OAEP"))), [].into());
        assert_eq!(of(rsa("use", json!("enc"))), [].into());
        assert_eq!(of(rsa("key_ops", json!(["encrypt"]))), [].into());
        assert_eq!(of(rsa("key_ops", json!(["verify"]))).len(), 6);
    }

    #[test]
    fn neither_hmac_nor_none_can_be_named() {
        for name in ["HS256", "HS384", "HS512", "none", "None", "rs256"] {
            assert!(serde_json::from_value::<SignatureAlgorithm>(json!(name)).is_err(), "{name}");
        }
        for shared in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            assert_eq!(SignatureAlgorithm::named(shared), None);
        }
    }
}
