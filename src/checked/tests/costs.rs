//! What documents cost.

use super::{checked, limit};
use async_graphql::extensions::Analyzer;
use async_graphql::{Request as GraphQlRequest, Variables};
use millrace_document::Limit;
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
