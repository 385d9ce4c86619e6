//! Names and passwords that nobody can guess or meet by chance.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};

/// Bytes in a generated password.
const PASSWORD_BYTES: usize = 24;
/// Bytes that make a name unique.
const NAME_BYTES: usize = 6;

/// A name for a database, a stream or a key prefix that no other test has: `{prefix}_{12 hex digits}`.
///
/// # Panics
/// If the system has no random numbers.
pub fn unique_name(prefix: &str) -> String {
    match random_hex(NAME_BYTES) {
        Ok(hex) => format!("{prefix}_{hex}"),
        Err(error) => panic!("/dev/urandom can't be read: {error}"),
    }
}

/// A new password.
pub(crate) fn password() -> io::Result<String> {
    random_hex(PASSWORD_BYTES)
}

/// A random number.
pub(crate) fn random_u64() -> io::Result<u64> {
    let mut bytes = [0; 8];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn random_hex(count: usize) -> io::Result<String> {
    let mut bytes = vec![0; count];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String has no way to fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
