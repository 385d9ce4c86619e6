//! Every role against every mutation. What is refused changes nothing, and of what somebody may not see the answer tells nothing.

use super::cast::Who;
use super::fields::{NOT_SHOWN_HERE, Sees, sees};
use super::live::lasting;
use super::reads::{Shown, all_shown, without_page};
use super::rules::{MUTATIONS, Thing, Verdict};
use super::schema::{Schema, shown};
use super::stage;
use super::things::{MONEY_MINOR, Prepared, Shop, about_nothing, eur};
use crate::checker::log::Log;
use crate::harness::client::Client;
use crate::harness::openid::OpenIdProvider;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Far from what anything is at: a version is nothing that strangers are told either.
const NO_VERSION: i32 = 99;
/// Nodes within nodes that are asked for.
const NODES: usize = 2;
/// Errors that no role gets here: each has tests of its own, and none has data beside the frame.
const ERRORS_ELSEWHERE: &[&str] = &[
    "ValidationError",
    "IdempotencyKeyReused",
    "InvalidCredentials",
    "InvalidToken",
    "EmailTaken",
    "InvalidIdToken",
    "EmailNotVerified",
    "AccountNotLinked",
    "IdentityTaken",
    "ProviderAlreadyLinked",
    "OnlyWayIn",
    "PasswordNotSet",
    "AccountDeactivated",
    "LastAdmin",
    "CurrencyMismatch",
];

/// All mutations as they are sent here, and what they showed.
struct Trial<'a> {
    shop: Shop<'a>,
    log: Log,
    schema: Schema,
    shown: Shown,
}

impl Trial<'_> {
    /// The whole answer: everything that the payload leads to.
    async fn send(&self, sender: &Client, name: &str, input: &Value) -> Value {
        let field = self.schema.fields("Mutation").iter().find(|field| field.name == name).expect("a mutation");
        let (input_type, all) = (field.args[0].type_text(), self.schema.selection(field, NODES));
        let text = format!("mutation($input: {input_type}) {{ {name}(input: $input) {all} }}");
        let answer = sender.send(&text, json!({ "input": input }), &[]).await.expect("an answer");
        json!({ "data": answer.body["data"], "errors": answer.body["errors"] })
    }

    async fn judge(&mut self, (name, thing): (&str, Thing), (who, rule): (Who, Verdict)) {
        let inputs = self.schema.inputs(name);
        let prepared = self.shop.prepare(who, thing, inputs).await;
        let before = self.log.head().await;
        let body = self.send(&prepared.sender, name, &prepared.input).await;
        assert_eq!(verdict(name, &body), rule, "{name} of {thing:?} by {who:?}: {body:#}");
        if rule == Verdict::Absent {
            let has_version = inputs.iter().any(|input| input.name == "expectedVersion");
            self.is_as_of_nothing(&prepared, name, &body, has_version).await;
        }
        if rule != Verdict::Done {
            assert_eq!(self.log.head().await, before, "{name} by {who:?} was refused, and changed something");
            is_all_frame(name, &body);
        }
        is_shown_by_rule(&prepared, (name, who), &body);
        self.note(&body);
    }

    async fn is_as_of_nothing(&self, prepared: &Prepared, name: &str, body: &Value, has_version: bool) {
        let nothing = self.send(&prepared.sender, name, &about_nothing(&prepared.input)).await;
        let told = |body: &Value| lasting(body.clone());
        assert_eq!(told(body), told(&nothing), "{name}: what is there, and what is not");
        if has_version {
            let mut input = prepared.input.clone();
            input["expectedVersion"] = json!(NO_VERSION);
            let body = self.send(&prepared.sender, name, &input).await;
            assert_eq!(told(&body), told(&nothing), "{name}: its version is told");
        }
    }

    fn note(&mut self, body: &Value) {
        for (field, values) in shown(body) {
            self.shown.entry(field).or_default().extend(values);
        }
    }

    /// Errors whose data is about what the sender has, or may see.
    async fn is_told_why_not(&mut self) {
        let staff = self.shop.cast.staff.clone();
        let product = self.shop.product("Sluice").await;
        let restock = json!({ "productId": product, "quantity": 1_000_000 });
        let update = json!({ "productId": product, "name": "Weir", "expectedVersion": NO_VERSION });
        let transfer = json!({ "toUserId": self.shop.cast.owner.id, "amount": eur(i64::MAX) });
        let cases = [
            ("restockProduct", restock, "LimitReached"),
            ("updateProduct", update, "VersionConflict"),
            ("transfer", transfer, "InsufficientFunds"),
        ];
        for (name, input, error) in cases {
            let body = self.send(&staff.client, name, &input).await;
            assert_eq!(errors(name, &body)[0]["__typename"], error, "{body:#}");
            is_all_frame(name, &body);
            self.note(&body);
        }
    }
}

fn errors<'a>(name: &str, body: &'a Value) -> &'a Value {
    let payload = &body["data"][name];
    let (_, errors) = payload
        .as_object()
        .expect("a payload")
        .iter()
        .find(|(key, _)| key.ends_with("Payload_errors"))
        .expect("errors");
    errors
}

/// Of what is refused there is nothing but the receipt and why.
fn is_all_frame(name: &str, body: &Value) {
    let objects = shown(body).into_keys().filter(|field| field.contains("Payload."));
    let told: Vec<String> =
        objects.filter(|field| !field.ends_with(".receipt") && !field.ends_with(".errors")).collect();
    assert!(told.is_empty(), "{name} was refused, and shows {told:?}: {body:#}");
}

/// Strangers are shown nothing that is the owner's, and of what is everybody's only what everybody sees of it.
fn is_shown_by_rule(prepared: &Prepared, (name, who): (&str, Who), body: &Value) {
    let Some(payload) = body["data"][name].as_object().filter(|_| Who::STRANGERS.contains(&who)) else { return };
    for (key, value) in payload.iter().filter(|(_, value)| !value.is_null()) {
        let field = key.replacen('_', ".", 1);
        let of_others = prepared.own_id.as_ref().map_or_else(|| value.clone(), |id| without_page(value, id));
        let told: Vec<String> =
            all_shown([&of_others]).into_keys().filter(|inner| sees(inner) != Sees::Everybody).collect();
        let of_people = told.iter().find(|inner| inner.starts_with("User."));
        match sees(&field) {
            Sees::Oneself if who == Who::Nobody => {}
            Sees::Oneself => assert_eq!(of_people, None, "{name} shows {who:?} of another person's: {value:#}"),
            Sees::Everybody => assert_eq!(told.first(), None, "{name} shows {who:?} of another person's: {value:#}"),
            Sees::Owner | Sees::Admin => panic!("{name} shows {who:?} the owner's {field}: {value:#}"),
        }
    }
}

/// Most payloads have no error that a role gets here.
fn is_elsewhere(field: &str) -> bool {
    let of_error = ERRORS_ELSEWHERE.iter().any(|error| field.starts_with(&format!("{error}.")));
    of_error || field.ends_with("Payload.errors") || NOT_SHOWN_HERE.contains(&field)
}

fn verdict(name: &str, body: &Value) -> Verdict {
    if let Some(code) = body["errors"][0]["extensions"]["code"].as_str() {
        return match code {
            "UNAUTHENTICATED" => Verdict::SignIn,
            "FORBIDDEN" => Verdict::Forbidden,
            _ => panic!("{name}: {body:#}"),
        };
    }
    match errors(name, body)[0]["__typename"].as_str() {
        None => Verdict::Done,
        Some("NotFound") => Verdict::Absent,
        Some("NotAllowed") => Verdict::NotAllowed,
        Some("InvalidTransition" | "OutOfStock") => Verdict::Refused,
        Some(_) => panic!("{name}: {body:#}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_may_do_what_its_rule_says() {
    let openid = OpenIdProvider::start().await;
    let stage = stage(&openid).await;
    let (process, client) = stage.all().await;
    let (schema, shop) = (Schema::of(&client).await, Shop::open(&stage, &process, &client, &openid).await);
    for who in Who::ALL {
        if let Some(person) = shop.cast.person(who) {
            shop.top_up(person, MONEY_MINOR).await;
        }
    }
    let ruled: BTreeSet<&str> = MUTATIONS.iter().map(|(name, ..)| *name).collect();
    let there: BTreeSet<&str> = schema.fields("Mutation").iter().map(|field| field.name.as_str()).collect();
    assert_eq!(ruled, there, "mutations with a rule, and those of the schema");
    let mut trial = Trial { shop, log: Log::of(&stage).await, schema, shown: Shown::new() };
    for (name, thing, rules) in MUTATIONS {
        for (who, rule) in Who::ALL.into_iter().zip(*rules) {
            trial.judge((name, *thing), (who, rule)).await;
        }
    }
    trial.is_told_why_not().await;
    let fields = trial.schema.seen_only_from("Mutation");
    for field in &fields {
        let _it_has_a_rule = sees(field);
    }
    let unseen: Vec<_> =
        fields.into_iter().filter(|field| !is_elsewhere(field) && !trial.shown.contains_key(field)).collect();
    assert!(unseen.is_empty(), "nobody has anything to show in {unseen:?}");
    process.stop().await;
}
