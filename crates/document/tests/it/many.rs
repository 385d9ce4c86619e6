//! A hundred thousand documents, good ones and broken ones.

use crate::dice::Dice;
use crate::generator::{Schema, count, document, text};
use crate::tokens;
use async_graphql::parser::parse_query;
use millrace_document::cost::Weights;
use millrace_document::{Limits, Refusal, Steps, count_tokens, look};
use std::sync::LazyLock;

const DOCUMENTS: u64 = 100_000;
/// One step for each byte, one for each token, and each selection is looked at up to four times, each argument twice.
const STEPS_PER_BYTE: usize = 4;

/// Everything may be as large as it likes.
fn without_limits() -> Limits {
    let max = usize::MAX;
    Limits {
        query_bytes_max: max,
        tokens_max: max,
        nesting_max: max,
        aliases_max: max,
        root_fields_max: max,
        mutations_max: max,
        sign_ins_max: max,
        directives_max: max,
        fragments_max: max,
        selections_max: max,
        depth_max: max,
        introspection_depth_max: max,
        introspection_lists_max: max,
        operations_max: max,
        variables_max: max,
        variable_depth_max: max,
        list_items_max: max,
        cost_max: max,
        subscription_cost_max: max,
    }
}

/// Looks at a text, reckons what it costs, and makes sure that both took no longer than its length allows.
fn measured(text: &str, limits: &Limits) -> Result<(), Refusal> {
    static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| Schema::new().weights());
    let mut steps = Steps::default();
    let looked = look(text, limits, &["signIn"], &mut steps).map(|outline| {
        let before = steps;
        let cost = WEIGHTS.cost(&outline, None, &|_| None, &mut steps);
        assert!(cost.is_none() || steps > before, "reckoned without a step:\n{text}");
    });
    assert!(steps.0 <= STEPS_PER_BYTE * (text.len() + 1), "{} steps for {} bytes:\n{text}", steps.0, text.len());
    looked
}

#[test]
fn a_hundred_thousand_documents_are_looked_at_in_linear_time_and_the_good_ones_are_taken() {
    let (schema, free, limits) = (Schema::new(), without_limits(), Limits::default());
    let (mut good, mut broken, mut taken_by_both) = (0, 0, 0);
    for seed in 0..DOCUMENTS {
        let mut dice = Dice::new(seed);
        let tokens = document(&schema, &mut dice);
        let written = text(&tokens, &mut dice);
        if seed % 4 == 0 {
            let parsed = parse_query(&written).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{written}"));
            assert_eq!(measured(&written, &free), Ok(()), "seed {seed}:\n{written}");
            assert_eq!(count_tokens(&written), Some(count(&tokens)), "seed {seed}:\n{written}");
            assert_eq!(tokens::of(&parsed), count(&tokens), "seed {seed}:\n{written}");
            good += 1;
            continue;
        }
        let written = broken_text(&tokens, &written, &mut dice);
        let _anything = measured(&written, &free);
        broken += 1;
        // What passes is shown to the parser, which may refuse it but not fall over.
        if measured(&written, &limits).is_ok() && parse_query(&written).is_ok() {
            taken_by_both += 1;
        }
    }
    assert_eq!((good, broken), (25_000, 75_000));
    assert!(taken_by_both > 1_000, "only {taken_by_both} of the broken ones are documents all the same");
}

const PIECES: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "...",
    ":",
    "$",
    "@",
    "!",
    "=",
    "|",
    "&",
    "\"",
    "\"\"\"",
    "\\",
    "#",
    "\n",
    "on",
    "fragment",
    "query",
    "mutation",
    "F0",
    "id",
    "1",
    "-",
    "0x",
    "1.5e9",
    "\u{0}",
    "ü",
    "\u{1F600}",
    "\u{feff}",
    "true",
];

fn broken_text(tokens: &[String], written: &str, dice: &mut Dice) -> String {
    match dice.below(4) {
        0 => (0..dice.below(200)).map(|_| *dice.pick(PIECES)).collect::<Vec<_>>().join(if dice.chance(50) {
            " "
        } else {
            ""
        }),
        1 => written.chars().take(dice.below(written.chars().count() + 1)).collect(),
        2 => exchanged(tokens.to_vec(), dice),
        _ => with_pieces(written, dice),
    }
}

/// Some tokens are left out, doubled or moved.
fn exchanged(mut tokens: Vec<String>, dice: &mut Dice) -> String {
    for _ in 0..=dice.below(3) {
        let (one, other) = (dice.below(tokens.len()), dice.below(tokens.len()));
        match dice.below(3) {
            0 if tokens.len() > 1 => drop(tokens.remove(one)),
            1 => tokens.insert(one, tokens[other].clone()),
            _ => tokens.swap(one, other),
        }
    }
    text(&tokens, dice)
}

/// Pieces are put between two characters.
fn with_pieces(written: &str, dice: &mut Dice) -> String {
    let mut characters: Vec<char> = written.chars().collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(characters.len() + 1);
        let piece = *dice.pick(PIECES);
        characters.splice(at..at, piece.chars());
    }
    characters.into_iter().collect()
}

/// Fragments that each spread the next one twice.
fn bomb(fragments: usize) -> String {
    let link = |n: usize| format!("fragment F{n} on Query{{...F{0} ...F{0}}}", n + 1);
    let links: String = (1..fragments).map(link).collect();
    format!("{{...F1}}{links}fragment F{fragments} on Query{{__typename}}")
}

#[test]
fn a_chain_of_fragments_that_doubles_is_refused_at_once_however_long_it_is() {
    let limits = Limits::default();
    let too_many = |text: &str| measured(text, &limits).unwrap_err().code();
    assert!(bomb(23).len() < 900, "{} bytes", bomb(23).len());
    assert_eq!(too_many(&bomb(23)), "SELECTION_LIMIT");
    assert_eq!(too_many(&bomb(30)), "SELECTION_LIMIT");
    assert_eq!(too_many(&bomb(300)), "FRAGMENT_LIMIT");
    assert_eq!(measured(&bomb(3_000), &without_limits()), Ok(()), "even where nothing is limited");
}

#[test]
fn as_many_variables_as_fields_that_take_them_take_steps_in_proportion() {
    for count in [10, 1_000, 20_000] {
        let variables: String = (0..count).map(|n| format!("$v{n}:Int=1 ")).collect();
        let fields = format!("posts(last:$v{}){{nodes{{id}}}}", count - 1).repeat(count);
        assert_eq!(measured(&format!("query({variables}){{{fields}}}"), &without_limits()), Ok(()));
        let arguments = "a:1 ".repeat(count);
        assert_eq!(measured(&format!("{{posts({arguments}){{nodes{{id}}}}}}"), &without_limits()), Ok(()));
    }
}

#[test]
fn whatever_repeats_takes_steps_in_proportion() {
    let free = without_limits();
    for (head, part, tail) in [
        ("{", "[", "}"),
        ("{a(b:", "[", ")}"),
        ("{a(b:", "{c:", ")}"),
        ("", "{a", "}"),
        ("{", "...on Q{", "}"),
        ("query(", "$a:[[I]] ", "){a}"),
        ("{a", "@b ", "}"),
        ("{", "a:a ", "}"),
        ("{a(b:\"", "\\u00e9", "\")}"),
        ("{a(b:\"\"\"", "\\\"\"\"", "\"\"\")}"),
        ("", "query Q{a}", ""),
        ("", "fragment F on Q{...F}", ""),
        ("#", "#", "\n{a}"),
        ("{a(b:", "123", ")}"),
    ] {
        for count in [10, 1_000, 100_000] {
            let _anything = measured(&format!("{head}{}{tail}", part.repeat(count)), &free);
        }
    }
}
