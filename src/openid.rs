//! OpenID providers: who is taken, out of the settings, and their keys, fetched over HTTP.

use crate::settings::{OpenIdProvider, OpenIdSettings};
use futures_util::future::BoxFuture;
use millrace_command::auth::openid::{
    IdTokenRules, IdTokens, KeySource, KeySourceError, KeysError, Provider, ProviderKeys,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Discovery and keys together must be there by then: whoever signs in waits for them.
const FETCH_WAIT_MAX: Duration = Duration::from_secs(4);
/// The longest document of a provider that is read.
const DOCUMENT_BYTES_MAX: usize = 256 * 1_024;
/// What stands behind an issuer where its document is (OpenID Connect Discovery 1.0).
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";

/// Why the settings of a provider cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// An address that keys must not come from.
    #[error("`{0}` is not an https address (http is for this machine alone)")]
    Address(String),
    /// Its tokens could be for anybody.
    #[error("{0} has no audience: our client ids there")]
    NoAudience(String),
    /// Nothing that it signs would be taken.
    #[error("{0} has no algorithms")]
    NoAlgorithm(String),
    /// Which one is meant cannot be told.
    #[error("{0} stands there twice")]
    Twice(String),
    /// No client for HTTP.
    #[error("no client for HTTP")]
    Client(#[from] reqwest::Error),
}

/// Why a provider's keys were not fetched.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("no answer in time")]
    Slow,
    #[error("no document")]
    Http(#[from] reqwest::Error),
    #[error("a document of more than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    #[error("the discovery document cannot be read")]
    Discovery(#[from] serde_json::Error),
    #[error("the discovery document is another issuer's")]
    OtherIssuer,
    #[error("keys at an address that is not safe")]
    Address(#[from] ProviderError),
    #[error("keys that cannot be used")]
    Keys(#[from] KeysError),
}

/// Verifies the ID tokens of all providers that are set.
pub fn id_tokens(settings: &OpenIdSettings) -> Result<IdTokens, ProviderError> {
    let providers = settings.providers.0.iter().map(provider).collect::<Result<Vec<_>, _>>()?;
    let mut issuers = BTreeSet::new();
    if let Some(twice) = providers.iter().find(|provider| !issuers.insert(&provider.issuer)) {
        return Err(ProviderError::Twice(twice.issuer.clone()));
    }
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    let rules = IdTokenRules {
        clock_leeway: time::Duration::seconds(settings.clock_leeway_s.into()),
        fresh: seconds(settings.keys_fresh_s),
        kept_max: seconds(settings.keys_kept_s_max.max(settings.keys_fresh_s)),
        refetch_min: seconds(settings.keys_asked_s_min),
    };
    // What is elsewhere is not what the settings or the provider named.
    let client = Client::builder().redirect(Policy::none()).build()?;
    Ok(IdTokens::new(providers, rules, Arc::new(KeysOverHttp { client })))
}

fn provider(settings: &OpenIdProvider) -> Result<Provider, ProviderError> {
    let issuer = settings.issuer.clone();
    check_address(&issuer, &issuer)?;
    let jwks_url = Some(settings.jwks_url.clone()).filter(|url| !url.is_empty());
    if let Some(url) = &jwks_url {
        check_address(url, &issuer)?;
    }
    let audience: BTreeSet<String> = settings.audience.iter().filter(|id| !id.is_empty()).cloned().collect();
    let algorithms: BTreeSet<_> = settings.algorithms.iter().copied().collect();
    match () {
        () if audience.is_empty() => Err(ProviderError::NoAudience(issuer)),
        () if algorithms.is_empty() => Err(ProviderError::NoAlgorithm(issuer)),
        () => Ok(Provider { issuer, audience, algorithms, jwks_url }),
    }
}

/// Whoever changes keys on their way makes tokens: only a provider on this machine may do without TLS.
fn check_address(text: &str, issuer: &str) -> Result<(), ProviderError> {
    let url = |text: &str| Url::parse(text).map_err(|_| ProviderError::Address(text.to_owned()));
    let address = url(text)?;
    let is_plain_here = |url: &Url| url.scheme() == "http" && is_this_machine(url);
    match address.scheme() {
        "https" => Ok(()),
        _ if is_plain_here(&address) && is_plain_here(&url(issuer)?) => Ok(()),
        _ => Err(ProviderError::Address(text.to_owned())),
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Where an issuer says what else there is to know of it.
#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

struct KeysOverHttp {
    client: Client,
}

impl KeySource for KeysOverHttp {
    fn fetch<'a>(&'a self, provider: &'a Provider) -> BoxFuture<'a, Result<ProviderKeys, KeySourceError>> {
        Box::pin(async move {
            let fetched = timeout(FETCH_WAIT_MAX, self.keys(provider)).await;
            Ok(fetched.map_err(|_| FetchError::Slow)??)
        })
    }
}

impl KeysOverHttp {
    async fn keys(&self, provider: &Provider) -> Result<ProviderKeys, FetchError> {
        let url = match &provider.jwks_url {
            Some(url) => url.clone(),
            None => self.discover(&provider.issuer).await?,
        };
        Ok(ProviderKeys::parse(&self.document(&url).await?)?)
    }

    async fn discover(&self, issuer: &str) -> Result<String, FetchError> {
        let document = self.document(&format!("{}{DISCOVERY_PATH}", issuer.trim_end_matches('/'))).await?;
        let document: Discovery = serde_json::from_slice(&document)?;
        if document.issuer != issuer {
            return Err(FetchError::OtherIssuer);
        }
        check_address(&document.jwks_uri, issuer)?;
        Ok(document.jwks_uri)
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let mut answer = self.client.get(url).send().await?.error_for_status()?;
        let mut document = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if document.len() + chunk.len() > DOCUMENT_BYTES_MAX {
                return Err(FetchError::TooLong);
            }
            document.extend_from_slice(&chunk);
        }
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(providers: &str) -> Result<IdTokens, ProviderError> {
        let overrides = [("openid.providers".to_owned(), providers.to_owned())];
        id_tokens(&crate::settings::Settings::load(None, &overrides).unwrap().openid)
    }

    fn provider(issuer: &str, jwks_url: &str) -> String {
        format!(r#"{{ "issuer": "{issuer}", "audience": ["web"], "jwks_url": "{jwks_url}" }}"#)
    }

    #[test]
    fn keys_come_over_tls_or_from_this_machine() {
        let good = |issuer: &str, jwks_url: &str| set(&format!("[{}]", provider(issuer, jwks_url))).is_ok();
        assert!(good("https://id.example", "") && good("https://id.example/a", "https://keys.example/jwks"));
        for here in ["http://127.0.0.1:8080", "http://[::1]:8080/a", "http://localhost:8080"] {
            assert!(good(here, "") && good(here, "http://127.0.0.1:8081/jwks"), "{here}");
        }
        for elsewhere in
            ["http://id.example", "http://127.0.0.1.example", "http://192.0.2.1", "ftp://a.example", "id", ""]
        {
            assert!(!good(elsewhere, ""), "{elsewhere}");
        }
        assert!(!good("https://id.example", "http://id.example/jwks"));
        assert!(!good("https://id.example", "http://127.0.0.1/jwks"), "a provider elsewhere keeps no keys here");
    }

    #[test]
    fn a_provider_has_an_audience_and_algorithms_and_stands_there_once() {
        let refused = |providers: &str| set(providers).unwrap_err().to_string();
        let nobody = r#"[{ "issuer": "https://id.example", "audience": [""] }]"#;
        assert!(refused(nobody).contains("no audience"));
        let nothing = r#"[{ "issuer": "https://id.example", "audience": ["web"], "algorithms": [] }]"#;
        assert!(refused(nothing).contains("no algorithms"));
        let one = provider("https://id.example", "");
        assert!(refused(&format!("[{one}, {one}]")).contains("twice"));
        assert!(set("").is_ok() && set("[]").is_ok());
    }
}
