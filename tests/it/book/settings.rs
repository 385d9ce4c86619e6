//! The page of settings, out of the doc comments and the defaults.

use super::generated::{cell, keep};
use millrace::settings::Settings;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Where structs of settings are written: a file for each section, but for limits.
const SECTIONS: &str = "src/settings";
const LIMITS: &str = "crates/document/src/limits.rs";
/// A field that no file, variable or flag sets.
const NO_SETTING: &str = "given";
const HEAD: &str = "# Settings

Written by the program: `src/settings/` has the texts and the defaults.

Defaults come first, then a file (`--config millrace.toml` or `MILLRACE_CONFIG`), then variables, then `--set KEY=VALUE`. `millrace settings`
prints what is in force. A key that does not exist is an error with a suggestion.
";

#[derive(Default)]
struct Field {
    name: String,
    type_name: String,
    doc: String,
}

fn sources() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sections = std::fs::read_dir(root.join(SECTIONS)).expect("the folder").map(|file| file.expect("a file").path());
    sections.chain([root.join(LIMITS)]).collect()
}

/// Structs by name: what is said of them, and their public fields.
fn structs() -> BTreeMap<String, (String, Vec<Field>)> {
    let mut found: BTreeMap<String, (String, Vec<Field>)> = BTreeMap::new();
    for source in sources() {
        let text = std::fs::read_to_string(source).expect("the source");
        let (mut doc, mut open) = (String::new(), None);
        for line in text.lines() {
            let word = line.trim();
            if let Some(more) = word.strip_prefix("///") {
                doc += more;
            } else if let Some(name) = line.strip_prefix("pub struct ").and_then(|rest| rest.strip_suffix(" {")) {
                open = Some(name.to_owned());
                found.insert(name.to_owned(), (std::mem::take(&mut doc), Vec::new()));
            } else if let (Some(name), Some((field, type_name))) =
                (&open, word.strip_prefix("pub ").and_then(|rest| rest.split_once(": ")))
            {
                let field = Field {
                    name: field.into(),
                    type_name: type_name.trim_end_matches(',').into(),
                    doc: std::mem::take(&mut doc),
                };
                found.get_mut(name).expect("it is open").1.push(field);
            } else if line == "}" {
                open = None;
            } else if !word.starts_with('#') {
                doc.clear();
            }
        }
    }
    found
}

#[test]
fn the_page_of_settings_is_what_the_program_says() {
    let defaults = serde_json::to_value(Settings::default()).expect("JSON");
    let structs = structs();
    let mut page = HEAD.to_owned();
    for section in structs["Settings"].1.iter().filter(|section| section.name != NO_SETTING) {
        let (about, fields) =
            structs.get(&section.type_name).unwrap_or_else(|| panic!("{} is not found", section.type_name));
        write!(page, "\n## {}\n\n{}", section.name, section.doc.trim()).expect("a text");
        if about.trim() != section.doc.trim() && about.len() > section.doc.len() {
            write!(page, " {}", about.trim()).expect("a text");
        }
        page += "\n\n| key, variable | default | |\n|---|---|---|\n";
        let values = defaults[&section.name].as_object().expect("a section");
        assert_eq!(values.len(), fields.len(), "{}", section.name);
        for field in fields {
            page += &row(&section.name, field, &values[&field.name]);
        }
    }
    keep("reference/settings.md", &page);
}

fn row(section: &str, field: &Field, default: &Value) -> String {
    let key = format!("{section}.{}", field.name);
    assert!(!field.doc.trim().is_empty(), "{key} has no description");
    let variable = format!("MILLRACE_{}__{}", section.to_uppercase(), field.name.to_uppercase());
    let default = match default {
        Value::String(text) if text.is_empty() => "empty".into(),
        Value::Array(list) if list.is_empty() => "empty".into(),
        Value::String(text) => format!("`{text}`"),
        other => format!("`{other}`"),
    };
    format!("| `{key}`<br>`{variable}` | {default} | {} |\n", cell(&field.doc))
}
