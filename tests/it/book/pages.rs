//! The pages of the book as they lie in `docs/src`.

use std::path::{Path, PathBuf};

/// One page.
#[derive(Clone)]
pub struct Page {
    /// Below `docs/src`.
    pub path: String,
    pub text: String,
    file: PathBuf,
}

impl Page {
    /// Where its relative links begin.
    pub fn folder(&self) -> &Path {
        self.file.parent().expect("a folder")
    }
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/src")
}

/// All pages, in the order of their paths.
pub fn pages() -> Vec<Page> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// The repository's first page, for which the same holds.
pub fn readme() -> Page {
    page(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), "README.md".into())
}

fn collect(folder: &Path, found: &mut Vec<Page>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let file = entry.expect("an entry").path();
        if file.is_dir() {
            collect(&file, found);
        } else if file.extension().is_some_and(|extension| extension == "md") {
            let path = file.strip_prefix(root()).expect("below it").display().to_string();
            found.push(page(file, path));
        }
    }
}

fn page(file: PathBuf, path: String) -> Page {
    let text = std::fs::read_to_string(&file).expect("its text");
    Page { path, text, file }
}
