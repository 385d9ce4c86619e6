//! Debian's packages without root: apt with state of its own, unpacked into a private folder.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{FetchError, fetch_at};
use crate::launch::tail;

/// apt with lists and archives below one private folder. It checks signatures as ever.
pub(crate) struct Apt {
    folder: PathBuf,
    is_updated: bool,
}

impl Apt {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, is_updated: false }
    }

    /// Downloads a package with all that it needs and the system lacks, and unpacks them into `root`.
    pub(crate) fn unpack(&mut self, package: &str, root: &Path) -> Result<(), FetchError> {
        let archives = self.folder.join("cache").join(package);
        for folder in [&archives.join("partial"), &self.folder.join("lists/partial"), &root.to_owned()] {
            fs::create_dir_all(folder).map_err(fetch_at("create", folder))?;
        }
        self.update()?;
        let cache = format!("Dir::Cache::archives={}/", archives.display());
        let install = ["-o", &cache, "--no-install-recommends", "--download-only", "install", package];
        run(self.apt_get().args(install))?;
        for archive in debs_in(&archives)? {
            run(Command::new("dpkg-deb").arg("--extract").arg(archive).arg(root))?;
        }
        fs::remove_dir_all(&archives).map_err(fetch_at("remove", &archives))
    }

    fn update(&mut self) -> Result<(), FetchError> {
        if !self.is_updated {
            run(self.apt_get().arg("update"))?;
            self.is_updated = true;
        }
        Ok(())
    }

    fn apt_get(&self) -> Command {
        let mut command = Command::new("apt-get");
        let folder = self.folder.display();
        command.args(["--yes", "--quiet"]).env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        command.args(["-o", &format!("Dir::State::lists={folder}/lists/")]);
        command.args(["-o", &format!("Dir::Cache={folder}/cache/")]);
        for option in [
            // The package database is only read, so its lock, which is root's, is not needed.
            "Debug::NoLocking=1",
            // Our folder need not be readable for the account that apt drops to.
            "APT::Sandbox::User=",
            "Acquire::Languages=none",
            "Acquire::Retries=3",
            // Containers' apt deletes archives of the system after each run; ours are not there, and not theirs.
            "APT::Update::Post-Invoke=",
        ] {
            command.args(["-o", option]);
        }
        command
    }
}

/// Where a program unpacked into `root` finds its libraries.
pub(crate) fn library_path(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for parent in [root.join("usr/lib"), root.join("lib")] {
        let Ok(entries) = fs::read_dir(&parent) else { continue };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        folders.extend(paths.filter(|path| path.to_string_lossy().contains("-linux-gnu")));
    }
    folders
}

fn debs_in(folder: &Path) -> Result<Vec<PathBuf>, FetchError> {
    let entries = fs::read_dir(folder).map_err(fetch_at("read", folder))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    paths.sort();
    Ok(paths)
}

/// Runs a tool to its end.
pub(crate) fn run(command: &mut Command) -> Result<(), FetchError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|source| FetchError::Spawn { program: program.clone(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(FetchError::Failed { program, status: output.status, output: tail(&output.stderr) })
}
