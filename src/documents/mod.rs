//! Which document a request is about, and whether it may be run: a text that came along, one that was kept for its hash (automatic
//! persisted queries), or one that clients were built with (trusted documents).

pub mod introspection;
pub mod new_texts;
pub mod params;
pub mod trusted;

use crate::http::problem::Problem;
use crate::settings::{HttpSettings, TrustedMode};
use async_graphql::Request as GraphQlRequest;
use metrics::{counter, describe_counter};
use millrace_read::cache::texts::SharedTexts;
use new_texts::NewTexts;
use params::Params;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use trusted::{SHA256_PREFIX, Trusted, TrustedError, sha256};

const DOCUMENTS: &str = "millrace_documents_total";
/// Documents that are not trusted are named in the log once each, and so many of them.
const NAMED_MAX: usize = 1_000;

/// All documents that this process knows of.
#[derive(Debug)]
pub struct Documents {
    mode: TrustedMode,
    trusted: Trusted,
    /// GraphiQL and tools ask about the schema, in words of their own.
    answers_introspection: bool,
    /// Texts by their hash; none if there are no automatic persisted queries.
    shared: Option<SharedTexts>,
    text_bytes_max: usize,
    new_texts: NewTexts,
    named: Mutex<HashSet<String>>,
}

/// A request with its document's text.
#[derive(Debug)]
pub struct Resolved {
    /// The request.
    pub request: GraphQlRequest,
    /// The hash under which its text may be kept, once it has been looked at. It is that of the text.
    pub new_hash: Option<String>,
}

impl Documents {
    /// As the settings have it. To be made after the recorder of metrics.
    pub fn new(settings: &HttpSettings, shared: Option<SharedTexts>) -> Result<Self, TrustedError> {
        describe_counter!(DOCUMENTS, "Documents that requests named or brought, by what became of them.");
        let trusted = match settings.trusted_documents {
            TrustedMode::Off => Trusted::default(),
            TrustedMode::Log | TrustedMode::Enforce => Trusted::load(&settings.trusted_documents_path)?,
        };
        if !trusted.is_empty() {
            tracing::info!(documents = trusted.len(), mode = ?settings.trusted_documents, "documents are trusted");
        }
        Ok(Self {
            mode: settings.trusted_documents,
            trusted,
            answers_introspection: settings.answers_introspection(),
            shared,
            text_bytes_max: settings.persisted_query_bytes_max,
            new_texts: NewTexts::new(settings.persisted_queries_per_minute_max),
            named: Mutex::default(),
        })
    }

    /// The request with its document's text, wherever that comes from; the refusal if it is not known, or may not be run.
    pub async fn resolve(&self, mut params: Params) -> Result<Resolved, Problem> {
        let hash = params.persisted_hash()?;
        let Some(text) = params.take_text() else {
            let id = hash.or_else(|| params.take_id()).ok_or(Problem::BadRequest("`query` is missing"))?;
            let text = self.known(&id).await?;
            return Ok(Resolved { request: params.with_text(text), new_hash: None });
        };
        self.admit(&text)?;
        let new_hash = hash.map(|hash| self.new_hash(hash, &text)).transpose()?.flatten();
        Ok(Resolved { request: params.with_text(text), new_hash })
    }

    /// The text that is known by this id or hash.
    async fn known(&self, id: &str) -> Result<String, Problem> {
        if let Some(text) = self.trusted.find(id) {
            count("trusted");
            return Ok(text.as_ref().to_owned());
        }
        if self.mode == TrustedMode::Enforce {
            count("refused");
            return Err(Problem::NotTrusted);
        }
        if self.shared.is_none() && self.trusted.is_empty() {
            return Err(Problem::PersistedNotSupported);
        }
        let Some(text) = self.shared_text(id.strip_prefix(SHA256_PREFIX).unwrap_or(id)).await else {
            count("missing");
            return Err(Problem::PersistedNotFound);
        };
        self.admit(&text)?;
        count("found");
        Ok(text)
    }

    /// What any instance has kept for a hash. A cache that is away has nothing: the client sends the text.
    async fn shared_text(&self, hash: &str) -> Option<String> {
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let shared = self.shared.as_ref().filter(|_| is_hash)?;
        let text = shared.get(hash).await.inspect_err(|error| tracing::debug!(error, "no kept texts")).ok()??;
        // What lies in the cache is no proof of what was put there.
        (sha256(&text) == hash).then_some(text)
    }

    /// Whether a text that came along, or was kept, may be run.
    fn admit(&self, text: &str) -> Result<(), Problem> {
        let is_free = self.mode == TrustedMode::Off
            || self.trusted.holds(text)
            || self.answers_introspection && introspection::asks_nothing_else(text);
        if is_free {
            return Ok(());
        }
        if self.mode == TrustedMode::Enforce {
            count("refused");
            return Err(Problem::NotTrusted);
        }
        self.name(text);
        Ok(())
    }

    /// The hash that came with a text, if others do not know the text by it anyway.
    fn new_hash(&self, hash: String, text: &str) -> Result<Option<String>, Problem> {
        if self.trusted.find(&hash).is_some_and(|known| **known == *text) {
            return Ok(None);
        }
        if sha256(text) == hash { Ok(Some(hash)) } else { Err(Problem::PersistedMismatch) }
    }

    /// Keeps a text for its hash, if it is not there and its sender may bring one more. To be called with what was resolved, and has been
    /// looked at since.
    pub async fn introduce(&self, hash: &str, text: &str, whose: &str) {
        let Some(shared) = self.shared.as_ref().filter(|_| self.may_keep(text)) else { return count("not_kept") };
        // The look is one as good as new to how long it is kept.
        if self.shared_text(hash).await.is_some() {
            return count("found");
        }
        if !self.new_texts.take(whose) {
            return count("not_kept");
        }
        match shared.put(hash, text).await {
            Ok(true) => count("kept"),
            Ok(false) => count("not_kept"),
            Err(error) => tracing::debug!(error, "a text could not be kept"),
        }
    }

    /// What somebody wrote, a password even, may stand between quotes, and has no place where nobody would look for it.
    fn may_keep(&self, text: &str) -> bool {
        text.len() <= self.text_bytes_max && !text.contains('"')
    }

    /// Says which document is run although it is not trusted.
    fn name(&self, text: &str) {
        count("untrusted");
        let hash = sha256(text);
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        if named.len() < NAMED_MAX && named.insert(hash.clone()) {
            tracing::warn!(hash, bytes = text.len(), "a document that is not trusted is run");
        }
    }
}

fn count(what: &'static str) {
    counter!(DOCUMENTS, "what" => what).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::tempdir;

    const TRUSTED: &str = "query Newest { posts(first: 5) { nodes { id } } }";
    const OTHER: &str = "query Other { posts(first: 100) { nodes { id } } }";
    const QUESTION: &str = "{ __schema { types { name } } }";

    fn documents(mode: TrustedMode, playground: bool) -> Documents {
        let folder = tempdir().unwrap();
        std::fs::write(folder.path().join("Newest.graphql"), TRUSTED).unwrap();
        let path = folder.path().to_owned();
        let settings = HttpSettings {
            trusted_documents: mode,
            trusted_documents_path: path,
            playground,
            ..HttpSettings::default()
        };
        Documents::new(&settings, None).unwrap()
    }

    async fn run(documents: &Documents, body: serde_json::Value) -> Result<String, Problem> {
        let params = Params::of_body(body.to_string().as_bytes()).unwrap();
        Ok(documents.resolve(params).await?.request.query)
    }

    fn text(text: &str) -> serde_json::Value {
        serde_json::json!({ "query": text })
    }

    fn hash(text: &str) -> serde_json::Value {
        serde_json::json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": sha256(text) } } })
    }

    fn id(id: &str) -> serde_json::Value {
        serde_json::json!({ "documentId": id })
    }

    #[tokio::test]
    async fn enforced_is_what_clients_were_built_with_and_nothing_else() {
        let documents = documents(TrustedMode::Enforce, false);
        for body in [text(TRUSTED), hash(TRUSTED), id("Newest"), id(&format!("sha256:{}", sha256(TRUSTED)))] {
            assert_eq!(run(&documents, body).await.as_deref(), Ok(TRUSTED));
        }
        let spaced = format!("{TRUSTED} ");
        for body in [text(OTHER), hash(OTHER), id("Other"), text(QUESTION), text(&spaced)] {
            assert_eq!(run(&documents, body.clone()).await, Err(Problem::NotTrusted), "{body}");
        }
        assert!(matches!(run(&documents, serde_json::json!({})).await, Err(Problem::BadRequest(_))));
    }

    #[tokio::test]
    async fn where_graphiql_is_it_may_ask_about_the_schema() {
        let documents = documents(TrustedMode::Enforce, true);
        assert_eq!(run(&documents, text(QUESTION)).await.as_deref(), Ok(QUESTION));
        assert_eq!(run(&documents, text(OTHER)).await, Err(Problem::NotTrusted));
    }

    #[tokio::test]
    async fn logged_is_each_other_document_once() {
        let documents = documents(TrustedMode::Log, false);
        for _ in 0..2 {
            assert_eq!(run(&documents, text(OTHER)).await.as_deref(), Ok(OTHER));
            assert_eq!(run(&documents, id("Newest")).await.as_deref(), Ok(TRUSTED));
        }
        assert_eq!(documents.named.lock().unwrap().iter().collect::<Vec<_>>(), [&sha256(OTHER)]);
        assert_eq!(run(&documents, id("Other")).await, Err(Problem::PersistedNotFound));
    }

    #[tokio::test]
    async fn off_takes_every_text_and_knows_no_other() {
        let documents = documents(TrustedMode::Off, false);
        assert_eq!(run(&documents, text(OTHER)).await.as_deref(), Ok(OTHER));
        assert_eq!(run(&documents, hash(TRUSTED)).await, Err(Problem::PersistedNotSupported));
    }

    #[tokio::test]
    async fn a_hash_must_be_that_of_the_text() {
        let documents = documents(TrustedMode::Off, false);
        let both = |text: &str, of: &str| {
            let mut body = hash(of);
            body["query"] = text.into();
            body
        };
        assert_eq!(run(&documents, both(OTHER, OTHER)).await.as_deref(), Ok(OTHER));
        assert_eq!(run(&documents, both(OTHER, TRUSTED)).await, Err(Problem::PersistedMismatch));
    }

    #[test]
    fn what_somebody_may_have_written_is_not_kept() {
        let documents = documents(TrustedMode::Off, false);
        assert!(documents.may_keep(OTHER));
        assert!(!documents.may_keep("mutation { signIn(input: { password: \"secret\" }) { user { id } } }"));
        assert!(!documents.may_keep(&" ".repeat(documents.text_bytes_max + 1)));
    }
}
