//! Each limit: exactly as much is taken, one more is not, nor ten times as much.

use millrace_document::{Limit, Limits, Refusal, Steps, look};

/// With the default limits, but for the text's length where it is not the point: ten times as many tokens do not fit into it.
fn refused_within(text: &str, query_bytes_max: usize) -> Option<Refusal> {
    let limits = Limits { query_bytes_max, ..Limits::default() };
    look(text, &limits, &["signIn", "signUp"], &mut Steps::default()).err()
}

fn refused(text: &str) -> Option<Refusal> {
    refused_within(text, usize::MAX)
}

/// `make` writes a document that holds so much.
fn is_limited(limit: Limit, make: impl Fn(usize) -> String) {
    let max = Limits::default().max(limit);
    is_limited_at(limit, &[max + 1, max * 10], make);
}

fn is_limited_at(limit: Limit, too_many: &[usize], make: impl Fn(usize) -> String) {
    let max = Limits::default().max(limit);
    assert_eq!(refused(&make(max)), None, "{limit:?} at {max}:\n{}", make(max));
    for &count in too_many {
        assert_eq!(refused(&make(count)), Some(Refusal::Limit { limit, max }), "{limit:?} at {count}");
    }
}

/// Fields within fields, ten levels in each fragment.
fn chain(head: &str, depth: usize) -> String {
    let mut text = format!("{head}{{...F0}}");
    for fragment in 0..depth.div_ceil(10) {
        let levels = (depth - fragment * 10).min(10);
        let is_last = (fragment + 1) * 10 >= depth;
        let inner = if is_last { String::new() } else { format!("{{...F{}}}", fragment + 1) };
        text += &format!("fragment F{fragment} on Q{}{inner}{}", repeat("{a", levels), repeat("}", levels));
    }
    text
}

fn repeat(part: &str, count: usize) -> String {
    part.repeat(count)
}

#[test]
fn bytes_of_text() {
    let (limit, max) = (Limit::Size, Limits::default().query_bytes_max);
    let text = |bytes: usize| format!("{{a}}#{}", repeat("x", bytes - 4));
    assert_eq!(refused_within(&text(max), max), None);
    for bytes in [max + 1, max * 10] {
        assert_eq!(refused_within(&text(bytes), max), Some(Refusal::Limit { limit, max }));
    }
}

#[test]
fn tokens() {
    is_limited(Limit::Tokens, |tokens| format!("{{b{{{}}}}}", repeat("a ", tokens - 5)));
}

#[test]
fn brackets_within_each_other() {
    is_limited(Limit::Nesting, |depth| {
        let lists = depth - 2;
        format!("{{a(b:{}{})}}", repeat("[", lists), repeat("]", lists))
    });
    is_limited(Limit::Nesting, |depth| format!("{}a{}", repeat("{...", depth - 1) + "{", repeat("}", depth)));
    is_limited(Limit::Nesting, |depth| format!("query($a:{}I{}){{a}}", repeat("[", depth - 1), repeat("]", depth - 1)));
}

#[test]
fn nesting_has_a_ceiling_that_no_setting_lifts() {
    let limits = Limits { nesting_max: usize::MAX, ..Limits::default() };
    let deep = format!("{{a(b:{})}}", repeat("[", 1_000));
    let refused = look(&deep, &limits, &[], &mut Steps::default());
    assert_eq!(refused, Err(Refusal::Limit { limit: Limit::Nesting, max: 64 }));
}

#[test]
fn aliases_wherever_they_stand() {
    is_limited(Limit::Aliases, |count| {
        format!("{{a{{{}}}}}", (0..count).map(|n| format!("x{n}:b ")).collect::<String>())
    });
    is_limited(Limit::Aliases, |count| format!("{{...F}}fragment F on Q{{a{{{}}}}}", repeat("x:b ", count)));
}

#[test]
fn fields_of_the_operation_itself_through_fragments_too() {
    is_limited(Limit::RootFields, |count| format!("{{{}}}", repeat("a ", count)));
    is_limited(Limit::RootFields, |count| {
        format!("{{...{{{}}}...F}}fragment F on Query{{a}}", repeat("a ", count - 1))
    });
    is_limited(Limit::Mutations, |count| format!("mutation{{{}}}", repeat("a ", count)));
    is_limited(Limit::Mutations, |count| format!("mutation{{{}}}fragment F on Mutation{{a}}", repeat("...F ", count)));
}

#[test]
fn one_sign_in_for_each_operation() {
    is_limited(Limit::SignIns, |count| format!("mutation{{{}}}", repeat("signIn ", count)));
    is_limited(Limit::SignIns, |count| format!("mutation{{{}...on Mutation{{signUp}}}}", repeat("signIn ", count - 1)));
    is_limited(Limit::SignIns, |count| {
        format!("mutation{{{}}}fragment F on Mutation{{signIn}}", repeat("...F ", count))
    });
    assert_eq!(refused("mutation{a{signIn signIn}}"), None, "only the mutation's own fields sign in");
}

#[test]
fn directives_wherever_they_stand() {
    is_limited(Limit::Directives, |count| format!("{{a {}}}", repeat("@b ", count)));
    is_limited(Limit::Directives, |count| format!("query {} {{a}}", repeat("@b(c:1) ", count)));
    is_limited(Limit::Directives, |count| {
        format!(
            "query($a:I @v) @o {{ a @f ...F @s ...@i{{b}} }} fragment F on Q @d {{ c {} }}",
            repeat("@b ", count - 6)
        )
    });
}

#[test]
fn fragments() {
    is_limited(Limit::Fragments, |count| {
        format!("{{...F0}}{}", (0..count).map(|n| format!("fragment F{n} on Q{{a}}")).collect::<String>())
    });
}

#[test]
fn selections_with_their_fragments_spread_out() {
    // 101 for each spread of the fragment, and the rest by hand.
    is_limited(Limit::Selections, |count| {
        let (spreads, rest) = ((count - 1) / 101, (count - 1) % 101);
        format!("{{a{{{}{}}}}}fragment F on Q{{{}}}", repeat("...F ", spreads), repeat("b ", rest), repeat("b ", 100))
    });
    let two = "query A{a{...F}}query B{a{...F}}";
    let of_1200 = format!("{two}fragment F on Q{{{}}}fragment G on Q{{{}}}", repeat("...G ", 99), repeat("b ", 11));
    assert_eq!(refused(&of_1200).map(|refusal| refusal.code()), Some("SELECTION_LIMIT"), "all operations are walked");
}

#[test]
fn depth_through_fragments() {
    is_limited_at(Limit::Depth, &[11, 12], |depth| format!("{}{}", repeat("{a", depth), repeat("}", depth)));
    is_limited(Limit::Depth, |depth| chain("", depth));
    is_limited(Limit::Depth, |depth| chain("{b", depth - 1).replacen("}", "}}", 1));
    assert_eq!(
        refused(&format!("{}a{}", repeat("{...on Q", 20) + "{", repeat("}", 21))),
        None,
        "fragments are no fields"
    );
}

#[test]
fn the_schema_may_be_read_a_little_deeper_but_not_in_circles() {
    is_limited(Limit::IntrospectionDepth, |depth| chain("{__schema", depth - 1).replacen("}", "}}", 1));
    is_limited(Limit::IntrospectionLists, |lists| {
        format!(
            "{{__type(name:\"A\"){{x}}...F}}fragment F on Query{{__schema{{types{{...T}}}}}}fragment T on T{{{}}}",
            { repeat("fields{", lists) + "a" + &repeat("}", lists) }
        )
    });
    let circles = "{__schema{types{...A}}}fragment A on T{fields{type{...B}}}fragment B on T{fields{type{...C}}}";
    let of = |inner: &str| refused(&format!("{circles}fragment C on T{{{inner}}}")).map(|refusal| refusal.code());
    assert_eq!((of("fields{a}"), of("a")), (Some("INTROSPECTION_LIMIT"), None), "lists add up through fragments");
    let spread = "{__schema{types{fields{type{...A}}}}}fragment A on T{fields{type{inputFields{a}}}}";
    assert_eq!(refused(spread).map(|refusal| refusal.code()), Some("INTROSPECTION_LIMIT"));
    assert_eq!(refused("{a{fields{fields{fields{fields{a}}}}}}"), None, "fields of ours may have any name");
}

#[test]
fn operations_and_variables() {
    is_limited(Limit::Operations, |count| (0..count).map(|n| format!("query Q{n}{{a}}")).collect());
    is_limited(Limit::Variables, |count| {
        format!("query({}){{a}}", (0..count).map(|n| format!("$v{n}:I")).collect::<String>())
    });
}

#[test]
fn entries_of_a_list() {
    is_limited(Limit::ListItems, |count| format!("{{a(b:[{}])}}", repeat("1 ", count)));
    is_limited(Limit::ListItems, |count| format!("query($a:[I]=[{}]){{a}}", repeat("1 ", count)));
}

#[test]
fn a_fragment_that_spreads_itself() {
    for text in [
        "{...A}fragment A on Q{...A}",
        "{a}fragment A on Q{a{...B}}fragment B on Q{...A}",
        "{...A}fragment A on Q{...B ...C}fragment B on Q{a}fragment C on Q{...on Q{b{...A}}}",
    ] {
        assert_eq!(refused(text), Some(Refusal::Cycle), "{text}");
    }
}

#[test]
fn every_limit_has_a_code_and_a_setting() {
    for limit in Limit::ALL {
        assert!(limit.code().ends_with("_LIMIT") && limit.setting().ends_with("_max"), "{limit:?}");
    }
}
