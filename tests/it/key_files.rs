//! Key files are whole or not there, wherever the process that writes them dies; half of one is refused by its name.

use crate::harness::stage::Stage;
use millrace::keys::{SECRET, SIGNING_KEY, VERIFY_KEY, WEBHOOK_SECRET};
use millrace_command::auth::{AccessTokenSigner, AccessTokenVerifier};
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

const ALL: [&str; 4] = [SECRET, SIGNING_KEY, VERIFY_KEY, WEBHOOK_SECRET];
const SECRET_BYTES: usize = 64;
/// What the kernel kills a process by that writes beyond the size that is allowed to it.
const SIGXFSZ: i32 = 25;
/// The longest of the files has fewer bytes.
const WHOLE: usize = 1_000;

/// Runs `millrace keys`, which dies as soon as it writes beyond so many bytes of a file.
fn make_keys(folder: &Path, bytes_max: usize) -> ExitStatus {
    let program = env!("CARGO_BIN_EXE_millrace");
    let limit = format!("--fsize={bytes_max}");
    Command::new("prlimit").args([&limit, program, "keys"]).arg(folder).status().expect("prlimit of util-linux runs")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    entries.map(|name| name.into_string().expect("a name")).filter(|name| ALL.contains(&name.as_str())).collect()
}

fn is_whole(folder: &Path, name: &str) -> bool {
    let text = fs::read_to_string(folder.join(name)).expect("a file");
    match name {
        SIGNING_KEY => AccessTokenSigner::from_pem(&text).is_ok(),
        VERIFY_KEY => AccessTokenVerifier::from_pem(&text).is_ok(),
        _ => text.len() == SECRET_BYTES,
    }
}

#[test]
fn a_key_file_is_whole_or_not_there_wherever_its_writer_dies() {
    let mut numbers = BTreeSet::new();
    for bytes_max in (0..).step_by(5) {
        let folder = tempfile::tempdir().expect("a folder");
        let died = make_keys(folder.path(), bytes_max);
        let before = names(folder.path());
        assert!(before.iter().all(|name| is_whole(folder.path(), name)), "{bytes_max} bytes: {before:?}");
        numbers.insert(before.len());
        if died.success() {
            break;
        }
        assert_eq!(died.signal(), Some(SIGXFSZ), "{bytes_max} bytes: {died}");
        assert!(before.len() < ALL.len(), "{bytes_max} bytes: {before:?}");
        let secrets = [SECRET, WEBHOOK_SECRET].map(|name| fs::read(folder.path().join(name)).ok());
        assert!(make_keys(folder.path(), WHOLE).success());
        let made = names(folder.path());
        assert!(made.len() == ALL.len() && made.iter().all(|name| is_whole(folder.path(), name)), "{made:?}");
        for (name, before) in [SECRET, WEBHOOK_SECRET].iter().zip(secrets) {
            let now = fs::read(folder.path().join(name)).ok();
            assert!(before.is_none() || now == before, "{name} was there, and is another one now");
        }
    }
    assert!(numbers.contains(&0) && numbers.len() > 2, "it died in too few places: {numbers:?}");
}

#[tokio::test]
async fn half_a_key_file_is_refused_by_its_name() {
    let stage = Stage::new().await;
    let variables = [
        ("MILLRACE_AUTH__SIGNING_KEY_FILE", "does not hold a whole key"),
        ("MILLRACE_AUTH__VERIFY_KEY_FILE", "does not hold a whole key"),
        ("MILLRACE_AUTH__SECRET_FILE", "is shorter than 32 bytes"),
        ("MILLRACE_PAYMENTS__WEBHOOK_SECRET_FILE", "is shorter than 32 bytes"),
    ];
    for (variable, why) in variables {
        let whole = fs::read_to_string(stage.variable(variable)).expect("a key file");
        let folder = tempfile::tempdir().expect("a folder");
        let half = folder.path().join("half");
        fs::write(&half, &whole[..whole.len() / 2 - 1]).expect("half a key file");
        let path = half.to_str().expect("a path");
        let output = stage.try_run_with(&["serve"], &[(variable, path)]).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(path) && said.contains(why), "{variable}: {said}");
        assert!(whole.lines().all(|line| line.len() < 40 || !said.contains(&line[..20])), "{said}");
    }
}
