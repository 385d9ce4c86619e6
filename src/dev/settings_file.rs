//! The settings by which the program's other commands find the servers of `millrace dev`, whose ports and passwords nobody chose.

use crate::keys::write_whole;
use crate::settings::Settings;
use std::io;
use std::path::{Path, PathBuf, absolute};

/// File name in the home folder. Nobody's own settings are called so, for it is replaced and removed.
pub const NAME: &str = "dev-settings.toml";

/// The file, there as long as the servers are.
#[derive(Debug)]
pub struct SettingsFile(PathBuf);

impl SettingsFile {
    /// Writes it for the owner alone, in place of one that a killed process has left.
    pub fn write(home: &Path, settings: &Settings) -> Result<Self, io::Error> {
        let file = Self(home.join(NAME));
        write_whole(&file.0, text(settings)?.as_bytes())?;
        Ok(file)
    }

    /// As somebody in this folder would type it.
    pub fn shown(&self) -> &Path {
        let here = std::env::current_dir().unwrap_or_default();
        self.0.strip_prefix(here).unwrap_or(&self.0)
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, file = %self.0.display(), "settings of servers that have stopped were not removed");
        }
    }
}

/// A string of JSON is one of TOML, too.
fn text(settings: &Settings) -> Result<String, io::Error> {
    let line = |(key, value): (&str, &str)| format!("{key} = {}\n", serde_json::Value::from(value));
    let (names, files) = (names(settings), files(settings)?);
    Ok(names.into_iter().chain(files.iter().map(|(key, path)| (*key, &**path))).map(line).collect())
}

fn names(settings: &Settings) -> [(&str, &str); 8] {
    [
        ("postgres.url", settings.postgres.url.expose()),
        ("nats.url", settings.nats.url.expose()),
        ("nats.projector_url", settings.nats.projector_url.expose()),
        ("nats.prefix", &settings.nats.prefix),
        ("mongodb.url", settings.mongodb.url.expose()),
        ("mongodb.database", &settings.mongodb.database),
        ("redis.url", settings.redis.url.expose()),
        ("redis.prefix", &settings.redis.prefix),
    ]
}

/// Good from any folder.
fn files(settings: &Settings) -> Result<[(&'static str, String); 4], io::Error> {
    let path = |file: &Path| absolute(file).map(|path| path.display().to_string());
    Ok([
        ("auth.signing_key_file", path(&settings.auth.signing_key_file)?),
        ("auth.verify_key_file", path(&settings.auth.verify_key_file)?),
        ("auth.secret_file", path(&settings.auth.secret_file)?),
        ("payments.webhook_secret_file", path(&settings.payments.webhook_secret_file)?),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SecretUrl;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn who_reads_it_finds_the_servers_and_is_the_owner() {
        let home = tempfile::tempdir().unwrap();
        let mut settings = Settings::default();
        settings.postgres.url = SecretUrl("postgres://a:\"secret\\@127.0.0.1:1/b".into());
        settings.redis.prefix = "mine".into();
        for file in [&mut settings.auth.signing_key_file, &mut settings.auth.verify_key_file] {
            *file = "keys/key".into();
        }
        for file in [&mut settings.auth.secret_file, &mut settings.payments.webhook_secret_file] {
            *file = "keys/secret".into();
        }
        let file = SettingsFile::write(home.path(), &settings).unwrap();
        let path = home.path().join(NAME);
        let read = Settings::load(Some(&path), &[]).unwrap();
        assert_eq!(read.postgres.url, settings.postgres.url);
        assert_eq!(read.redis.prefix, "mine");
        assert_eq!(read.auth.secret_file, absolute(&settings.auth.secret_file).unwrap());
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        drop(file);
        assert!(!path.exists());
    }
}
