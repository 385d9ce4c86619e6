//! What a request says: a document's text, or by which it is known. Out of a body, an address, or a message on a socket.

use crate::http::problem::Problem;
use async_graphql::{Extensions, Request as GraphQlRequest, Value, Variables};
use axum::extract::Query;
use axum::http::Uri;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

/// The entry of `extensions` by which clients with automatic persisted queries name a text.
const PERSISTED_QUERY: &str = "persistedQuery";
/// The version of that protocol.
const PERSISTED_QUERY_VERSION: i64 = 1;

/// The parameters of a request. `null` is the same as not given.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Params {
    /// The document's text.
    pub query: Option<String>,
    /// Which of its operations is run.
    pub operation_name: Option<String>,
    /// What its variables are.
    pub variables: Variables,
    /// What the transport is told beside it.
    pub extensions: Extensions,
    /// Instead of a text: by which the document is known.
    #[serde(deserialize_with = "text_or_nothing")]
    document_id: Option<String>,
    /// What Relay's clients call it. To others it is something of their own, and may be anything.
    #[serde(deserialize_with = "text_or_nothing")]
    id: Option<String>,
    /// What older ones of them call it.
    #[serde(rename = "doc_id", deserialize_with = "text_or_nothing")]
    old_id: Option<String>,
}

/// The parameters as they stand in an address.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct AddressParams {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<String>,
    extensions: Option<String>,
    document_id: Option<String>,
    id: Option<String>,
    #[serde(rename = "doc_id")]
    old_id: Option<String>,
}

impl Params {
    /// Out of the body of a POST.
    pub fn of_body(bytes: &[u8]) -> Result<Self, Problem> {
        match bytes.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => serde_json::from_slice(bytes).map_err(|_| malformed()),
            Some(b'[') => Err(Problem::BadRequest("batches are not supported")),
            _ => Err(malformed()),
        }
    }

    /// Out of the address of a GET.
    pub fn of_address(address: &Uri) -> Result<Self, Problem> {
        let Query(params) = Query::<AddressParams>::try_from_uri(address).map_err(|_| malformed())?;
        Ok(Self {
            query: params.query,
            operation_name: params.operation_name,
            variables: json(params.variables)?,
            extensions: json(params.extensions)?,
            document_id: params.document_id,
            id: params.id,
            old_id: params.old_id,
        })
    }

    /// True if there is a text, or something that a text may be known by.
    pub fn names_a_document(&self) -> bool {
        let has_id = self.document_id.is_some() || self.id.is_some() || self.old_id.is_some();
        self.query.is_some() || has_id || self.extensions.contains_key(PERSISTED_QUERY)
    }

    /// By which the document is known, if it came without a text.
    pub fn take_id(&mut self) -> Option<String> {
        self.document_id.take().or(self.id.take()).or(self.old_id.take())
    }

    /// The text, if one came.
    pub fn take_text(&mut self) -> Option<String> {
        self.query.take().filter(|text| !text.trim().is_empty())
    }

    /// The SHA-256 of a text, as clients with automatic persisted queries send it.
    pub fn persisted_hash(&self) -> Result<Option<String>, Problem> {
        let Some(Value::Object(persisted)) = self.extensions.get(PERSISTED_QUERY) else { return Ok(None) };
        if persisted.get("version") != Some(&Value::from(PERSISTED_QUERY_VERSION)) {
            return Err(Problem::BadRequest("`persistedQuery` has version 1"));
        }
        match persisted.get("sha256Hash") {
            Some(Value::String(hash)) => Ok(Some(hash.clone())),
            _ => Err(Problem::BadRequest("`persistedQuery` has a `sha256Hash`")),
        }
    }

    /// The request, with this text. An operation without a name has none, however that is written.
    pub fn with_text(self, text: String) -> GraphQlRequest {
        let mut request = GraphQlRequest::new(text).variables(self.variables);
        request.operation_name = self.operation_name.filter(|name| !name.is_empty());
        request.extensions = self.extensions;
        request
    }
}

/// True if the extensions say nothing but which document it is: then they make no difference to the answer.
pub fn say_nothing_else(extensions: &Extensions) -> bool {
    extensions.keys().all(|name| name == PERSISTED_QUERY)
}

/// What is no text is not meant for us.
fn text_or_nothing<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value.as_str().map(str::to_owned))
}

fn json<T: DeserializeOwned + Default>(text: Option<String>) -> Result<T, Problem> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) => serde_json::from_str(&text).map_err(|_| malformed()),
        None => Ok(T::default()),
    }
}

fn malformed() -> Problem {
    Problem::BadRequest(
        "the request is not a GraphQL request: `query` is a string, `variables` and `extensions` are objects",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_body(text: &str) -> Result<Params, Problem> {
        Params::of_body(text.as_bytes())
    }

    fn of_address(query: &str) -> Result<Params, Problem> {
        Params::of_address(&format!("/graphql?{query}").parse().unwrap())
    }

    #[test]
    fn a_body_is_one_object_with_parameters_of_their_types() {
        let params = of_body(r#" {"query":"{a}","operationName":null,"variables":null,"extensions":null,"more":1}"#);
        assert_eq!(params.unwrap().take_text().as_deref(), Some("{a}"));
        for wrong in [
            "",
            "nonsense",
            "\"{a}\"",
            "{",
            r#"["{a}"]"#,
            r#"[{"query":"{a}"}]"#,
            r#"{"query":1}"#,
            r#"{"query":"{a}","variables":[7]}"#,
            r#"{"query":"{a}","extensions":"x"}"#,
            r#"{"query":"{a}","query":"{b}"}"#,
        ] {
            assert!(matches!(of_body(wrong), Err(Problem::BadRequest(_))), "{wrong}");
        }
    }

    #[test]
    fn an_address_holds_the_same() {
        let mut params = of_address("query=%7Ba%7D&variables=%7B%22x%22%3A1%7D&operationName=&unknown=1").unwrap();
        assert_eq!(params.take_text().as_deref(), Some("{a}"));
        assert_eq!(params.variables.len(), 1);
        for wrong in ["query=a&query=b", "query=a&variables=%7B", "query=a&variables=[1]", "query=a&extensions=1"] {
            assert!(matches!(of_address(wrong), Err(Problem::BadRequest(_))), "{wrong}");
        }
    }

    #[test]
    fn a_document_has_three_names_for_its_id_and_one_for_its_hash() {
        for name in ["documentId", "id", "doc_id"] {
            let mut params = of_body(&format!(r#"{{"{name}":"abc"}}"#)).unwrap();
            assert!(params.names_a_document());
            assert_eq!(params.take_id().as_deref(), Some("abc"));
            assert_eq!(of_address(&format!("{name}=abc")).unwrap().take_id().as_deref(), Some("abc"));
            for other in ["1", "null", "{\"a\":[1]}"] {
                let mut params = of_body(&format!(r#"{{"query":"{{a}}","{name}":{other}}}"#)).unwrap();
                assert_eq!(params.take_text().as_deref(), Some("{a}"), "{name} is {other}");
                let mut alone = of_body(&format!(r#"{{"{name}":{other}}}"#)).unwrap();
                assert!(!alone.names_a_document() && alone.take_id().is_none(), "{name} is {other}");
            }
        }
        assert_eq!(of_body(r#"{"id":"x","documentId":"abc"}"#).unwrap().take_id().as_deref(), Some("abc"));
        let hash = |extension: &str| {
            of_body(&format!(r#"{{"extensions":{{"persistedQuery":{extension}}}}}"#)).unwrap().persisted_hash()
        };
        assert_eq!(hash(r#"{"version":1,"sha256Hash":"ab"}"#), Ok(Some("ab".into())));
        assert!(hash(r#"{"version":2,"sha256Hash":"ab"}"#).is_err());
        assert!(hash(r#"{"version":1}"#).is_err());
        assert_eq!(of_body("{}").unwrap().persisted_hash(), Ok(None));
    }

    #[test]
    fn an_operation_without_a_name_has_none_however_it_is_written() {
        let name = |params: Params| params.with_text("{a}".into()).operation_name;
        assert_eq!(name(of_body(r#"{"operationName":""}"#).unwrap()), None);
        assert_eq!(name(of_address("operationName=").unwrap()), None);
        assert_eq!(name(of_body(r#"{"operationName":"A"}"#).unwrap()).as_deref(), Some("A"));
        assert_eq!(name(of_address("operationName=A").unwrap()).as_deref(), Some("A"));
    }

    #[test]
    fn a_hash_alone_makes_no_difference_to_the_answer() {
        let said = |text: &str| say_nothing_else(&of_body(text).unwrap().extensions);
        assert!(said(r#"{"query":"{a}"}"#));
        assert!(said(r#"{"extensions":{"persistedQuery":{}}}"#));
        assert!(!said(r#"{"extensions":{"persistedQuery":{},"millrace":{"consistency":"x"}}}"#));
    }
}
