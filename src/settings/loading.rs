//! Reading settings: defaults, then the file, then the environment, then flags. A key that does not exist is an error with a suggestion.

use super::Settings;
use config::{Config, Environment, File, FileFormat, Map, Source, Value};
use std::collections::BTreeSet;
use std::path::Path;

const ENVIRONMENT_PREFIX: &str = "MILLRACE";
const SEPARATOR: &str = "__";
/// Variables with our prefix that are no settings.
const NOT_SETTINGS: &[&str] = &["millrace_role", "millrace_config", "millrace_home", "millrace_fail_points"];
const NOT_SETTINGS_PREFIXES: &[&str] = &["millrace_test_", "millrace_bench_"];
const SUGGESTION_DISTANCE_MAX: usize = 6;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// There is no such key.
    #[error("unknown setting `{key}` in {origin}{}", suggestion.as_ref().map(|s| format!(": did you mean `{s}`?")).unwrap_or_default())]
    UnknownKey {
        /// As it was written.
        key: String,
        /// The file, or "the environment".
        origin: String,
        /// The nearest key that exists.
        suggestion: Option<String>,
    },
    /// A file or variable that cannot be read, or a value of the wrong type.
    #[error("settings cannot be read")]
    Unreadable(#[from] config::ConfigError),
}

impl Settings {
    /// Reads the settings: defaults, `file` if given, the environment, and `overrides` (`key=value`, from flags).
    pub fn load(file: Option<&Path>, overrides: &[(String, String)]) -> Result<Self, SettingsError> {
        let known = known_keys()?;
        let (mut builder, mut given) = (Config::builder(), BTreeSet::new());
        if let Some(path) = file {
            let source = File::from(path).format(FileFormat::Toml);
            let keys = leaves("", &source.collect()?);
            given.extend(keys.iter().cloned());
            refuse_unknown(&known, keys, &path.display().to_string())?;
            builder = builder.add_source(source);
        }
        let environment = environment();
        let keys = leaves("", &environment);
        given.extend(keys.iter().cloned());
        refuse_unknown(&known, keys, "the environment")?;
        builder = builder.add_source(Config::builder().add_source(Collected(environment)).build()?);
        for (key, value) in overrides {
            refuse_unknown(&known, vec![key.clone()], "the flags")?;
            given.insert(key.clone());
            builder = builder.set_override(key, value.as_str())?;
        }
        Ok(Self { given, ..builder.build()?.try_deserialize()? })
    }
}

/// Variables of our prefix, as nested keys.
fn environment() -> Map<String, Value> {
    let settings = std::env::vars().filter(|(name, _)| is_setting(&name.to_lowercase())).collect();
    let source = Environment::with_prefix(ENVIRONMENT_PREFIX)
        .prefix_separator("_")
        .separator(SEPARATOR)
        .ignore_empty(true)
        .try_parsing(true)
        .source(Some(settings));
    source.collect().unwrap_or_default()
}

fn is_setting(name: &str) -> bool {
    name.starts_with("millrace_")
        && !NOT_SETTINGS.contains(&name)
        && !NOT_SETTINGS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[derive(Debug, Clone)]
struct Collected(Map<String, Value>);

impl Source for Collected {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// Every key, taken from the defaults themselves so that no list can fall behind.
pub(crate) fn known_keys() -> Result<BTreeSet<String>, config::ConfigError> {
    let defaults = Config::try_from(&Settings::default())?;
    Ok(leaves("", &defaults.collect()?).into_iter().collect())
}

fn leaves(prefix: &str, table: &Map<String, Value>) -> Vec<String> {
    table
        .iter()
        .flat_map(|(name, value)| {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value.clone().into_table() {
                Ok(inner) if !inner.is_empty() => leaves(&key, &inner),
                _ => vec![key],
            }
        })
        .collect()
}

fn refuse_unknown(known: &BTreeSet<String>, keys: Vec<String>, origin: &str) -> Result<(), SettingsError> {
    match keys.into_iter().find(|key| !known.contains(key)) {
        None => Ok(()),
        Some(key) => {
            let suggestion = nearest(known, &key);
            Err(SettingsError::UnknownKey { key, origin: origin.to_owned(), suggestion })
        }
    }
}

fn nearest(known: &BTreeSet<String>, key: &str) -> Option<String> {
    let distance = |candidate: &String| strsim::damerau_levenshtein(candidate, key);
    known
        .iter()
        .min_by_key(|candidate| distance(candidate))
        .filter(|best| distance(best) <= SUGGESTION_DISTANCE_MAX)
        .cloned()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A settings file.
    pub(crate) fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    #[test]
    fn a_file_changes_what_it_names_and_nothing_else() {
        let file = file("[http]\nlisten = \"127.0.0.1:5000\"\n[redis]\ndocument_ttl_s = 60\n");
        let settings = Settings::load(Some(file.path()), &[]).unwrap();
        assert_eq!(settings.http.listen.port(), 5000);
        assert_eq!(settings.redis.document_ttl_s, 60);
        assert_eq!(settings.mongodb.database, "millrace");
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let file = file("[nats]\nprefix = \"a\"\n");
        let settings = Settings::load(Some(file.path()), &[("nats.prefix".into(), "b".into())]).unwrap();
        assert_eq!(settings.nats.prefix, "b");
    }

    #[test]
    fn a_wrong_key_is_refused_with_a_suggestion() {
        let file = file("[redis]\ndocument_tll_s = 60\n");
        let refused = Settings::load(Some(file.path()), &[]).unwrap_err().to_string();
        assert!(
            refused.contains("redis.document_tll_s") && refused.contains("did you mean `redis.document_ttl_s`?"),
            "{refused}"
        );
    }
}
