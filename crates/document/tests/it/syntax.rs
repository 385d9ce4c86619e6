//! Texts that could be read in two ways are read in one, or not at all.

use async_graphql::parser::parse_query;
use millrace_document::{Kind, Limits, Outline, Refusal, Steps, look};

fn looked(text: &str) -> Result<Outline<'_>, Refusal> {
    look(text, &Limits::default(), &[], &mut Steps::default())
}

#[test]
fn what_is_no_document_is_refused_and_the_parser_agrees() {
    for text in [
        "",
        " ",
        "#",
        "{",
        "}",
        "{a",
        "a",
        "{a}}",
        "{a(}",
        "{a(b)}",
        "{a(b:)}",
        "query",
        "query A",
        "{...}",
        "{a:}",
        "{a@}",
        "{a(b:01)}",
        "{a(b:1x)}",
        "{a(b:1.)}",
        "{a(b:-)}",
        "{a(b:\"\n\")}",
        "{a(b:\"\\q\")}",
        "{a(b:\"\\ud800\")}",
        "{a(b:\"\\u12\")}",
        "{a(b:\"\"\")}",
        "{a(b:\"",
        "{a ü}",
        "{a \u{a0}}",
        "type A{b:C}",
        "fragment F on Q{a}",
        "query(a:I){a}",
        "query($a){a}",
        "{a..b}",
        "{a(b:$)}",
        "{..F}",
    ] {
        assert!(matches!(looked(text), Err(Refusal::Syntax { .. })), "{text:?}");
        assert!(parse_query(text).is_err(), "{text:?}");
    }
}

/// async-graphql's parser wants no space between a word of the language and a name, and no end of one.
#[test]
fn what_the_parser_would_read_in_another_shape_is_refused() {
    for text in ["queryA{a}", "{...F}fragmentF on Q{a}", "{...on}fragment on on Q{a}", "{a(b:[01])}", "{a(b:trueB:1)}"]
    {
        assert!(matches!(looked(text), Err(Refusal::Syntax { .. })), "{text:?}");
    }
}

#[test]
fn forms_of_the_language_are_taken() {
    for text in [
        "{a}",
        "query{a}",
        "query A($a:[I!]!@d=[1],$b:O={c:{d:\"\"\"x\"\"\"}}) @e(f:$a){x:a(b:$b c:E d:null e:-1.5e-3)@g{...on T@h{i}...F@j ...{k}}}fragment F on T@l{m}",
        "\u{feff}{a,,,b#c\r\n}",
        "subscription S{a}",
        "{on fragment query true null}",
        "{a(b:\"\\u00e9\\n ü\")}",
    ] {
        assert!(looked(text).is_ok(), "{text:?}: {:?}", looked(text));
        assert!(parse_query(text).is_ok(), "{text:?}");
    }
}

#[test]
fn the_name_says_what_is_executed() {
    let text = "query A{a}mutation B{b}subscription C{c}";
    let outline = looked(text).unwrap();
    let kinds = [Some("A"), Some("B"), Some("C"), Some("D"), None].map(|name| outline.kind(name));
    assert_eq!(kinds, [Some(Kind::Query), Some(Kind::Mutation), Some(Kind::Subscription), None, None]);
    assert_eq!(looked("mutation{a}").unwrap().kind(None), Some(Kind::Mutation));
}
