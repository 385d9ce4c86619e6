//! Who somebody is with an OpenID provider.

use uuid::Uuid;

/// By what an identity is looked up: derived from issuer and subject, so that whoever has a verified token can ask for it. It is as personal
/// as they are: whoever guesses a subject can tell that it is the one.
pub fn identity_digest(issuer: &str, subject: &str) -> Uuid {
    // With its length before it, no two pairs are the same bytes.
    let length = (issuer.len() as u64).to_be_bytes();
    Uuid::new_v5(&Uuid::NAMESPACE_URL, &[&length, issuer.as_bytes(), subject.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_identities_are_looked_up_alike() {
        let digest = identity_digest("https://id.example", "1");
        assert_eq!(digest, identity_digest("https://id.example", "1"));
        for (issuer, subject) in [("https://id.example", "2"), ("https://id.example1", ""), ("https://id.exampl", "e1")]
        {
            assert_ne!(digest, identity_digest(issuer, subject));
        }
    }
}
