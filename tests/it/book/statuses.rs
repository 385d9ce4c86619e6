//! The statuses of what is not run: the page's table is what the program answers.

use super::generated::keep_between;
use axum::http::StatusCode;
use millrace::http::bearer::BearerRefusal;
use millrace::http::problem::{Problem, REFUSED_BY_SCHEMA};
use millrace_document::{Limit, Refusal};
use std::collections::BTreeSet;
use std::fmt::Write;

const BEGIN: &str = "<!-- the table is written by the program -->\n";
const END: &str = "\nAn event stream that cannot begin";
const HEAD: &str = "| what cannot be run | code | `application/graphql-response+json` | `application/json` |
|---|---|---|---|
";

/// One of each kind, and what a reader calls it.
fn problems() -> Vec<(&'static str, Problem)> {
    let limit = Refusal::Limit { limit: Limit::Depth, max: 1 };
    vec![
        ("a body or an address that is not what it should be", Problem::BadRequest("")),
        ("a malformed consistency token", Problem::MalformedToken),
        ("another `content-type`", Problem::UnsupportedMediaType),
        ("a compressed body", Problem::CompressedBody),
        ("an `accept` that names neither form", Problem::NotAcceptable),
        ("a body that is too long", Problem::TooLarge { bytes_max: 1 }),
        ("a body that takes too long", Problem::SlowBody { ms_max: 1 }),
        ("a mutation by `GET`", Problem::MethodNotAllowed),
        ("a token that is malformed, expired or revoked", Problem::Unauthenticated(BearerRefusal::Malformed)),
        ("a hash or an id that is not known", Problem::PersistedNotFound),
        ("a hash where none is known", Problem::PersistedNotSupported),
        ("a hash of another text", Problem::PersistedMismatch),
        ("a document that is not trusted", Problem::NotTrusted),
        ("a socket or an event stream for a page of another origin", Problem::ForeignOrigin),
        ("a question about the schema where none is answered", Problem::IntrospectionOff),
        ("what is no document", Problem::Document { refusal: Refusal::Syntax { offset: 0 }, position: None }),
        ("a document beyond a limit, such as", Problem::Document { refusal: limit, position: None }),
        ("an answer that would be too long", Problem::AnswerTooLarge { bytes_max: 1 }),
        ("one socket, stream or operation too many", Problem::TooManyOpen { limit: "", max: 1 }),
        ("a budget that is spent", Problem::BudgetSpent { retry_after_s: 1 }),
        ("something that does not answer", Problem::Unavailable),
        ("what takes too long", Problem::Timeout { ms_max: 1 }),
        ("a defect of ours", Problem::Internal),
    ]
}

#[test]
fn each_problem_has_the_status_that_the_page_says() {
    let mut table = HEAD.to_owned();
    for (what, problem) in problems() {
        table += &line(what, problem.code(), problem.status(), problem.status_for_older());
    }
    let by_schema = "a document that the schema does not know, or without its variables";
    table += &line(by_schema, "BAD_USER_INPUT", REFUSED_BY_SCHEMA, StatusCode::OK);
    keep_between("http.md", BEGIN, END, &table);
}

fn line(what: &str, code: &str, own: StatusCode, older: StatusCode) -> String {
    let mut line = String::new();
    writeln!(line, "| {what} | [`{code}`](reference/errors/{code}.md) | {} | {} |", own.as_u16(), older.as_u16())
        .expect("a text");
    line
}

/// A kind of problem that is new has a line, too.
#[test]
fn no_problem_is_left_out() {
    let source =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/problem.rs")).expect("the source");
    let (_, rest) = source.split_once("pub enum Problem {\n").expect("the kinds");
    let (kinds, _) = rest.split_once("\n}\n").expect("their end");
    let lines =
        kinds.lines().filter_map(|line| line.strip_prefix("    ")).filter(|line| line.starts_with(char::is_uppercase));
    let named: BTreeSet<String> = lines.map(first_word).collect();
    let told: BTreeSet<String> = problems().iter().map(|(_, problem)| first_word(&format!("{problem:?}"))).collect();
    assert_eq!(told, named);
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric()).collect()
}
