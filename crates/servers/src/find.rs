//! Looks for servers that are installed already.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::kind::Kind;
use crate::provide::Program;

/// Folders that are not always on the PATH of everybody.
const USUAL_FOLDERS: [&str; 5] = ["/usr/local/bin", "/usr/bin", "/usr/sbin", "/usr/local/sbin", "/usr/local/pgsql/bin"];
/// Debian and Ubuntu keep each major version of PostgreSQL in a folder of its own below this.
const POSTGRESQL_VERSIONS: &str = "/usr/lib/postgresql";

/// An installed server whose version fits.
pub(crate) fn installed(server: Kind) -> Option<Program> {
    candidate_folders(server).into_iter().find_map(|folder| usable(server, &folder.join(server.program()), Vec::new()))
}

/// The program, if it is there, runs, and is not too old.
pub(crate) fn usable(server: Kind, path: &Path, library_path: Vec<PathBuf>) -> Option<Program> {
    if !path.is_file() || (server == Kind::Postgresql && !has_tools(path)) {
        return None;
    }
    let mut command = Command::new(path);
    command.arg("--version");
    if let Ok(joined) = env::join_paths(&library_path)
        && !library_path.is_empty()
    {
        command.env("LD_LIBRARY_PATH", joined);
    }
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (version, numbers) = version_in(&text)?;
    (numbers >= server.oldest_version()).then(|| Program { path: path.to_owned(), version, library_path })
}

fn has_tools(postgres: &Path) -> bool {
    ["initdb", "psql"].iter().all(|tool| postgres.with_file_name(tool).exists())
}

fn candidate_folders(server: Kind) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default();
    if server == Kind::Postgresql {
        folders.extend(postgresql_folders(Path::new(POSTGRESQL_VERSIONS)));
    }
    folders.extend(USUAL_FOLDERS.iter().map(PathBuf::from));
    folders
}

/// The newest version first.
pub(crate) fn postgresql_folders(versions: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(versions) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((path.file_name()?.to_str()?.parse().ok()?, path.join("bin")))
        })
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, path)| path).collect()
}

/// The first thing that looks like a version, as text and as (major, minor).
fn version_in(text: &str) -> Option<(String, (u32, u32))> {
    let start = text.find(|letter: char| letter.is_ascii_digit())?;
    let rest = &text[start..];
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
    let version = rest[..end].trim_end_matches('.');
    let mut numbers = version.split('.').map(str::parse);
    let major = numbers.next()?.ok()?;
    let minor = numbers.next().and_then(Result::ok).unwrap_or(0);
    Some((version.to_owned(), (major, minor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_the_four_servers_are_understood() {
        let cases = [
            ("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)", "15.18", (15, 18)),
            ("postgres (PostgreSQL) 19devel", "19", (19, 0)),
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", "7.0.15", (7, 0)),
            ("db version v6.0.5\nBuild Info: {", "6.0.5", (6, 0)),
            ("nats-server: v2.15.1", "2.15.1", (2, 15)),
        ];
        for (text, version, numbers) in cases {
            assert_eq!(version_in(text), Some((version.to_owned(), numbers)), "{text}");
        }
        assert_eq!(version_in("no number"), None);
    }
}
