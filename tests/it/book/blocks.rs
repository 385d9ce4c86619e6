//! The fenced blocks of a page.

use super::pages::Page;

const FENCE: &str = "```";
const NOT_RUN: &str = "<!-- not run: ";

/// One block.
pub struct Block {
    /// Page and line.
    pub place: String,
    pub language: String,
    pub text: String,
    /// The reason why no test runs it.
    pub not_run: Option<String>,
}

impl Block {
    /// True if it is one of this language that is run.
    pub fn is(&self, language: &str) -> bool {
        self.language == language && self.not_run.is_none()
    }
}

/// The blocks of a page, in its order.
pub fn blocks_of(page: &Page) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut before = "";
    for (number, line) in page.text.lines().enumerate() {
        match (&mut open, line.strip_prefix(FENCE)) {
            (None, Some(language)) => open = Some(begin(page, number, language, before)),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, None) => {}
        }
        before = line;
    }
    assert!(open.is_none(), "{}: a block has no end", page.path);
    blocks
}

fn begin(page: &Page, number: usize, language: &str, before: &str) -> Block {
    let reason = before.strip_prefix(NOT_RUN).and_then(|rest| rest.strip_suffix(" -->"));
    let place = format!("{}:{}", page.path, number + 1);
    Block { place, language: language.to_owned(), text: String::new(), not_run: reason.map(str::to_owned) }
}
