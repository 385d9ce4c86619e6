//! The first look at a query's text, before anything else reads it: one pass over the characters, and one over the fragments.
//!
//! async-graphql follows fragments as often as they are spread before it compares any limit: 23 that each spread the next one twice, in
//! 806 bytes, keep it busy for seconds, and each one more doubles that. So whatever does not pass here is never shown to it. The pass takes a number of steps that is linear in the text ([`Steps`] counts them), and knows no schema; the
//! [cost](cost) of an operation does.
//!
//! A crate of its own: it reads a text that anybody may have sent, so it can do nothing else; and tests run it optimised.

pub mod cost;
mod expansion;
mod lexer;
mod limits;
mod outline;
mod parser;
mod refusal;

pub use limits::Limits;
pub use outline::{Kind, Outline};
pub use refusal::{Limit, Refusal};

/// How much work was done: one for each character, token, selection and spread that was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Steps(pub usize);

impl Steps {
    fn take(&mut self, count: usize) {
        self.0 += count;
    }
}

/// Looks at a text. `sign_ins` are the mutations of which one operation may hold one.
pub fn look<'a>(text: &'a str, limits: &Limits, sign_ins: &[&str], steps: &mut Steps) -> Result<Outline<'a>, Refusal> {
    limits.check(Limit::Size, text.len())?;
    let outline = parser::parse(text, limits, steps)?;
    expansion::check(outline, limits, sign_ins, steps)
}

/// How many tokens the text has, if it is made of tokens.
pub fn count_tokens(text: &str) -> Option<usize> {
    let (mut lexer, mut steps) = (lexer::Lexer::new(text), Steps::default());
    let mut count = 0;
    while lexer.next(&mut steps).ok()?.is_some() {
        count += 1;
    }
    Some(count)
}
