//! `openid`: providers by whose tokens people sign in.

use millrace_command::auth::openid::SignatureAlgorithm;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// OpenID providers. None by default: nobody signs in so.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenIdSettings {
    /// The providers. In a file a table `[[openid.providers]]` for each, in a variable or flag a JSON list of objects. Each has `issuer` (its
    /// https address, as its tokens say it), `audience` (a list of our client ids there), and, if need be, `algorithms` (a list out of RS256,
    /// RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA; by default RS256, ES256, EdDSA) and `jwks_url` (where its keys are, if not where
    /// its discovery document says).
    pub providers: OpenIdProviders,
    /// Take the providers' own tokens as `Authorization: Bearer` too, of whom they are linked to (query role).
    pub bearer: bool,
    /// How far a provider's clock and ours may be apart, in seconds. So long after the end of all sign-ins a new token is not taken yet: by the
    /// provider's clock it could be an older one.
    pub clock_leeway_s: u32,
    /// How long a provider's keys are used before they are fetched again, in seconds.
    pub keys_fresh_s: u32,
    /// How long they are used while the provider does not answer, in seconds.
    pub keys_kept_s_max: u32,
    /// The least time between two fetches of a provider's keys by one process, in seconds. So long a key that is new may be unknown.
    pub keys_asked_s_min: u32,
}

impl Default for OpenIdSettings {
    fn default() -> Self {
        Self {
            providers: OpenIdProviders::default(),
            bearer: false,
            clock_leeway_s: 10,
            keys_fresh_s: 3_600,
            keys_kept_s_max: 24 * 3_600,
            keys_asked_s_min: 10,
        }
    }
}

/// A list of providers: tables, or a text that holds them as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OpenIdProviders(pub Vec<OpenIdProvider>);

/// One provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenIdProvider {
    /// Its address, as its tokens say it.
    pub issuer: String,
    /// Our client ids there.
    pub audience: Vec<String>,
    /// What its tokens may be signed with.
    #[serde(default = "usual_algorithms")]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// Where its keys are. Empty: where its discovery document says.
    #[serde(default)]
    pub jwks_url: String,
}

fn usual_algorithms() -> Vec<SignatureAlgorithm> {
    SignatureAlgorithm::usual().into_iter().collect()
}

impl<'de> Deserialize<'de> for OpenIdProviders {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListOrText)
    }
}

struct ListOrText;

impl<'de> Visitor<'de> for ListOrText {
    type Value = OpenIdProviders;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("a list of providers, or such a list as JSON")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<OpenIdProviders, E> {
        if text.trim().is_empty() {
            return Ok(OpenIdProviders::default());
        }
        serde_json::from_str(text).map(OpenIdProviders).map_err(E::custom)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<OpenIdProviders, A::Error> {
        let mut providers = Vec::new();
        while let Some(provider) = list.next_element()? {
            providers.push(provider);
        }
        Ok(OpenIdProviders(providers))
    }
}

/// A text, because the environment holds nothing else: none are an empty one.
impl Serialize for OpenIdProviders {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_empty() {
            return serializer.serialize_str("");
        }
        serializer.serialize_str(&serde_json::to_string(&self.0).map_err(serde::ser::Error::custom)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::settings::loading::tests::file;

    #[test]
    fn providers_are_tables_in_a_file_and_json_elsewhere() {
        let file = file(
            "[[openid.providers]]\nissuer = \"https://a.example\"\naudience = [\"web\", \"phone\"]\n\
             [[openid.providers]]\nissuer = \"https://b.example\"\naudience = [\"web\"]\nalgorithms = [\"PS256\"]\n",
        );
        let by_file = Settings::load(Some(file.path()), &[]).unwrap().openid.providers;
        assert_eq!(
            by_file.0.iter().map(|one| one.issuer.as_str()).collect::<Vec<_>>(),
            ["https://a.example", "https://b.example"]
        );
        assert_eq!((by_file.0[0].audience.len(), &*by_file.0[1].algorithms), (2, &[SignatureAlgorithm::PS256][..]));
        assert_eq!(
            by_file.0[0].algorithms,
            [SignatureAlgorithm::RS256, SignatureAlgorithm::ES256, SignatureAlgorithm::EdDSA]
        );
        let text = serde_json::to_value(&by_file).unwrap();
        let set = |text: &str| Settings::load(None, &[("openid.providers".into(), text.into())]);
        assert_eq!(set(text.as_str().unwrap()).unwrap().openid.providers, by_file, "what is printed can be set");
        for weak in ["HS256", "none"] {
            let text =
                format!(r#"[{{ "issuer": "https://a.example", "audience": ["web"], "algorithms": ["{weak}"] }}]"#);
            let refused = set(&text).unwrap_err();
            assert!(std::error::Error::source(&refused).unwrap().to_string().contains(weak), "{refused:?}");
        }
    }
}
