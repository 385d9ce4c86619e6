//! Every role against every field: each root field is asked for everything that it leads to, about everything that the owner has.

use super::cast::Who;
use super::fields::{NOT_SHOWN_HERE, Sees, sees};
use super::rules::{ROOTS, Verdict};
use super::schema::{Field, Schema, shown};
use super::stage;
use super::things::{Shop, eur, missing};
use crate::accounts::{VERIFY, mailed_token};
use crate::checker::settled;
use crate::harness::client::{Client, PASSWORD, id_of, token};
use crate::harness::eventually;
use crate::harness::openid::OpenIdProvider;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use millrace_events::{ConsistencyToken, Position};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::timeout;

/// Nodes within nodes that are asked for.
const NODES: usize = 2;
/// Texts that are shorter tell nobody's from anybody's.
const TELLING_CHARACTERS_MIN: usize = 12;
const SECRET: &str = "Confidential";
/// Further than the log goes here.
const FAR_AHEAD: u64 = 1_000;
/// How long a ring may take to be heard, and how many commands are sent for one.
const RING_WAIT: Duration = Duration::from_secs(10);
const COMMANDS_MAX: usize = 12;

/// Everything that the owner has, by what it is.
pub struct Estate {
    /// What everybody may see.
    pub open: Vec<String>,
    /// What only the owner and staff may see.
    pub secret: Vec<String>,
    /// Words that stand in nothing but what is secret.
    pub words: Vec<String>,
}

impl Estate {
    /// Whatever has a field has it filled here at least once.
    pub async fn of(shop: &Shop<'_>) -> Self {
        let (owner, admin) = (&shop.cast.owner, shop.cast.client(Who::Admin));
        let profile = json!({ "bio": "Mills.", "avatarUrl": "https://millrace.example/owner.png" });
        owner.client.command("updateProfile", profile, "").await;
        let mailed = mailed_token(shop.process, &owner.email, VERIFY).await;
        owner.client.command("verifyEmail", json!({ "token": mailed }), "").await;
        shop.link(owner).await;
        let wanted = json!({ "newEmail": format!("next-{}", owner.email), "password": PASSWORD });
        owner.client.command("changeEmail", wanted, "").await;
        for (follower, followed) in [(Who::Other, &owner.id), (Who::Owner, &shop.cast.staff.id)] {
            shop.cast.client(follower).command("followUser", json!({ "userId": followed }), "").await;
        }
        let (post, draft) = (shop.post("Public", true).await, shop.post(&format!("{SECRET} title"), true).await);
        let said = shop.comment(&post, "Public words.").await;
        let whispered = shop.comment(&draft, &format!("{SECRET} words")).await;
        owner.client.command("unpublishPost", json!({ "postId": draft }), "").await;
        let (hidden, unsaid) = Self::hidden(shop, &post).await;
        let product = shop.product("Sluice").await;
        let (wallet, top_up) = shop.top_up(owner, 10_000).await;
        let pending = owner.client.command("topUpWallet", json!({ "amount": eur(77) }), "topUpId").await;
        let note = json!({ "toUserId": shop.cast.staff.id, "amount": eur(11), "note": format!("{SECRET} note") });
        owner.client.command("transfer", note, "").await;
        let lines = json!([{ "productId": product, "quantity": 2 }]);
        let order = json!({ "lines": lines, "deliveryAddress": format!("{SECRET} lane") });
        let placed = owner.client.command("placeOrder", order, "").await;
        owner.client.command("payOrder", json!({ "orderId": id_of(&placed) }), "").await;
        let cancel = json!({ "orderId": id_of(&placed), "reason": format!("{SECRET} reason") });
        owner.client.command("cancelOrder", cancel, "").await;
        let command = placed["receipt"]["commandId"].as_str().expect("an id").to_owned();
        let _staff_knows_its_role = admin.ask("{ viewer { roles } }", json!({})).await;
        let secret =
            [draft, whispered, hidden, unsaid, id_of(&placed), wallet, top_up, id_of_top_up(&pending), command];
        let secret = secret.to_vec();
        let words = vec![SECRET.to_owned(), owner.email.clone()];
        Self { open: vec![owner.id.clone(), post, said, product], secret, words }
    }

    /// A post and a comment on a public one that staff hide.
    async fn hidden(shop: &Shop<'_>, public: &str) -> (String, String) {
        let post = shop.post(&format!("{SECRET} and hidden"), true).await;
        let comment = shop.comment(public, &format!("{SECRET}, hidden words")).await;
        let post = shop.hide("hidePost", "postId", post).await;
        (post, shop.hide("hideComment", "commentId", comment).await)
    }

    fn all(&self) -> Vec<String> {
        [&self.open[..], &self.secret].concat()
    }
}

/// A command of the owner's of which it is known how long it took. Rings tell that of a few events each, so nothing else may go on; and of
/// a ring that is lost nobody ever hears again, so that another command has to follow.
pub async fn timed_command(stage: &Stage, shop: &Shop<'_>) -> String {
    let (owner, mut bio) = (&shop.cast.owner.client, "Mills and weirs.".to_owned());
    for _ in 0..COMMANDS_MAX {
        settled(stage).await;
        let done = owner.command("updateProfile", json!({ "bio": bio }), "").await;
        let command = done["receipt"]["commandId"].as_str().expect("an id").to_owned();
        settled(stage).await;
        if timeout(RING_WAIT, is_timed(owner, &command)).await.is_ok() {
            return command;
        }
        bio.push('.');
    }
    panic!("it is never told how long a command took");
}

async fn is_timed(owner: &Client, command: &str) {
    eventually("it is told how long the command took", || async {
        let query = "query($id: ID!) { commandStatus(id: $id) { streamedMs projections { receivedMs visibleMs } } }";
        let status = owner.ask(query, json!({ "id": command })).await["commandStatus"].clone();
        let is_told = status["projections"].as_array()?.iter().any(|one| one["visibleMs"].is_number());
        (status["streamedMs"].is_number() && is_told).then_some(())
    })
    .await;
}

fn id_of_top_up(payload: &Value) -> String {
    payload["topUpId"].as_str().expect("an id").to_owned()
}

/// An operation with one root field.
pub struct Question {
    /// `Query.order`, say.
    pub root: String,
    pub text: String,
    pub variables: Value,
    /// The one thing that it is about, if it is about one.
    pub about: Option<String>,
}

/// Every way in which a root field is asked for.
pub fn questions(schema: &Schema, root: &str, field: &Field, estate: &Estate) -> Vec<Question> {
    let ids = estate.all();
    let id_argument = field.args.iter().find(|arg| arg.is_required() && ["id", "postId"].contains(&arg.name.as_str()));
    let question = |arguments: Vec<(&str, Value)>, about: Option<String>| {
        let declared = arguments.iter().map(|(name, _)| {
            let arg = field.args.iter().find(|arg| arg.name == *name).expect("an argument");
            (format!("${name}: {}", arg.type_text()), format!("{name}: ${name}"))
        });
        let (declared, passed): (Vec<_>, Vec<_>) = declared.unzip();
        let in_brackets =
            |all: Vec<String>| if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) };
        let (declared, passed) = (in_brackets(declared), in_brackets(passed));
        let kind = root.to_lowercase();
        let text = format!("{kind}{declared} {{ it: {}{passed} {} }}", field.name, schema.selection(field, NODES));
        let variables = arguments.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Question { root: format!("{root}.{}", field.name), text, variables: Value::Object(variables), about }
    };
    if let Some(arg) = id_argument {
        return ids.iter().map(|id| question(vec![(&arg.name, json!(id))], Some(id.clone()))).collect();
    }
    let needed = field.args.iter().filter(|arg| arg.is_required());
    let needed: Vec<_> = needed.map(|arg| (arg.name.as_str(), needed_value(&arg.name, &ids))).collect();
    let page = field.args.iter().find(|arg| arg.name == "first").map(|arg| (arg.name.as_str(), json!(4)));
    let needed: Vec<_> = needed.into_iter().chain(page).collect();
    let optional = field.args.iter().filter(|arg| !arg.is_required());
    let wished = optional.flat_map(|arg| wishes(&arg.name, estate).into_iter().map(|value| (arg.name.as_str(), value)));
    let mut all: Vec<Question> =
        wished.map(|wish| question(needed.iter().cloned().chain([wish]).collect(), None)).collect();
    all.push(question(needed, None));
    all
}

fn needed_value(name: &str, ids: &[String]) -> Value {
    match name {
        "ids" => json!(ids),
        other => panic!("what is the argument {other} given?"),
    }
}

/// What narrows a list down to something secret.
fn wishes(name: &str, estate: &Estate) -> Vec<Value> {
    match name {
        "authorId" => vec![json!(estate.open[0])],
        "tag" => vec![json!("mills")],
        "search" => estate.words.iter().map(|word| json!(format!("\"{word}\""))).collect(),
        "status" => vec![json!("CANCELLED")],
        "first" | "last" | "after" | "before" | "sort" | "inStock" => vec![],
        other => panic!("what is the argument {other} given?"),
    }
}

async fn ask(client: &Client, question: &Question, variables: &Value) -> Value {
    let mut body = client.send(&question.text, variables.clone(), &[]).await.expect("an answer").body;
    let code = body["errors"][0]["extensions"]["code"].clone();
    assert!(
        !["INTERNAL", "LIMIT_EXCEEDED", "UNAVAILABLE"].iter().any(|bad| code == *bad),
        "{}\n{body:#}",
        question.text
    );
    assert!(body["errors"].is_null() || code.is_string(), "{}\n{body:#}", question.text);
    json!({ "data": body["data"].take(), "errors": errors_of_all(&body["errors"]) })
}

/// Without what no two requests have alike.
fn errors_of_all(errors: &Value) -> Value {
    let mut errors = errors.clone();
    for error in errors.as_array_mut().into_iter().flatten() {
        error["extensions"].as_object_mut().map(|fields| fields.remove("requestId"));
    }
    errors
}

/// Whether one may ask so at all. That the id is of another type is an answer.
pub fn may_ask(errors: &Value) -> Verdict {
    match errors[0]["extensions"]["code"].as_str() {
        Some("UNAUTHENTICATED") => Verdict::SignIn,
        Some("FORBIDDEN") => Verdict::Forbidden,
        _ => Verdict::Done,
    }
}

pub fn rule_of(root: &str, who: Who) -> Verdict {
    let rule = ROOTS.iter().find(|(name, _)| *name == root);
    let (_, verdicts) = rule.unwrap_or_else(|| panic!("who may ask for {root}? It has no rule"));
    verdicts[Who::ALL.iter().position(|one| *one == who).expect("a role")]
}

/// All answers to all questions.
async fn answers(client: &Client, who: Who, questions: &[Question]) -> Vec<Value> {
    let mut answers = Vec::new();
    for question in questions {
        let answer = ask(client, question, &question.variables).await;
        assert_eq!(
            may_ask(&answer["errors"]),
            rule_of(&question.root, who),
            "{} by {who:?}: {answer:#}",
            question.root
        );
        answers.push(answer);
    }
    answers
}

/// What strangers are told of a secret thing is what they are told of a thing that does not exist.
async fn secret_is_as_nothing(client: &Client, who: Who, questions: &[Question], answers: &[Value], secret: &[String]) {
    for (question, answer) in questions.iter().zip(answers) {
        let Some(about) = question.about.as_ref().filter(|about| secret.contains(*about)) else { continue };
        let mut variables = question.variables.clone();
        variables.as_object_mut().expect("variables").values_mut().for_each(|value| *value = json!(missing(about)));
        let nothing = ask(client, question, &variables).await;
        assert_eq!(answer, &nothing, "{} about {about} by {who:?}", question.root);
    }
}

pub type Shown = BTreeMap<String, Vec<Value>>;

pub fn all_shown<'a>(answers: impl IntoIterator<Item = &'a Value>) -> Shown {
    let mut all = Shown::new();
    for answer in answers {
        for (field, values) in shown(answer) {
            all.entry(field).or_default().extend(values);
        }
    }
    all
}

/// An answer without what it says of one person: that their own page and lists are shown to them in full proves nothing.
pub fn without_page(answer: &Value, id: &str) -> Value {
    match answer {
        Value::Object(fields) if fields.get("User_id").is_some_and(|own| own == id) => Value::Null,
        Value::Object(fields) if fields.get("Viewer_user").is_some_and(|user| user["User_id"] == id) => Value::Null,
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), without_page(value, id))).collect(),
        Value::Array(items) => items.iter().map(|item| without_page(item, id)).collect(),
        other => other.clone(),
    }
}

/// Texts that stand in fields which are only the owner's.
fn telling(schema: &Schema, owners: &Shown, open: &Shown) -> BTreeSet<String> {
    let own = schema.seen_fields(&["Query"]).into_iter().filter(|field| sees(field) == Sees::Owner);
    let own = own.filter_map(|field| owners.get(&field)).flatten();
    let texts = own.filter_map(Value::as_str).filter(|text| text.chars().count() >= TELLING_CHARACTERS_MIN);
    let open: BTreeSet<&str> = open.values().flatten().filter_map(Value::as_str).collect();
    texts.filter(|text| !open.contains(text)).map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_sees_what_each_fields_rule_says() {
    let openid = OpenIdProvider::start().await;
    let stage = stage(&openid).await;
    let (process, client) = stage.all().await;
    let (schema, shop) = (Schema::of(&client).await, Shop::open(&stage, &process, &client, &openid).await);
    let mut estate = Estate::of(&shop).await;
    estate.secret.push(timed_command(&stage, &shop).await);
    // Lags are remembered while somebody watches.
    let mut watching = Socket::open(&client.url, shop.cast.client(Who::Admin).access_token.as_deref()).await;
    watching.subscribe("pipeline", "subscription { pipeline { at } }", json!({})).await;
    watching.event("pipeline", "the pipeline's first sample").await;
    let roots = schema.fields("Query").iter();
    let questions: Vec<Question> = roots.flat_map(|field| questions(&schema, "Query", field, &estate)).collect();
    let mut by_role = Vec::new();
    for who in Who::ALL {
        let answers = answers(shop.cast.client(who), who, &questions).await;
        if Who::STRANGERS.contains(&who) {
            secret_is_as_nothing(shop.cast.client(who), who, &questions, &answers, &estate.secret).await;
        }
        by_role.push(answers);
    }
    let mut shown: Vec<Shown> = by_role.iter().map(all_shown).collect();
    let other = shop.cast.person(Who::Other).expect("a person");
    let others: Vec<Value> =
        by_role[Who::Other as usize].iter().map(|answer| without_page(answer, &other.id)).collect();
    shown[Who::Other as usize] = all_shown(&others);
    fields_are_shown_by_rule(&schema.seen_fields(&["Query"]), &shown);
    let [nobodys, _, owners, ..] = &shown[..] else { panic!("five roles") };
    let mut secrets = telling(&schema, owners, nobodys);
    secrets.extend(estate.words.iter().chain(&estate.secret).cloned());
    for (who, answers) in Who::ALL.into_iter().zip(&by_role).filter(|(who, _)| Who::STRANGERS.contains(who)) {
        for (question, answer) in questions.iter().zip(answers) {
            let told = secrets.iter().find(|secret| answer.to_string().contains(*secret));
            assert_eq!(told, None, "{} tells {who:?}: {answer:#}", question.root);
        }
    }
    a_token_ahead_tells_nothing(&shop, &estate).await;
    println!("{} questions for each role, {} secrets", questions.len(), secrets.len());
    process.stop().await;
}

/// A token beyond what is folded promises that some command lies there; not whose.
async fn a_token_ahead_tells_nothing(shop: &Shop<'_>, estate: &Estate) {
    let command = estate.secret.last().expect("a command");
    let seen = shop.cast.owner.client.command("updateProfile", json!({ "bio": "Weirs." }), "").await;
    let mut ahead: ConsistencyToken = token(&seen).parse().expect("a token");
    ahead.position = Position(ahead.position.0 + FAR_AHEAD);
    let header = ahead.to_string();
    let query = "query($id: ID!) { commandStatus(id: $id) { state aggregateId } }";
    for who in Who::STRANGERS {
        let mut told = Vec::new();
        for id in [Some(command.clone()), missing(command)] {
            let headers = [("millrace-consistency", header.as_str())];
            told.push(shop.cast.client(who).ask_with(query, json!({ "id": id }), &headers).await);
        }
        assert_eq!(told[0], told[1], "the owner's command, and none, told to {who:?}");
    }
}

/// Each field shows to whom it should, and there was something to show.
pub fn fields_are_shown_by_rule(fields: &BTreeSet<String>, shown: &[Shown]) {
    let [nobodys, others, _, staffs, admins] = shown else { panic!("five roles") };
    for field in fields.iter().filter(|field| !NOT_SHOWN_HERE.contains(&field.as_str())) {
        let is_shown = |to: &Shown| to.contains_key(field);
        assert!(shown.iter().any(is_shown), "{field}: nobody has anything to show in it");
        match sees(field) {
            Sees::Everybody => assert!(is_shown(nobodys) && is_shown(others), "{field} is for everybody"),
            Sees::Oneself => assert!(!is_shown(nobodys), "{field} is for oneself"),
            Sees::Admin => {
                assert!(is_shown(admins), "{field} is for admins");
                let to_others = [nobodys, others, staffs].into_iter().find(|to| is_shown(to));
                assert!(to_others.is_none(), "{field} is for admins alone: {to_others:?}");
            }
            Sees::Owner => {
                assert!(is_shown(staffs) && is_shown(admins), "{field} is also for staff");
                assert!(!is_shown(nobodys), "{field} is the owner's: {:?}", nobodys[field]);
                assert!(!is_shown(others), "{field} is the owner's: {:?}", others.get(field));
            }
        }
    }
}
