//! Pages that the program writes: compared, or with `UPDATE=1` written anew.

use super::pages::root;

/// This page is this text.
pub fn keep(path: &str, text: &str) {
    let file = root().join(path);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, text).expect("the page is written");
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "{path} changed: look at `UPDATE=1 cargo test --test it book` and git diff");
}

/// Between these lines of a page stands this text.
pub fn keep_between(path: &str, begin: &str, end: &str, text: &str) {
    let whole = std::fs::read_to_string(root().join(path)).expect("the page");
    let (before, rest) = whole.split_once(begin).expect("the line before");
    let (_, after) = rest.split_once(end).expect("the line after");
    keep(path, &format!("{before}{begin}\n{text}{end}{after}"));
}

/// Text that may stand in a cell of a table.
pub fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|").replace('<', "&lt;")
}
