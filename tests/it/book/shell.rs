//! The commands of a page: run in its order by one shell, in an empty folder, against a real process.

use super::blocks::Block;
use super::pages::Page;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

const PAGE_WAIT: Duration = Duration::from_secs(300);
/// Where the book has the endpoint and the operators' port.
const PUBLIC: &str = "http://127.0.0.1:4000";
const OPERATIONS: &str = "http://127.0.0.1:4001";
/// Stands for anything in what the book says is printed.
const ANYTHING: char = '…';
const END_OF_BLOCK: &str = "<<< end of block >>>";

/// Runs the page's commands and compares what they print; answers how many blocks it ran.
pub async fn run(page: &Page, blocks: &[Block], stage: &Stage, process: &Process) -> usize {
    let commands: Vec<&Block> = blocks.iter().filter(|block| block.is("bash")).collect();
    let printed = print(page, &script(&commands, process), stage).await;
    assert_eq!(printed.len(), commands.len(), "{}: {printed:#?}", page.path);
    let mut current = 0;
    for block in blocks.iter().filter(|block| block.not_run.is_none()) {
        match &*block.language {
            "bash" => current += 1,
            "output" => {
                let actual = &printed[current - 1];
                assert!(
                    is_like(&block.text, actual),
                    "{}: the book says\n{}\nprinted was\n{actual}",
                    block.place,
                    block.text
                );
            }
            _ => {}
        }
    }
    commands.len()
}

fn script(commands: &[&Block], process: &Process) -> String {
    let texts = commands.iter().map(|block| {
        let text = block.text.replace(PUBLIC, &process.addresses["graphql"]).replace(OPERATIONS, process.operations());
        format!("{text}\nprintf '\\n%s\\n' '{END_OF_BLOCK}'\n")
    });
    // With job control, as at a terminal: `kill %%` ends what a function began.
    std::iter::once("set -m\n".to_owned()).chain(texts).collect()
}

async fn print(page: &Page, script: &str, stage: &Stage) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let programs = Path::new(env!("CARGO_BIN_EXE_millrace")).parent().expect("a folder");
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("bash");
    shell.args(["-euo", "pipefail", "-c", script]).current_dir(folder.path());
    shell.envs(stage.environment()).env("PATH", path).kill_on_drop(true);
    let output = timeout(PAGE_WAIT, shell.output()).await;
    let output = output.unwrap_or_else(|_| panic!("{}: its commands do not end", page.path)).expect("bash runs");
    let (text, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {}\n{text}\n{errors}", page.path, output.status);
    let mut printed: Vec<String> = text.split(END_OF_BLOCK).map(|part| part.trim().to_owned()).collect();
    printed.pop();
    printed
}

/// True if the text has all parts of the expected one, in order, from its beginning to its end.
fn is_like(expected: &str, actual: &str) -> bool {
    let mut parts = expected.trim().split(ANYTHING);
    let Some(mut rest) = parts.next().and_then(|first| actual.strip_prefix(first)) else { return false };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.is_empty() || expected.trim().ends_with(ANYTHING)
}

#[test]
fn dots_stand_for_anything_and_nothing_else_does() {
    assert!(is_like("a … d", "a b c d") && is_like("a …", "a b\nc") && is_like("a", "a"));
    assert!(!is_like("a … d", "a b c") && !is_like("b", "a b") && !is_like("a", "a b"));
}
