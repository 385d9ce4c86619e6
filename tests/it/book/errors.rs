//! The list of error codes: every code that the program can answer has a page, every page a code.

use super::generated::{cell, keep};
use super::pages::root;
use super::schema::{Type, types};
use async_graphql::resolver_utils::EnumType;
use millrace_command::FailureCode;
use millrace_document::{Limit, Refusal};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

const FOLDER: &str = "reference/errors";
/// Where codes are written as texts: each in a function `code`.
const SOURCES: &[&str] = &["src/http/problem.rs", "crates/read/src/graphql/error.rs"];
/// What every error in a payload has.
const COMMON_FIELDS: &[&str] = &["code", "message", "path", "retryable"];
const HEAD: &str = "# Error codes

The list is written by the program; each code's page is written by hand. [Close codes of sockets](close-codes.md) are another list.

";
const PAYLOAD: &str = "## In a mutation's payload

The command was understood and rejected: nothing was changed. Each has `code`, `message`, `path` and `retryable`.

| code | type | carries | |
|---|---|---|---|
";
const REQUEST: &str = "
## Beside `data`

The request itself went wrong. Each has `extensions { code, retryable, requestId }`.

| code | |
|---|---|
";
const DOCUMENT: &str = "
## Of documents

The document was refused before anything of it was executed. `extensions` has `limit` and `max` as well.

| code | settings | |
|---|---|---|
";

#[tokio::test]
async fn every_code_has_a_page_and_every_page_a_code() {
    let rejections: BTreeMap<String, Type> = rejections(&types().await);
    let (documents, requests) = (documents(), requests());
    let (codes, written) = (codes().await, written());
    let without: Vec<_> = codes.difference(&written).collect();
    assert!(without.is_empty(), "write docs/src/{FOLDER}/CODE.md for {without:?}");
    let of_nothing: Vec<_> = written.difference(&codes).collect();
    assert!(of_nothing.is_empty(), "nothing answers {of_nothing:?}");

    let mut page = format!("{HEAD}{PAYLOAD}");
    for (code, of_type) in &rejections {
        let carried: Vec<String> = of_type.fields.iter().map(|field| field.name.clone()).collect();
        let carried: Vec<String> = carried
            .into_iter()
            .filter(|name| !COMMON_FIELDS.contains(&&**name))
            .map(|name| format!("`{name}`"))
            .collect();
        writeln!(page, "| {} | `{}` | {} | {} |", link(code), of_type.name, carried.join(", "), about(code))
            .expect("a text");
    }
    page += REQUEST;
    for code in &requests {
        writeln!(page, "| {} | {} |", link(code), about(code)).expect("a text");
    }
    page += DOCUMENT;
    for (code, settings) in &documents {
        writeln!(page, "| {} | {} | {} |", link(code), settings.join(", "), about(code)).expect("a text");
    }
    keep("reference/errors.md", &page);
}

/// All codes.
pub async fn codes() -> BTreeSet<String> {
    let rejections = rejections(&types().await).into_keys();
    rejections.chain(documents().into_keys()).chain(requests()).collect()
}

fn link(code: &str) -> String {
    format!("[`{code}`](errors/{code}.md)")
}

/// The first paragraph of a code's page.
fn about(code: &str) -> String {
    let text = std::fs::read_to_string(root().join(FOLDER).join(format!("{code}.md"))).expect("the page");
    let mut parts = text.split("\n\n");
    assert_eq!(parts.next(), Some(&*format!("# {code}")), "its heading");
    let about = parts.next().expect("what it says").to_owned();
    assert!(text.contains("\n## What to do\n"), "{code}: what to do about it");
    cell(&about)
}

fn written() -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(FOLDER)).expect("the folder");
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    entries.filter_map(|entry| stem(&entry.expect("an entry").path())).collect()
}

/// Types that implement `CommandError`, by the code that they have: their own name in capitals.
fn rejections(types: &BTreeMap<String, Type>) -> BTreeMap<String, Type> {
    let codes: BTreeSet<&String> = types["CommandErrorCode"].values.iter().map(|value| &value.name).collect();
    let errors = types.values().filter(|one| one.interfaces.iter().any(|name| name == "CommandError"));
    let found: BTreeMap<String, Type> = errors.map(|one| (in_capitals(&one.name), one.clone())).collect();
    assert_eq!(found.keys().collect::<BTreeSet<_>>(), codes, "each code has a type");
    found
}

fn in_capitals(name: &str) -> String {
    let mut code = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.extend(letter.to_uppercase());
    }
    code
}

/// Codes of documents that are refused, with the settings that say when.
fn documents() -> BTreeMap<String, Vec<String>> {
    let mut codes: BTreeMap<String, Vec<String>> = BTreeMap::from([(Refusal::Cycle.code().to_owned(), vec![])]);
    for limit in Limit::ALL {
        codes.entry(limit.code().to_owned()).or_default().push(format!("`limits.{}`", limit.setting()));
    }
    codes
}

/// Codes of requests: those that commands fail with, and those that the front door and the read side write as texts.
fn requests() -> BTreeSet<String> {
    let mut codes: BTreeSet<String> = FailureCode::items().iter().map(|item| item.name.to_string()).collect();
    for source in SOURCES {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(source)).expect("the source");
        let (_, rest) = text.split_once("pub fn code(").expect("a function `code`");
        let (body, _) = rest.split_once("\n    }\n").expect("its end");
        let found: Vec<&str> = body.split('"').skip(1).step_by(2).collect();
        assert!(!found.is_empty(), "{source} has codes");
        codes.extend(found.into_iter().map(str::to_owned));
    }
    codes
}

/// The page of close codes has every one of them, and no other.
#[test]
fn every_close_code_is_told() {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/protocol/close.rs"))
        .expect("the source");
    let codes: BTreeSet<&str> =
        source.split("Self::new(").skip(1).filter_map(|rest| rest.split_once(',')).map(|(code, _)| code).collect();
    let page = std::fs::read_to_string(root().join("reference/close-codes.md")).expect("the page");
    let told: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(' ').next())
        .filter(|word| word.parse::<u16>().is_ok())
        .collect();
    let codes: BTreeSet<&str> =
        codes.into_iter().filter(|code| code.parse::<u16>().is_ok_and(|code| code >= 1000)).collect();
    assert_eq!(told, codes);
}
