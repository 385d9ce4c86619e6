//! The book in `docs/`, and the README: their blocks run, their reference is what the program says, their links lead somewhere.

mod blocks;
mod errors;
mod events;
mod generated;
mod limits;
mod links;
mod pages;
mod schema;
mod settings;
mod shell;
mod statuses;

use crate::examples::{Example, community, event};
use crate::harness::client::Client;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use blocks::{Block, blocks_of};
use millrace::settings::Settings;
use pages::{Page, pages, readme};
use std::collections::BTreeSet;
use std::path::Path;

/// What a block may be: each of these is run, compared or loaded by a test of this file.
const RUN: &[&str] = &["bash", "graphql", "output", "toml", "ts", "sql", "json", "acl"];
/// Those that are shown out of files: a test runs these.
const INCLUDED: &[&str] = &["ts", "sql", "json", "acl"];
/// Blocks that only show something.
const SHOWN: &[&str] = &["text"];
/// Blocks that no test runs, each with its reason in the page: one more is a decision.
const NOT_RUN: usize = 13;

fn all_blocks() -> Vec<(Page, Vec<Block>)> {
    let mut all = pages();
    all.push(readme());
    all.into_iter().map(|page| (page.clone(), blocks_of(&page))).collect()
}

#[test]
fn every_block_is_run_or_says_why_not() {
    let mut left = Vec::new();
    for block in all_blocks().iter().flat_map(|(_, blocks)| blocks) {
        match &block.not_run {
            Some(reason) => left.push(format!("{}: {reason}", block.place)),
            None => {
                let known = RUN.contains(&&*block.language) || SHOWN.contains(&&*block.language);
                assert!(
                    known,
                    "{}: no test runs a block of {:?}; say why not, in the line before it",
                    block.place, block.language
                );
                let shows_commands =
                    SHOWN.contains(&&*block.language) && block.text.lines().any(|line| line.starts_with("$ "));
                assert!(!shows_commands, "{}: commands stand in a block of bash", block.place);
            }
        }
    }
    println!("{}", left.join("\n"));
    assert_eq!(left.len(), NOT_RUN, "not run:\n{}", left.join("\n"));
}

#[test]
fn every_settings_file_is_one() {
    let files = all_blocks().into_iter().flat_map(|(_, blocks)| blocks).filter(|block| block.is("toml"));
    let mut loaded = 0;
    for block in files {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
        std::fs::write(file.path(), &block.text).expect("its text");
        Settings::load(Some(file.path()), &[]).unwrap_or_else(|error| panic!("{}: {error}", block.place));
        loaded += 1;
    }
    assert!(loaded > 0, "there is one");
}

/// TypeScript is compiled and run by tests of its own, the servers' users are made by `server_users.rs`.
#[test]
fn what_is_shown_out_of_files_is_run_by_tests() {
    for (page, blocks) in all_blocks() {
        for block in blocks.iter().filter(|block| INCLUDED.iter().any(|language| block.is(language))) {
            let named = block.text.trim().strip_prefix("{{#include ").and_then(|rest| rest.strip_suffix("}}"));
            let path = named.unwrap_or_else(|| panic!("{}: include the file", block.place));
            let file = page.folder().join(path).canonicalize().unwrap_or_else(|_| panic!("{}: no {path}", block.place));
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().expect("the repository");
            let folders = ["clients/test", "examples/storefront/src", "docs/users"];
            let tested = folders.iter().any(|folder| file.starts_with(root.join(folder)));
            assert!(tested, "{}: no test runs {}", block.place, file.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_prints_what_the_book_says() {
    let mut ran = 0;
    for (page, blocks) in all_blocks() {
        if !blocks.iter().any(|block| block.is("bash")) {
            continue;
        }
        let stage = Stage::new().await;
        let (process, _, _) = community(&stage).await;
        ran += shell::run(&page, &blocks, &stage, &process).await;
        process.stop().await;
    }
    println!("{ran} blocks of commands ran");
    assert!(ran > 0, "there are some");
}

#[tokio::test]
async fn every_document_is_answered() {
    let stage = Stage::new().await;
    let (process, demo, _) = community(&stage).await;
    let mut live = BTreeSet::new();
    for block in pages().iter().flat_map(blocks_of).filter(|block| block.is("graphql")) {
        let example = Example::parse(&block.place, &block.text);
        if example.is_live() {
            first_event(&example, &demo).await;
            live.insert(block.place);
        } else {
            example.run(&demo).await;
        }
    }
    assert!(!live.is_empty(), "one is live");
    process.stop().await;
}

async fn first_event(example: &Example, demo: &Client) {
    let mut socket = Socket::open(&demo.url, demo.access_token.as_deref()).await;
    let (document, variables) = example.filled(demo).await;
    socket.subscribe("1", &document, variables).await;
    let first = event(&mut socket, example).await;
    assert!(first["cursor"].is_string(), "{first:#}");
}

/// What a newcomer is shown is what `millrace dev` says.
#[test]
fn the_banner_is_the_one_of_the_program() {
    let banner = millrace::dev::banner(&Settings::default(), Path::new(".millrace/dev-settings.toml"), false);
    let tutorial = pages().into_iter().find(|page| page.path == "tutorial.md").expect("the tutorial");
    for page in [readme(), tutorial] {
        assert!(page.text.contains(banner.trim_matches('\n')), "{}:\n{banner}", page.path);
    }
}

#[tokio::test]
async fn the_table_of_contents_has_every_noun_and_every_code() {
    let nouns = schema::chapters().map(|(page, title)| format!("  - [{title}](reference/schema/{page}.md)\n"));
    let (schema, codes) = ("- [The schema](reference/schema.md)", "- [Error codes](reference/errors.md)");
    generated::keep_between("SUMMARY.md", schema, codes, &nouns.collect::<String>());
    let pages = errors::codes().await.into_iter().map(|code| format!("  - [{code}](reference/errors/{code}.md)\n"));
    let after = "- [Close codes of sockets](reference/close-codes.md)";
    generated::keep_between("SUMMARY.md", codes, after, &pages.collect::<String>());
}
