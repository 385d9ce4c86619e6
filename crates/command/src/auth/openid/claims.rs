//! What an ID token says, and whether that counts for us (OpenID Connect Core, 3.1.3.7). Pure: the signature was verified before.

use super::{IdTokenRules, Identity, Provider, Refusal};
use millrace_events::Timestamp;
use millrace_events::values::{Email, PersonName};
use serde::Deserialize;
use time::OffsetDateTime;

/// The longest subject that the standard allows.
const SUBJECT_BYTES_MAX: usize = 255;

/// The claims that are read. One of the wrong type makes the token malformed.
#[derive(Clone, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    sub: String,
    aud: OneOrMore,
    azp: Option<String>,
    client_id: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    nonce: Option<String>,
    email: Option<String>,
    email_verified: Option<Flag>,
    given_name: Option<String>,
    family_name: Option<String>,
}

/// What a token's header says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenType {
    /// An ID token, or one that does not say that it is another.
    Id,
    /// An access token in the form of RFC 9068.
    Access,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

/// Some providers write a text.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Flag {
    Is(bool),
    Text(String),
}

impl OneOrMore {
    fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

impl Flag {
    fn is_true(&self) -> bool {
        match self {
            Self::Is(is) => *is,
            Self::Text(text) => text == "true",
        }
    }
}

/// Who the token is about, if it counts now and for us.
pub(super) fn judge(
    claims: &Claims,
    token_type: TokenType,
    provider: &Provider,
    nonce: Option<&str>,
    rules: &IdTokenRules,
    now: Timestamp,
) -> Result<Identity, Refusal> {
    if claims.iss != provider.issuer {
        return Err(Refusal::Issuer);
    }
    if !(1..=SUBJECT_BYTES_MAX).contains(&claims.sub.len()) || claims.sub.contains(char::is_control) {
        return Err(Refusal::Subject);
    }
    if !is_for_us(claims, token_type, provider) {
        return Err(Refusal::Audience);
    }
    let (now_s, leeway_s) = (now.moment().unix_timestamp_nanos() as f64 / 1e9, rules.clock_leeway.as_seconds_f64());
    if claims.exp + leeway_s <= now_s {
        return Err(Refusal::Expired);
    }
    if claims.iat.max(claims.nbf.unwrap_or(claims.iat)) > now_s + leeway_s {
        return Err(Refusal::NotYet);
    }
    if nonce.is_some() && nonce != claims.nonce.as_deref() {
        return Err(Refusal::Nonce);
    }
    identity(claims, rules)
}

impl Claims {
    /// When the token ends.
    pub fn expires_at(&self) -> Result<Timestamp, Refusal> {
        moment(self.exp)
    }
}

fn moment(seconds: f64) -> Result<Timestamp, Refusal> {
    let moment = OffsetDateTime::from_unix_timestamp_nanos((seconds * 1e9) as i128);
    moment.map(Timestamp::new).map_err(|_| Refusal::Malformed)
}

/// One of our clients must be meant. If others are too, or if the token names whom it was given to, that must be one of ours: else it was
/// made for somebody else, who now uses it here. Of an access token the audience is who takes it, so it must name whom it was given to.
fn is_for_us(claims: &Claims, token_type: TokenType, provider: &Provider) -> bool {
    let (all, is_ours) = (claims.aud.all(), |id: &String| provider.audience.contains(id));
    let given_to_us = match claims.azp.as_ref().or(claims.client_id.as_ref()) {
        Some(client) => is_ours(client),
        None => token_type == TokenType::Id && all.len() == 1,
    };
    all.iter().any(is_ours) && given_to_us
}

fn identity(claims: &Claims, rules: &IdTokenRules) -> Result<Identity, Refusal> {
    let is_verified = claims.email_verified.as_ref().is_some_and(Flag::is_true);
    let email = claims.email.as_deref().filter(|_| is_verified);
    let name = |text: &Option<String>| PersonName::parse(text.as_deref()?).ok().map(PersonName::into_string);
    Ok(Identity {
        issuer: claims.iss.clone(),
        subject: claims.sub.clone(),
        issued_at: moment(claims.iat - rules.clock_leeway.as_seconds_f64())?,
        verified_email: email.and_then(|email| Email::parse(email).ok()).map(Email::into_string),
        first_name: name(&claims.given_name),
        last_name: name(&claims.family_name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::openid::SignatureAlgorithm;
    use serde_json::{Value, json};
    use std::time::Duration;

    const NOW_S: i64 = 1_800_000_000;
    const RULES: IdTokenRules = IdTokenRules {
        clock_leeway: time::Duration::seconds(30),
        fresh: Duration::ZERO,
        kept_max: Duration::ZERO,
        refetch_min: Duration::ZERO,
    };

    fn provider() -> Provider {
        Provider {
            issuer: "https://id.example".into(),
            audience: ["web".to_owned(), "phone".to_owned()].into(),
            algorithms: SignatureAlgorithm::usual(),
            jwks_url: None,
        }
    }

    fn token(changes: &[(&str, Value)]) -> Value {
        let mut claims = json!({
            "iss": "https://id.example", "sub": "248289761001", "aud": "web", "exp": NOW_S + 300, "iat": NOW_S - 5,
            "email": "Ada@example.org", "email_verified": true, "given_name": " Ada ", "family_name": "Lovelace",
        });
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        claims
    }

    fn judged(changes: &[(&str, Value)], nonce: Option<&str>) -> Result<Identity, Refusal> {
        judged_as(TokenType::Id, changes, nonce)
    }

    fn judged_as(token_type: TokenType, changes: &[(&str, Value)], nonce: Option<&str>) -> Result<Identity, Refusal> {
        let claims: Claims = serde_json::from_value(token(changes)).map_err(|_| Refusal::Malformed)?;
        let now = Timestamp::new(OffsetDateTime::from_unix_timestamp(NOW_S).unwrap());
        judge(&claims, token_type, &provider(), nonce, &RULES, now)
    }

    fn refusal(changes: &[(&str, Value)]) -> Option<Refusal> {
        judged(changes, None).err()
    }

    #[test]
    fn a_token_tells_who_somebody_is() {
        let ada = judged(&[], None).unwrap();
        assert_eq!((&*ada.issuer, &*ada.subject), ("https://id.example", "248289761001"));
        assert_eq!(ada.issued_at.moment().unix_timestamp(), NOW_S - 5 - 30, "the provider's clock may be ahead");
        assert_eq!(ada.verified_email.as_deref(), Some("Ada@example.org"));
        assert_eq!((ada.first_name.as_deref(), ada.last_name.as_deref()), (Some("Ada"), Some("Lovelace")));
    }

    #[test]
    fn an_address_counts_only_if_the_provider_answers_for_it() {
        let email = |flag: Value| judged(&[("email_verified", flag)], None).unwrap().verified_email;
        assert!(email(json!(true)).is_some() && email(json!("true")).is_some());
        for flag in [json!(false), json!("false"), json!("yes"), json!(null)] {
            assert_eq!(email(flag.clone()), None, "{flag}");
        }
        assert_eq!(judged(&[("email", json!("nonsense"))], None).unwrap().verified_email, None);
        assert_eq!(judged(&[("given_name", json!("x".repeat(81)))], None).unwrap().first_name, None);
    }

    #[test]
    fn another_issuer_is_refused_however_alike() {
        for issuer in ["https://id.example/", "https://ID.example", "http://id.example", ""] {
            assert_eq!(refusal(&[("iss", json!(issuer))]), Some(Refusal::Issuer), "{issuer}");
        }
    }

    #[test]
    fn a_token_is_for_one_of_our_clients() {
        assert_eq!(refusal(&[("aud", json!(["phone"]))]), None);
        assert_eq!(refusal(&[("aud", json!("other"))]), Some(Refusal::Audience));
        assert_eq!(refusal(&[("aud", json!([]))]), Some(Refusal::Audience));
    }

    #[test]
    fn of_several_audiences_ours_is_whom_it_was_given_to() {
        let both = ("aud", json!(["web", "other"]));
        assert_eq!(refusal(std::slice::from_ref(&both)), Some(Refusal::Audience), "nobody knows to whom");
        assert_eq!(refusal(&[both.clone(), ("azp", json!("other"))]), Some(Refusal::Audience));
        assert_eq!(refusal(&[both, ("azp", json!("web"))]), None);
        assert_eq!(refusal(&[("azp", json!("phone"))]), None);
        assert_eq!(refusal(&[("azp", json!("other"))]), Some(Refusal::Audience));
    }

    #[test]
    fn whom_a_token_was_given_to_is_azp_or_else_client_id_and_an_access_token_says_it() {
        use TokenType::{Access, Id};
        let (good, bad) = (None, Some(Refusal::Audience));
        for (azp, client_id, of_id, of_access) in [
            (None, None, good, bad),
            (None, Some("web"), good, good),
            (None, Some("other"), bad, bad),
            (Some("phone"), None, good, good),
            (Some("other"), None, bad, bad),
            (Some("phone"), Some("other"), good, good),
            (Some("other"), Some("web"), bad, bad),
        ] {
            let changes = [("azp", json!(azp)), ("client_id", json!(client_id))];
            let refusal = |token_type| judged_as(token_type, &changes, None).err();
            assert_eq!((refusal(Id), refusal(Access)), (of_id, of_access), "{azp:?} {client_id:?}");
        }
        let both = [("aud", json!(["web", "other"])), ("client_id", json!("web"))];
        assert!(judged_as(Access, &both, None).is_ok());
        let others = [("aud", json!("other")), ("client_id", json!("web"))];
        assert_eq!(judged_as(Access, &others, None).err(), bad, "given to us, for somebody else");
    }

    #[test]
    fn a_token_counts_from_its_beginning_to_its_end_by_either_clock() {
        let at = |name, seconds: i64| refusal(&[(name, json!(NOW_S + seconds))]);
        assert_eq!([at("exp", -30), at("exp", -29)], [Some(Refusal::Expired), None]);
        assert_eq!([at("iat", 31), at("iat", 30)], [Some(Refusal::NotYet), None]);
        assert_eq!([at("nbf", 31), at("nbf", 30)], [Some(Refusal::NotYet), None]);
    }

    #[test]
    fn what_must_be_there_is_asked_for() {
        for name in ["sub", "aud", "exp", "iat", "iss"] {
            assert_eq!(refusal(&[(name, json!(null))]), Some(Refusal::Malformed), "{name}");
        }
        assert_eq!(refusal(&[("exp", json!("never"))]), Some(Refusal::Malformed));
        assert_eq!(refusal(&[("sub", json!(""))]), Some(Refusal::Subject));
        assert_eq!(refusal(&[("sub", json!("x".repeat(256)))]), Some(Refusal::Subject));
        assert_eq!(refusal(&[("sub", json!("1\u{0}"))]), Some(Refusal::Subject), "no store takes this");
    }

    #[test]
    fn a_nonce_that_is_asked_for_must_be_in_it() {
        assert_eq!(judged(&[], Some("n-1")).err(), Some(Refusal::Nonce));
        assert_eq!(judged(&[("nonce", json!("n-2"))], Some("n-1")).err(), Some(Refusal::Nonce));
        assert!(judged(&[("nonce", json!("n-1"))], Some("n-1")).is_ok());
    }
}
