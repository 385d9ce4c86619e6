//! Keys in files: a pair for access tokens, and the secret that query and command roles share. Only their owner can read them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// File name of the private key of access tokens.
pub const SIGNING_KEY: &str = "signing-key.pem";
/// File name of the public key of access tokens.
pub const VERIFY_KEY: &str = "verify-key.pem";
/// File name of the secret.
pub const SECRET: &str = "secret";
/// File name of the secret that the payment provider signs with.
pub const WEBHOOK_SECRET: &str = "webhook-secret";
const OWNER_ONLY: u32 = 0o600;
const SECRET_BYTES_MIN: usize = 32;

/// Why keys cannot be made or read.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file cannot be read or written.
    #[error("key file {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: io::Error,
    },
    /// A secret that can be guessed.
    #[error("the secret in {path} is shorter than {SECRET_BYTES_MIN} bytes")]
    ShortSecret {
        /// Which file.
        path: PathBuf,
    },
    /// A file that is there and holds no key, such as half of one.
    #[error("key file {path} does not hold a whole key")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: millrace_command::auth::KeyError,
    },
    /// The key pair could not be made.
    #[error("no key pair could be made")]
    Generate(#[from] millrace_command::auth::KeyError),
}

/// Makes all keys in a folder. What is there already stays as it is.
pub fn generate(folder: &Path) -> Result<(), KeyError> {
    fs::create_dir_all(folder).map_err(|source| KeyError::File { path: folder.to_owned(), source })?;
    for secret in [WEBHOOK_SECRET, SECRET].map(|name| folder.join(name)) {
        if !secret.exists() {
            write_new(&secret, new_secret().as_bytes())?;
        }
    }
    if folder.join(SIGNING_KEY).exists() {
        return Ok(());
    }
    let pair = millrace_command::auth::generate_key_pair()?;
    write_new(&folder.join(VERIFY_KEY), pair.public_pem.as_bytes())?;
    write_new(&folder.join(SIGNING_KEY), pair.private_pem.as_bytes())
}

fn new_secret() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

/// Reads a key, whole or not at all.
pub fn read<K>(
    path: &Path,
    parse: impl FnOnce(&str) -> Result<K, millrace_command::auth::KeyError>,
) -> Result<K, KeyError> {
    parse(&read_text(path)?).map_err(|source| KeyError::Malformed { path: path.to_owned(), source })
}

fn read_text(path: &Path) -> Result<String, KeyError> {
    fs::read_to_string(path).map_err(|source| KeyError::File { path: path.to_owned(), source })
}

/// Reads the secret; one that is too short is refused.
pub fn read_secret(path: &Path) -> Result<Arc<str>, KeyError> {
    let secret = read_text(path)?;
    let secret = secret.trim();
    if secret.len() < SECRET_BYTES_MIN {
        Err(KeyError::ShortSecret { path: path.to_owned() })
    } else {
        Ok(secret.into())
    }
}

fn write_new(path: &Path, content: &[u8]) -> Result<(), KeyError> {
    write_whole(path, content).map_err(|source| KeyError::File { path: path.to_owned(), source })
}

/// Writes a file that only its owner can read. Written beside it first: that it is there means that it is whole, also after a crash or on
/// a full disk.
pub fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let unfinished = path.with_added_extension("new");
    remove_if_there(&unfinished)?;
    // Made here and now: one that was there would keep its owner, its mode and what it leads to.
    let mut file = OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&unfinished)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
