//! PostgreSQL refuses to run as root: the account that it runs as instead.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use crate::error::{Error, at};

/// Accounts that every Debian or Ubuntu has, the better one first.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// An account without privileges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    user_id: u32,
    group_id: u32,
    /// Root may keep its data where others can't look, such as in /root: then the account gets this one capability
    /// of root's, to pass the folders on the way.
    passes_folders: bool,
}

impl Account {
    /// The account to drop to for work that needs these paths, or none if we are not root.
    pub(crate) fn for_paths(paths: &[&Path]) -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let path = Path::new("/etc/passwd");
        let accounts = fs::read_to_string(path).map_err(at("read", path))?;
        let (user_id, group_id) = CANDIDATES.iter().find_map(|name| ids_of(&accounts, name)).ok_or(Error::NoAccount)?;
        Ok(Some(Self { user_id, group_id, passes_folders: !paths.iter().all(|path| is_open_to_all(path)) }))
    }

    pub(crate) fn setpriv_arguments(&self) -> Vec<String> {
        let mut arguments = vec![
            format!("--reuid={}", self.user_id),
            format!("--regid={}", self.group_id),
            "--clear-groups".to_owned(),
        ];
        if self.passes_folders {
            arguments.push("--inh-caps=+dac_override".to_owned());
            arguments.push("--ambient-caps=+dac_override".to_owned());
            // PostgreSQL's tools look for each other by access(2), which otherwise ignores capabilities.
            arguments.push("--securebits=+no_setuid_fixup".to_owned());
        }
        arguments
    }

    /// Makes the account the owner of a folder (not of what is in it).
    pub(crate) fn own(&self, folder: &Path) -> Result<(), Error> {
        chown(folder, Some(self.user_id), Some(self.group_id)).map_err(at("change the owner of", folder))
    }
}

fn ids_of(accounts: &str, name: &str) -> Option<(u32, u32)> {
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

fn is_open_to_all(folder: &Path) -> bool {
    const PASSABLE_BY_OTHERS: u32 = 0o001;
    folder
        .ancestors()
        .skip(1)
        .filter(|ancestor| !ancestor.as_os_str().is_empty())
        .all(|ancestor| fs::metadata(ancestor).is_ok_and(|data| data.mode() & PASSABLE_BY_OTHERS != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_from_the_right_line() {
        let accounts = "root:x:0:0::/root:/bin/sh\npostgres-old:x:7:8::/:/bin/sh\npostgres:x:101:104:,,:/:/bin/sh\n";
        assert_eq!(ids_of(accounts, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(accounts, "nobody"), None);
    }
}
