//! Where a setting comes from: defaults, then the file, then the environment, then flags, in the real program.

use serde_json::Value;
use std::process::{Command, Output};
use tempfile::NamedTempFile;

/// The setting that is told apart by its value.
const KEY: &str = "nats.prefix";
const VARIABLE: &str = "MILLRACE_NATS__PREFIX";
const DEFAULT: &str = "millrace";
const FILE: &str = "[nats]\nprefix = \"of-the-file\"\n";
const FLAG: &str = "nats.prefix=of-a-flag";

/// What is told to the program, beside its defaults.
#[derive(Default)]
struct Given {
    file: Option<NamedTempFile>,
    variables: Vec<(String, String)>,
    flags: Vec<String>,
}

impl Given {
    fn file(text: &str) -> Self {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().expect("a file");
        std::fs::write(file.path(), text).expect("a file");
        Self { file: Some(file), ..Self::default() }
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// `millrace settings`, which sees nothing else: no variable of whoever runs the tests.
    fn run(&self) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_millrace"));
        program.arg("settings").env_clear().envs(self.variables.iter().cloned());
        if let Some(file) = &self.file {
            program.arg("--config").arg(file.path());
        }
        for flag in &self.flags {
            program.args(["--set", flag]);
        }
        program.output().expect("the program runs")
    }

    /// The value of [`KEY`] that is in force.
    fn in_force(&self) -> String {
        let output = self.run();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let settings: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        settings.pointer(&format!("/{}", KEY.replace('.', "/"))).and_then(Value::as_str).expect("a value").to_owned()
    }

    /// What the program says as it refuses.
    fn refused(&self) -> String {
        let output = self.run();
        assert!(!output.status.success() && output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).expect("a text")
    }
}

#[test]
fn a_file_is_over_the_defaults() {
    assert_eq!(Given::default().in_force(), DEFAULT);
    assert_eq!(Given::file(FILE).in_force(), "of-the-file");
}

#[test]
fn a_file_may_be_named_by_a_variable() {
    let Given { file, .. } = Given::file(FILE);
    let path = file.as_ref().and_then(|file| file.path().to_str()).expect("a path");
    assert_eq!(Given::default().variable("MILLRACE_CONFIG", path).in_force(), "of-the-file");
}

#[test]
fn a_variable_is_over_the_defaults() {
    assert_eq!(Given::default().variable(VARIABLE, "of-a-variable").in_force(), "of-a-variable");
}

#[test]
fn a_flag_is_over_the_defaults() {
    assert_eq!(Given::default().flag(FLAG).in_force(), "of-a-flag");
}

#[test]
fn a_variable_is_over_the_file() {
    assert_eq!(Given::file(FILE).variable(VARIABLE, "of-a-variable").in_force(), "of-a-variable");
}

#[test]
fn a_flag_is_over_the_file() {
    assert_eq!(Given::file(FILE).flag(FLAG).in_force(), "of-a-flag");
}

#[test]
fn a_flag_is_over_a_variable() {
    assert_eq!(Given::default().variable(VARIABLE, "of-a-variable").flag(FLAG).in_force(), "of-a-flag");
}

#[test]
fn of_two_flags_the_last_one_is_in_force_over_all_else() {
    let all = Given::file(FILE).variable(VARIABLE, "of-a-variable").flag(FLAG);
    assert_eq!(all.in_force(), "of-a-flag");
    assert_eq!(all.flag("nats.prefix=of-the-last-flag").in_force(), "of-the-last-flag");
}

#[test]
fn what_one_source_leaves_open_the_one_below_says() {
    let given = Given::file(FILE).variable("MILLRACE_NATS__REPLICAS", "3").flag("redis.prefix=another");
    assert_eq!(given.in_force(), "of-the-file");
}

#[test]
fn a_wrong_key_is_refused_in_each_source_with_the_nearest_right_one() {
    let wrong = [
        (Given::file("[nats]\nprefixx = \"a\"\n"), ".toml"),
        (Given::default().variable("MILLRACE_NATS__PREFIXX", "a"), "the environment"),
        (Given::default().flag("nats.prefixx=a"), "the flags"),
    ];
    for (given, origin) in wrong {
        let said = given.refused();
        for words in ["unknown setting `nats.prefixx` in ", origin, "did you mean `nats.prefix`?"] {
            assert!(said.contains(words), "{words:?} in {said:?}");
        }
    }
}
