//! What operations cost.

use millrace_document::cost::{Times, Value, Weight, Weights};
use millrace_document::{Limits, Steps, look};

fn weights() -> Weights {
    let mut weights = Weights::default();
    let page = Times::Page { default: 20, max: 100 };
    for (on, field, answers, own, times) in [
        ("Query", "users", "Users", 0, page),
        ("Query", "nodes", "User", 0, Times::Each("ids")),
        ("Users", "nodes", "User", 1, Times::Once),
        ("User", "friends", "Users", 0, page),
        ("User", "best", "User", 1, Times::Once),
        ("User", "name", "String", 1, Times::Once),
        ("User", "life", "String", 25, Times::Once),
    ] {
        weights.insert(on, field, Weight { answers: answers.to_owned(), own, times });
    }
    weights
}

fn variables(name: &str) -> Option<Value> {
    match name {
        "ten" => Some(Value::Number(10)),
        "three" => Some(Value::List(3)),
        "none" => Some(Value::Other),
        _ => None,
    }
}

fn cost(text: &str) -> usize {
    let mut steps = Steps::default();
    let outline = look(text, &Limits::default(), &[], &mut steps).unwrap();
    weights().cost(&outline, None, &variables, &mut steps).unwrap()
}

#[test]
fn each_field_as_often_as_the_lists_around_it_may_answer_it() {
    assert_eq!(cost("{users{nodes{name}}}"), 20 * 2);
    assert_eq!(cost("{users(first:3){nodes{name best{name}}}}"), 3 * 4);
    assert_eq!(cost("{users(last:100){nodes{friends(first:100){nodes{name}}}}}"), 100 * (1 + 100 * 2));
    assert_eq!(cost("{nodes(ids:[1 2]){name}}"), 2);
    assert_eq!(cost("{users(first:3){nodes{name a:life b:life}}}"), 3 * (1 + 1 + 25 + 25));
    assert_eq!(cost("{a b c}"), 3, "fields that the schema has not");
}

#[test]
fn sizes_come_from_variables_their_defaults_and_reason() {
    assert_eq!(cost("query($ten:Int){users(first:$ten){nodes{name}}}"), 20);
    assert_eq!(cost("query($two:Int=2){users(first:$two){nodes{name}}}"), 4);
    assert_eq!(cost("query($none:Int=2){users(first:$none){nodes{name}}}"), 40, "a null is no default");
    assert_eq!(cost("query($three:[ID!]){nodes(ids:$three){name}}"), 3);
    assert_eq!(cost("{users(first:2147483647){nodes{name}}}"), 200);
    assert_eq!(cost("{users(first:-1){nodes{name}}}"), 40);
    assert_eq!(cost("{users(first:null last:7){nodes{name}}}"), 14);
}

#[test]
fn fragments_cost_wherever_they_are_spread() {
    let text = "{users(first:5){...F nodes{...on User{...G}}}}fragment F on Users{nodes{...G}}fragment G on User{friends(first:2){nodes{name}}}";
    assert_eq!(cost(text), 5 * 2 * (1 + 2 * 2));
    assert_eq!(cost("{...F ...F}fragment F on Query{users(first:1){nodes{name}}}"), 2 * 2);
}

#[test]
fn only_what_is_executed_costs() {
    let text = "query A{users{nodes{name}}}query B{a}";
    let mut steps = Steps::default();
    let outline = look(text, &Limits::default(), &[], &mut steps).unwrap();
    let of = |name| weights().cost(&outline, name, &variables, &mut Steps::default());
    assert_eq!([of(Some("A")), of(Some("B")), of(Some("C")), of(None)], [Some(40), Some(1), None, None]);
}

#[test]
fn a_cost_beyond_all_numbers_is_the_greatest() {
    let deep = (0..9).fold("name".to_owned(), |inner, _| format!("friends(first:100){{nodes{{{inner}}}}}"));
    let text = format!("{{users(first:100){{nodes{{{deep}}}}}}}");
    let limits = Limits { depth_max: 100, ..Limits::default() };
    let outline = look(&text, &limits, &[], &mut Steps::default()).unwrap();
    let cost = weights().cost(&outline, None, &variables, &mut Steps::default());
    assert!(cost.is_some_and(|cost| cost > 1 << 60), "{cost:?}");
}
