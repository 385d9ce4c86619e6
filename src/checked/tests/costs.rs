//! What documents cost.

use super::{checked, limit};
use crate::http::problem::Problem;
use async_graphql::extensions::Analyzer;
use async_graphql::{Request as GraphQlRequest, Variables};
use millrace_document::{Limit, Refusal};
use serde_json::json;

/// It would be hundreds of megabytes before anybody could see how long it is.
#[test]
fn the_same_long_text_cannot_be_asked_for_many_times_over() {
    let bodies = |count: usize| (1..=count).map(|n| format!("a{n}: body ")).collect::<String>();
    let posts = |count: usize, first: usize| format!("{{ posts(first: {first}) {{ nodes {{ {} }} }} }}", bodies(count));
    assert_eq!(limit(&posts(30, 100), json!({})), Some(Limit::Cost));
    assert_eq!(limit(&posts(30, 20), json!({})), Some(Limit::Cost));
    assert_eq!(limit(&posts(1, 100), json!({})), None, "a page of whole posts");
}

#[test]
fn what_nobody_can_ask_to_be_shorter_is_asked_for_once() {
    let lags = "pipelineLags { at projection lagMs }";
    assert_eq!(limit(&format!("{{ {lags} }}"), json!({})), None, "as the page does");
    assert_eq!(limit(&format!("{{ a: {lags} b: {lags} }}"), json!({})), Some(Limit::Cost));
}

#[test]
fn what_is_read_for_each_entry_of_a_list_costs_that_often() {
    let orders = |first: usize, line: &str| {
        limit(&format!("{{ viewer {{ orders(first: {first}) {{ nodes {{ lines {{ {line} }} }} }} }} }}"), json!({}))
    };
    assert_eq!(orders(100, "product { description }"), Some(Limit::Cost), "5,000 products");
    assert_eq!(orders(5, "product { description }"), None);
    assert_eq!(orders(100, "productName quantity price { amountMinor }"), None, "what stands in the orders themselves");
    let cost = |query: &str| checked(query, json!({})).map(|checked| checked.cost()).ok();
    assert_eq!(cost("{ viewer { wallets { statement(first: 100) { nodes { at } } } } }"), Some(1 + 2 * 100 * 2));
    let watched = |what: &str| cost(&format!("subscription {{ {what} }}"));
    let orders = "viewerOrders { ... on OrdersSnapshot { orders { lines { product { id } } } } }";
    assert_eq!(limit(&format!("subscription {{ {orders} }}"), json!({})), Some(Limit::SubscriptionCost));
    assert_eq!(watched("viewerOrders { ... on OrdersSnapshot { orders { status } } }"), Some(1 + 20));
}

/// What we show clients how to ask for is within the limits that they are held to.
#[test]
fn every_example_and_every_document_of_the_shop_is_within_the_limits() {
    let texts = |folder: &str| -> Vec<String> {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "graphql"));
        files.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    };
    let (examples, shop) = (texts("examples"), texts("examples/storefront/src/operations"));
    let all = |is_meant: fn(&str) -> bool| shop.iter().flat_map(move |text| definitions(text, is_meant));
    let fragments: Vec<String> = all(|word| word == "fragment").collect();
    let operations: Vec<String> = all(|word| word != "fragment").map(|text| with_fragments(text, &fragments)).collect();
    assert!(operations.len() > 25 && examples.len() > 20);
    for text in operations.iter().chain(&examples) {
        let refused = match checked(text, json!({})) {
            Err(Problem::Document { refusal: Refusal::Limit { limit, max }, .. }) => Some((limit, max)),
            _ => None,
        };
        assert_eq!(refused, None, "{text}");
    }
}

/// An operation with the fragments that it spreads.
fn with_fragments(mut text: String, fragments: &[String]) -> String {
    let name = |fragment: &str| fragment.split(' ').nth(1).unwrap_or_default().to_owned();
    for _ in 0..fragments.len() {
        for fragment in fragments {
            let spread = format!("...{}\n", name(fragment));
            if text.contains(&spread) && !text.contains(fragment.as_str()) {
                text.push_str(fragment);
            }
        }
    }
    text
}

/// The definitions of a text that begin with such a word.
fn definitions(text: &str, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let kinds = ["query", "mutation", "subscription", "fragment"];
    let mut found: Vec<String> = vec![];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let begins = kinds.iter().any(|kind| line.starts_with(kind));
        match found.last_mut() {
            Some(last) if !begins => last.push_str(&format!("{line}\n")),
            _ => found.push(format!("{line}\n")),
        }
    }
    found.retain(|definition| is_meant(definition.split(' ').next().unwrap_or_default()));
    found
}

#[test]
fn what_is_executed_again_for_each_event_may_cost_less() {
    let fields = "id version revision createdAt updatedAt hidden author { id version revision createdAt }";
    let comments = |first: usize| format!("comments(first: {first}) {{ nodes {{ {fields} }} }}");
    let posts = |first| {
        format!(
            "subscription($id: ID!) {{ postChanged(id: $id) {{ ... on PostChanged {{ post {{ {} }} }} }} }}",
            comments(first)
        )
    };
    let query = |first| format!("query($id: ID!) {{ post(id: $id) {{ {} }} }}", comments(first));
    let id = json!({ "id": "a" });
    assert_eq!(limit(&posts(60), id.clone()), None);
    assert_eq!((limit(&posts(100), id.clone()), limit(&query(100), id)), (Some(Limit::SubscriptionCost), None));
}

/// What async-graphql counts by walking the document again and again is what is counted here by walking it once.
#[tokio::test]
async fn the_cost_is_what_async_graphql_reckons() {
    let schema = crate::schema::builder().extension(Analyzer).finish();
    let names = "fragment N on UserConnection { nodes { fullName } edges { cursor node { id } } totalCount }";
    for (query, variables) in [
        ("{ posts { nodes { id title author { id } } } }".to_owned(), json!({})),
        (
            "query($n: Int) { posts(first: $n) { nodes { comments(last: 3) { nodes { version } } } } }".into(),
            json!({ "n": 7 }),
        ),
        ("query($n: Int = 4) { users(first: $n) { nodes { id } } }".into(), json!({})),
        (
            format!(
                "query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id ... on User {{ followers(first: 2) {{ ...N }} }} }} }} {names}"
            ),
            json!({ "ids": ["a", "b", "c"] }),
        ),
        ("{ viewer { user { id followers { nodes { id } } } } }".into(), json!({})),
        (
            "mutation($i: AddCommentInput!) { addComment(input: $i) { post { comments { nodes { id } } } } }".into(),
            json!({ "i": { "postId": "x", "text": "y" } }),
        ),
    ] {
        let request = GraphQlRequest::new(&query).variables(Variables::from_json(variables.clone()));
        let response = schema.execute(request).await;
        let reckoned = serde_json::to_value(&response.extensions).unwrap()["analyzer"]["complexity"].as_u64();
        let cost = checked(&query, variables).map(|checked| checked.cost() as u64);
        assert_eq!(cost.ok(), reckoned, "{query}: {:?}", response.errors);
        assert!(reckoned.is_some());
    }
}
