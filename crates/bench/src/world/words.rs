//! Texts of about the lengths that people write.

use crate::dice::Dice;

const WORDS: &[&str] = &[
    "about",
    "after",
    "again",
    "water",
    "river",
    "stone",
    "wheel",
    "grain",
    "miller",
    "bread",
    "morning",
    "evening",
    "people",
    "answer",
    "question",
    "because",
    "between",
    "without",
    "little",
    "large",
    "small",
    "never",
    "always",
    "often",
    "today",
    "harvest",
    "market",
    "village",
    "winter",
    "summer",
    "neighbour",
    "letter",
    "window",
    "garden",
    "story",
    "reason",
    "thought",
    "the",
    "a",
    "of",
    "and",
    "to",
    "in",
    "is",
    "it",
    "was",
    "for",
    "on",
    "with",
    "as",
    "at",
    "by",
    "we",
    "they",
    "you",
];
const FIRST_NAMES: &[&str] =
    &["Ada", "Grace", "Edsger", "Barbara", "Alan", "Radia", "Donald", "Frances", "Niklaus", "Shafi"];
const LAST_NAMES: &[&str] =
    &["Lovelace", "Hopper", "Liskov", "Perlman", "Knuth", "Allen", "Wirth", "Goldwasser", "Turing"];
const TAGS: &[&str] = &["milling", "rivers", "bread", "history", "engineering", "harvest", "trade", "letters"];

/// Words in a title, in a post, in a comment: from, to.
const TITLE: (usize, usize) = (3, 9);
const BODY: (usize, usize) = (60, 240);
const COMMENT: (usize, usize) = (6, 40);
const TAGS_EACH: (usize, usize) = (1, 3);

fn some(list: &'static [&'static str], dice: &mut Dice) -> &'static str {
    list[dice.below(list.len())]
}

fn words((from, to): (usize, usize), dice: &mut Dice) -> String {
    let count = from + dice.below(to - from + 1);
    let words: Vec<&str> = (0..count).map(|_| some(WORDS, dice)).collect();
    words.join(" ")
}

/// First and last name.
pub fn names(dice: &mut Dice) -> (String, String) {
    (some(FIRST_NAMES, dice).to_owned(), some(LAST_NAMES, dice).to_owned())
}

/// A post's title.
pub fn title(dice: &mut Dice) -> String {
    words(TITLE, dice)
}

/// A post's text.
pub fn body(dice: &mut Dice) -> String {
    words(BODY, dice)
}

/// A comment's text.
pub fn comment(dice: &mut Dice) -> String {
    words(COMMENT, dice)
}

/// A post's tags, each once.
pub fn tags(dice: &mut Dice) -> Vec<String> {
    let (from, to) = TAGS_EACH;
    let (first, count) = (dice.below(TAGS.len()), from + dice.below(to - from + 1));
    (first..first + count).map(|place| TAGS[place % TAGS.len()].to_owned()).collect()
}
