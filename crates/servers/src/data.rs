//! Folders: the private home, a set's data folder, copies.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::entropy::unique_name;
use crate::error::{Error, at};
use crate::launch::tail;

/// Where servers and data are kept instead of `.millrace` in the project.
const HOME_VARIABLE: &str = "MILLRACE_HOME";
const HOME_NAME: &str = ".millrace";
const LOCK_NAME: &str = "lock";

/// `$MILLRACE_HOME`, else `.millrace` beside the nearest `Cargo.lock` above the working folder, else in that folder.
pub fn home_folder() -> Result<PathBuf, Error> {
    if let Some(home) = std::env::var_os(HOME_VARIABLE).filter(|value| !value.is_empty()) {
        return Ok(PathBuf::from(home));
    }
    let here = std::env::current_dir().map_err(at("find", ".".as_ref()))?;
    let project = here.ancestors().find(|folder| folder.join("Cargo.lock").is_file()).unwrap_or(&here);
    Ok(project.join(HOME_NAME))
}

/// Makes `to` an exact copy of `from`: owners, times and all; what was in `to` is gone.
pub fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    remove_folder(to)?;
    let output = Command::new("cp")
        .args(["-a", "--reflink=auto", "--"])
        .args([from, to])
        .output()
        .map_err(|source| Error::Spawn { program: "cp".to_owned(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Failed { program: "cp".to_owned(), status: output.status, output: tail(&output.stderr) })
}

/// Removes a folder that may not be there.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(at("remove", folder)(error)),
        _ => Ok(()),
    }
}

/// A folder that only we run servers over.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    is_temporary: bool,
    _lock: File,
}

impl DataFolder {
    /// Takes a folder that keeps its data.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        Self::lock(path, false)
    }

    /// Makes a folder below `parent` that is deleted with this value. Those whose owners were killed go now.
    pub(crate) fn temporary(parent: &Path) -> Result<Self, Error> {
        fs::create_dir_all(parent).map_err(at("create", parent))?;
        // While this is held nobody sweeps a folder that is not locked yet.
        let guard_path = parent.join(LOCK_NAME);
        let guard = File::create(&guard_path).map_err(at("create", &guard_path))?;
        guard.lock().map_err(at("lock", &guard_path))?;
        sweep(parent)?;
        Self::lock(&parent.join(unique_name("set")), true)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn lock(path: &Path, is_temporary: bool) -> Result<Self, Error> {
        fs::create_dir_all(path).map_err(at("create", path))?;
        let path = path.canonicalize().map_err(at("find", path))?;
        let lock_path = path.join(LOCK_NAME);
        let lock = File::create(&lock_path).map_err(at("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, is_temporary, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::DataFolderInUse(path)),
            Err(TryLockError::Error(error)) => Err(at("lock", &lock_path)(error)),
        }
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if self.is_temporary {
            // What can't be deleted now is swept by the next set.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Deletes temporary folders that nobody holds any more.
fn sweep(parent: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(parent).map_err(at("read", parent))? {
        let folder = entry.map_err(at("read", parent))?.path();
        // A folder without a lock file is being deleted by its owner.
        let Ok(lock) = File::open(folder.join(LOCK_NAME)) else { continue };
        if lock.try_lock().is_ok() {
            crate::process::kill_all_in(&folder).map_err(at("clear", &folder))?;
            remove_folder(&folder)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch() -> PathBuf {
        let folder = std::env::temp_dir().join(unique_name("millrace-data-test"));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a_data_folder_has_one_owner() {
        let parent = scratch();
        let first = DataFolder::open(&parent).unwrap();
        assert!(matches!(DataFolder::open(&parent), Err(Error::DataFolderInUse(_))));
        drop(first);
        DataFolder::open(&parent).unwrap();
        fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn only_abandoned_temporary_folders_are_swept() {
        let parent = scratch();
        let abandoned = parent.join("set_abandoned");
        fs::create_dir(&abandoned).unwrap();
        File::create(abandoned.join(LOCK_NAME)).unwrap();
        let held = DataFolder::temporary(&parent).unwrap();
        let other = DataFolder::temporary(&parent).unwrap();
        assert!(!abandoned.exists());
        assert!(held.path().exists() && other.path().exists());
        drop((held, other));
        assert!(fs::read_dir(&parent).unwrap().all(|entry| entry.unwrap().file_name() == LOCK_NAME));
        fs::remove_dir_all(parent).unwrap();
    }

    #[test]
    fn a_copy_replaces_what_was_there() {
        let parent = scratch();
        let (from, to) = (parent.join("from"), parent.join("to"));
        for (folder, name) in [(&from, "new"), (&to, "old")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(name), name).unwrap();
        }
        copy_folder(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("new")).unwrap(), "new");
        assert!(!to.join("old").exists());
        fs::remove_dir_all(parent).unwrap();
    }
}
