//! Every role against every mutation. What is refused changes nothing, and of what somebody may not see the answer tells nothing.

use super::cast::Who;
use super::rules::{MUTATIONS, Thing, Verdict};
use super::schema::Schema;
use super::things::{MONEY_MINOR, Prepared, Shop, about_nothing};
use crate::checker::log::Log;
use crate::harness::client::mutation;
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Far from what anything is at: a version is nothing that strangers are told either.
const NO_VERSION: i32 = 99;

/// The whole answer.
async fn send(prepared: &Prepared, name: &str, input: &Value) -> Value {
    prepared.sender.send(&mutation(name, ""), json!({ "input": input }), &[]).await.expect("an answer").body
}

/// Everything of an answer that does not differ from one request to the next.
fn told(name: &str, body: &Value) -> Value {
    let payload = &body["data"][name];
    json!({ "errors": body["errors"], "payload": { "errors": payload["errors"], "accepted": payload["receipt"]["accepted"],
        "aggregateId": payload["receipt"]["aggregateId"], "version": payload["receipt"]["version"] } })
}

fn verdict(name: &str, body: &Value) -> Verdict {
    if let Some(code) = body["errors"][0]["extensions"]["code"].as_str() {
        return match code {
            "UNAUTHENTICATED" => Verdict::SignIn,
            "FORBIDDEN" => Verdict::Forbidden,
            _ => panic!("{name}: {body:#}"),
        };
    }
    let payload = &body["data"][name];
    match payload["errors"][0]["__typename"].as_str() {
        None => Verdict::Done,
        Some("NotFound") => Verdict::Absent,
        Some("NotAllowed") => Verdict::NotAllowed,
        Some(_) => panic!("{name}: {payload:#}"),
    }
}

async fn judge(shop: &Shop<'_>, log: &Log, schema: &Schema, (name, thing): (&str, Thing), (who, rule): (Who, Verdict)) {
    let inputs = schema.inputs(name);
    let prepared = shop.prepare(who, thing, inputs).await;
    let before = log.head().await;
    let body = send(&prepared, name, &prepared.input).await;
    assert_eq!(verdict(name, &body), rule, "{name} of {thing:?} by {who:?}: {body:#}");
    if rule == Verdict::Absent {
        is_as_of_nothing(&prepared, name, &body, inputs.iter().any(|input| input.name == "expectedVersion")).await;
    }
    if rule != Verdict::Done {
        assert_eq!(log.head().await, before, "{name} by {who:?} was refused, and changed something");
    }
}

async fn is_as_of_nothing(prepared: &Prepared, name: &str, body: &Value, has_version: bool) {
    let nothing = send(prepared, name, &about_nothing(&prepared.input)).await;
    assert_eq!(told(name, body), told(name, &nothing), "{name}: what is there, and what is not");
    if has_version {
        let mut input = prepared.input.clone();
        input["expectedVersion"] = json!(NO_VERSION);
        assert_eq!(
            told(name, &send(prepared, name, &input).await),
            told(name, &nothing),
            "{name}: its version is told"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_may_do_what_its_rule_says() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (schema, shop, log) =
        (Schema::of(&client).await, Shop::open(&stage, &process, &client).await, Log::of(&stage).await);
    for who in Who::ALL {
        if let Some(person) = shop.cast.person(who) {
            shop.top_up(person, MONEY_MINOR).await;
        }
    }
    let ruled: BTreeSet<&str> = MUTATIONS.iter().map(|(name, ..)| *name).collect();
    let there: BTreeSet<&str> = schema.fields("Mutation").iter().map(|field| field.name.as_str()).collect();
    assert_eq!(ruled, there, "mutations with a rule, and those of the schema");
    for (name, thing, rules) in MUTATIONS {
        for (who, rule) in Who::ALL.into_iter().zip(*rules) {
            judge(&shop, &log, &schema, (name, *thing), (who, rule)).await;
        }
    }
    process.stop().await;
}
