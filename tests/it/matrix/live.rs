//! Every role against every subscription: what strangers are told of a secret thing is what they are told of one that does not exist.

use super::cast::Who;
use super::reads::{Estate, Question, all_shown, fields_are_shown_by_rule, may_ask, questions, rule_of, timed_command};
use super::schema::Schema;
use super::stage;
use super::things::{Shop, eur, missing};
use crate::harness::client::Client;
use crate::harness::openid::OpenIdProvider;
use crate::harness::socket::{Received, Socket};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Fields that differ from one answer to the next, by the end of their names.
const OF_THE_MOMENT: [&str; 7] =
    ["_cursor", "_acceptedAt", "_consistencyToken", "_position", "_at", "_commandId", "requestId"];
/// One socket has all subscriptions of a role.
const MANY_AT_ONCE: (&str, &str) = ("MILLRACE_HTTP__OPERATIONS_PER_SOCKET_MAX", "500");
/// What happens here, and whom it is told at least: however long that takes, and whatever is told before.
const TOLD_TO: &[(&str, &[Who])] = &[
    ("PostChanged.cursor", &Who::ALL),
    ("PostDeleted.cursor", &Who::ALL),
    ("CommentAdded.cursor", &Who::ALL),
    ("ProductChanged.cursor", &Who::ALL),
    ("FeedPostAdded.cursor", &[Who::Other]),
    ("FeedPostChanged.cursor", &[Who::Other]),
    ("FeedPostGone.cursor", &[Who::Other]),
    ("OrderChanged.cursor", &[Who::Owner, Who::Staff, Who::Admin]),
    ("WalletChanged.cursor", &[Who::Owner]),
    ("Hop.count", &[Who::Admin]),
    ("PipelineEvent.name", &[Who::Admin]),
];
/// So often something public changes in each projection before strangers are believed to be told nothing more.
const PUBLIC_CHANGES: usize = 2;

/// What came on each subscription, in the order of the questions.
type Told = BTreeMap<String, Vec<Value>>;

/// A socket with all subscriptions, and two more to things that everybody sees.
struct Listener {
    socket: Socket,
    told: Told,
    /// The same, with what differs from one answer to the next.
    whole: Vec<Value>,
}

impl Listener {
    async fn begin(url: &str, client: &Client, questions: &[Question], public: &[(&str, &str)]) -> Self {
        let mut socket = Socket::open(url, client.access_token.as_deref()).await;
        for (number, question) in questions.iter().enumerate() {
            socket.subscribe(&number.to_string(), &question.text, question.variables.clone()).await;
        }
        for (field, id) in public {
            let text = format!("subscription($id: ID!) {{ it: {field}(id: $id) {{ __typename }} }}");
            socket.subscribe(field, &text, json!({ "id": id })).await;
        }
        let mut listener = Self { socket, told: Told::new(), whole: Vec::new() };
        for (field, _) in public {
            listener.until(field, 1).await;
        }
        listener
    }

    /// Takes what comes, until so much has come on one subscription.
    async fn until(&mut self, id: &str, count: usize) {
        while self.told.get(id).is_none_or(|told| told.len() < count) {
            self.take().await;
        }
    }

    /// Takes what comes, until all has come that this one is told.
    async fn until_all_is_told(&mut self, who: Who) {
        for (field, _) in TOLD_TO.iter().filter(|(_, to)| to.contains(&who)) {
            while !all_shown(&self.whole).contains_key(*field) {
                self.take().await;
            }
        }
    }

    async fn take(&mut self) {
        match self.socket.receive("a change that is told").await {
            Received::Message(message) if message["type"] == "next" => self.note(&message, message["payload"].clone()),
            Received::Message(message) if message["type"] == "error" => {
                let errors = json!({ "errors": message["payload"] });
                self.note(&message, errors);
            }
            Received::Message(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn note(&mut self, message: &Value, payload: Value) {
        let id = message["id"].as_str().expect("an id").to_owned();
        self.whole.push(payload.clone());
        self.told.entry(id).or_default().push(lasting(payload));
    }
}

/// Without what differs from one answer to the next.
pub fn lasting(mut payload: Value) -> Value {
    payload.as_object_mut().map(|fields| fields.remove("extensions"));
    fn strip(value: &mut Value) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(strip),
            Value::Object(fields) => {
                fields.retain(|name, _| !OF_THE_MOMENT.iter().any(|end| name.ends_with(end)));
                fields.values_mut().for_each(strip);
            }
            _ => {}
        }
    }
    strip(&mut payload);
    payload
}

/// A public post comes, one is talked about, and one goes: each is told in an event of its own.
async fn come_and_go(shop: &Shop<'_>, talked_about: &str, fleeting: &str) {
    shop.post("Another", true).await;
    shop.comment(talked_about, "Words in passing.").await;
    shop.cast.owner.client.command("deletePost", json!({ "postId": fleeting }), "").await;
}

/// Everything secret that can change does.
async fn change_what_is_secret(shop: &Shop<'_>, estate: &Estate, pending: &str) {
    let owner = &shop.cast.owner;
    let edit = json!({ "postId": estate.secret[0], "title": "Confidential, and other" });
    owner.client.command("editPost", edit, "").await;
    let edit = json!({ "commentId": estate.secret[1], "text": "Confidential, and more" });
    owner.client.command("editComment", edit, "").await;
    let edit = json!({ "postId": estate.secret[2], "title": "Confidential, hidden and other" });
    owner.client.command("editPost", edit, "").await;
    let edit = json!({ "commentId": estate.secret[3], "text": "Confidential, hidden and more" });
    owner.client.command("editComment", edit, "").await;
    owner.client.command("payOrder", json!({ "orderId": pending }), "").await;
    let lines = json!([{ "productId": estate.open[3], "quantity": 1 }]);
    let order = json!({ "lines": lines, "deliveryAddress": "Confidential lane" });
    owner.client.command("placeOrder", order, "").await;
    owner.client.command("topUpWallet", json!({ "amount": eur(5) }), "").await;
}

async fn change_what_is_public(shop: &Shop<'_>, estate: &Estate) {
    let edit = json!({ "postId": estate.open[1], "title": uuid::Uuid::now_v7().to_string() });
    shop.cast.owner.client.command("editPost", edit, "").await;
    let restock = json!({ "productId": estate.open[3], "quantity": 1 });
    shop.cast.staff.client.command("restockProduct", restock, "").await;
}

/// Each question about something secret once more, about nothing.
fn about_nothing(questions: Vec<Question>, secret: &[String]) -> Vec<(Question, Option<Question>)> {
    let pair = |question: Question| {
        let about = question.about.clone().filter(|about| secret.contains(about));
        let nothing = about.map(|about| {
            let mut variables = question.variables.clone();
            variables
                .as_object_mut()
                .expect("variables")
                .values_mut()
                .for_each(|value| *value = json!(missing(&about)));
            Question { root: question.root.clone(), text: question.text.clone(), variables, about: None }
        });
        (question, nothing)
    };
    questions.into_iter().map(pair).collect()
}

/// What came in answer to a question.
fn came(told: &Told, number: usize) -> &[Value] {
    told.get(&number.to_string()).map_or(&[], Vec::as_slice)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_is_told_live_what_it_may_see() {
    let openid = OpenIdProvider::start().await;
    let stage = stage(&openid).await.with(MANY_AT_ONCE.0, MANY_AT_ONCE.1);
    let (process, client) = stage.all().await;
    let (schema, shop) = (Schema::of(&client).await, Shop::open(&stage, &process, &client, &openid).await);
    let mut estate = Estate::of(&shop).await;
    let pending = shop.order(&estate.open[3], "Confidential lane").await;
    estate.secret.push(pending.clone());
    let (talked_about, fleeting) = (shop.post("Talked about", true).await, shop.post("Fleeting", true).await);
    estate.open.extend([talked_about.clone(), fleeting.clone()]);
    estate.secret.push(timed_command(&stage, &shop).await);
    let roots = schema.fields("Subscription").iter();
    let all = roots.flat_map(|field| questions(&schema, "Subscription", field, &estate)).collect();
    let pairs = about_nothing(all, &estate.secret);
    let (asked, nothing): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    let has_nothing: Vec<Option<usize>> = nothing
        .iter()
        .scan(asked.len(), |next, nothing| {
            Some(nothing.as_ref().map(|_| {
                *next += 1;
                *next - 1
            }))
        })
        .collect();
    let questions: Vec<Question> = asked.into_iter().chain(nothing.into_iter().flatten()).collect();
    let public = [("postChanged", estate.open[1].as_str()), ("productChanged", estate.open[3].as_str())];
    let mut listeners = Vec::new();
    for who in Who::ALL {
        listeners.push(Listener::begin(&client.url, shop.cast.client(who), &questions, &public).await);
    }
    come_and_go(&shop, &talked_about, &fleeting).await;
    change_what_is_secret(&shop, &estate, &pending).await;
    for _ in 0..PUBLIC_CHANGES {
        change_what_is_public(&shop, &estate).await;
    }
    let mut shown = Vec::new();
    for (who, mut listener) in Who::ALL.into_iter().zip(listeners) {
        for (field, _) in public {
            listener.until(field, 1 + PUBLIC_CHANGES).await;
        }
        listener.until_all_is_told(who).await;
        for (number, nothing) in has_nothing.iter().enumerate() {
            judge(
                who,
                &questions[number],
                came(&listener.told, number),
                nothing.map(|nothing| came(&listener.told, nothing)),
                &estate,
            );
        }
        shown.push(all_shown(listener.whole.iter()));
    }
    fields_are_shown_by_rule(&schema.seen_only_from("Subscription"), &shown);
    process.stop().await;
}

fn judge(who: Who, question: &Question, told: &[Value], of_nothing: Option<&[Value]>, estate: &Estate) {
    let errors = told.iter().find_map(|one| one.get("errors")).unwrap_or(&Value::Null);
    assert_eq!(may_ask(errors), rule_of(&question.root, who), "{} by {who:?}: {told:#?}", question.root);
    if Who::STRANGERS.contains(&who) {
        assert!(
            of_nothing.is_none_or(|nothing| nothing == told),
            "{} by {who:?}: {told:#?}, {of_nothing:#?}",
            question.root
        );
        let text = json!(told).to_string();
        let secret = estate.words.iter().chain(&estate.secret).find(|secret| text.contains(*secret));
        assert_eq!(secret, None, "{} tells {who:?}: {told:#?}", question.root);
    } else if let Some(nothing) = of_nothing.filter(|_| errors.is_null() && is_of_its_kind(question)) {
        assert_ne!(nothing, told, "{} shows {who:?} nothing of {:?}", question.root, question.about);
    }
}

/// Whether the subscription is to things of this kind; else it is refused, whoever asks.
fn is_of_its_kind(question: &Question) -> bool {
    use millrace_events::GlobalId;
    let id = question.about.as_deref().map(GlobalId::parse).expect("a thing").expect("an id");
    matches!(
        (question.root.as_str(), id),
        ("Subscription.postChanged" | "Subscription.commentAdded", GlobalId::PostId(_))
            | ("Subscription.orderChanged", GlobalId::OrderId(_))
            | ("Subscription.commandProgress", GlobalId::CommandId(_))
    )
}
