//! Without a rule something breaks, so the checks and the faults are such that they would notice.

use std::collections::BTreeSet;
use std::fs::read_to_string;
use std::iter::once;
use std::path::{Path, PathBuf};

use millrace_model::mutants::{Hunted, MUTANTS, Mutant, Noticed, hunt};

/// A change of any core shifts schedules, so that one is broken by another than the one that is noted: so many are tried then.
const SCHEDULES_MAX: u64 = 4_000;
/// How a rule acts in the sources: `rule("its_name")`.
const ACTS: &str = "rule(";

#[test]
fn without_a_rule_a_schedule_breaks() {
    let is_missed = |mutant: &&Mutant| match mutant.noticed {
        Noticed::BySchedule(noted) => {
            matches!(hunt(mutant.rules, once(noted).chain(0..SCHEDULES_MAX)), Hunted::NotCaught)
        }
        Noticed::ByTest { .. } => false,
    };
    let missed: Vec<&Mutant> = MUTANTS.iter().filter(is_missed).collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn what_no_schedule_notices_a_test_of_a_core_does() {
    for mutant in MUTANTS {
        let Noticed::ByTest { file, name } = mutant.noticed else { continue };
        let text = read_to_string(root().join(file)).expect(file);
        assert!(text.contains(&format!("fn {name}()")), "{file} has no test {name}");
        for rule in mutant.rules {
            assert!(text.contains(&format!("breaks_without(\"{rule}\", ")), "{file} does not try it without {rule}");
        }
    }
}

#[test]
fn every_rule_that_acts_has_its_mutant() {
    let listed: BTreeSet<String> =
        MUTANTS.iter().flat_map(|mutant| mutant.rules).map(|rule| (*rule).to_owned()).collect();
    let mut acting = BTreeSet::new();
    for source in sources(&root()) {
        acting.extend(rules_in(&read_to_string(&source).expect("a source")));
    }
    assert_eq!(acting, listed, "rules that act in the sources, and rules that are switched off here");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All sources of the program and of its crates.
fn sources(root: &Path) -> Vec<PathBuf> {
    let crates = entries(&root.join("crates")).into_iter().map(|member| member.join("src"));
    let mut found = Vec::new();
    let mut open: Vec<PathBuf> = crates.chain([root.join("src")]).collect();
    while let Some(folder) = open.pop() {
        let (folders, files): (Vec<PathBuf>, Vec<PathBuf>) =
            entries(&folder).into_iter().partition(|path| path.is_dir());
        open.extend(folders);
        found.extend(files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")));
    }
    found
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// The names between `rule(` and the bracket that closes it: one may be chosen there among several.
fn rules_in(text: &str) -> Vec<String> {
    let calls = text.match_indices(ACTS).filter(|(at, _)| !text[..*at].ends_with(is_part_of_a_name));
    let names = calls.flat_map(|(at, _)| quoted(arguments(&text[at + ACTS.len()..])));
    names.map(str::to_owned).collect()
}

fn is_part_of_a_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

fn arguments(text: &str) -> &str {
    let mut depth = 1;
    let end = text.find(|letter| {
        depth += i32::from(letter == '(') - i32::from(letter == ')');
        depth == 0
    });
    &text[..end.expect("a bracket that closes")]
}

fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}
