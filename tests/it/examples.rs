//! The examples that GraphiQL and the README offer: each runs against the demo community, the live ones move.

use crate::harness::client::{Client, token};
use crate::harness::process::Process;
use crate::harness::socket::Socket;
use crate::harness::stage::Stage;
use millrace::seed::{DEMO_EMAIL, DEMO_PASSWORD, STAFF_EMAIL, STAFF_PASSWORD};
use serde_json::{Value, json};
use std::path::Path;

/// What stands for what, where it is found: the same as in `web-playground/src/placeholders.ts`.
const PLACEHOLDERS: &[(&str, &str, &str)] = &[
    ("{{newestPost}}", "{ posts(first: 1) { nodes { id } } }", "/posts/nodes/0/id"),
    ("{{newestAuthor}}", "{ posts(first: 1) { nodes { author { id } } } }", "/posts/nodes/0/author/id"),
    ("{{newestFeedPost}}", "{ feed(first: 1) { nodes { id } } }", "/feed/nodes/0/id"),
    ("{{firstMember}}", "{ users(last: 1) { nodes { id } } }", "/users/nodes/0/id"),
    ("{{newestProduct}}", "{ products(first: 1) { nodes { id } } }", "/products/nodes/0/id"),
    ("{{newestOrder}}", "{ viewer { orders(first: 1) { nodes { id } } } }", "/viewer/orders/nodes/0/id"),
    ("{{orderToShip}}", "{ orders(status: CONFIRMED, last: 1) { nodes { id } } }", "/orders/nodes/0/id"),
];
/// Something of each projection that the examples read.
const ALL_OF_IT: &str = "{ viewer { roles } posts(first: 1) { nodes { id } } products(first: 1) { nodes { id } } }";

/// One operation, with what its comments say about running it.
pub struct Example {
    name: String,
    document: String,
    variables: Value,
    trigger: Option<String>,
    needs_staff: bool,
}

impl Example {
    /// A document with its comments.
    pub fn parse(name: &str, document: &str) -> Self {
        let directive = |key: &str| {
            let start = format!("# {key}: ");
            document.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
        };
        let variables = directive("variables").map_or(json!({}), |text| serde_json::from_str(&text).expect("JSON"));
        let needs_staff = directive("needs").as_deref() == Some("staff");
        Self { name: name.into(), document: document.into(), variables, trigger: directive("trigger"), needs_staff }
    }

    /// True for a subscription.
    pub fn is_live(&self) -> bool {
        self.document.lines().any(|line| line.starts_with("subscription"))
    }

    /// With ids in place of placeholders, as GraphiQL puts them in.
    pub async fn filled(&self, client: &Client) -> (String, Value) {
        let (mut document, mut variables) = (self.document.clone(), self.variables.to_string());
        for (placeholder, query, place) in PLACEHOLDERS {
            if !document.contains(placeholder) && !variables.contains(placeholder) {
                continue;
            }
            let found = client.ask(query, json!({})).await;
            let id = found.pointer(place).and_then(Value::as_str).expect(placeholder);
            (document, variables) = (document.replace(placeholder, id), variables.replace(placeholder, id));
        }
        (document, serde_json::from_str(&variables).expect("JSON"))
    }

    /// Runs it; answers its only field.
    pub async fn run(&self, client: &Client) -> Value {
        let (document, variables) = self.filled(client).await;
        let answered = only_field(&client.ask(&document, variables).await);
        assert!(!answered.is_null(), "{} answers null", self.name);
        if answered.get("errors").is_some() {
            assert_eq!(answered["errors"], json!([]), "{}", self.name);
            let selected = answered.as_object().expect("a payload");
            assert!(selected.values().all(|value| !value.is_null()), "{}: {answered:#}", self.name);
        }
        answered
    }
}

fn only_field(data: &Value) -> Value {
    data.as_object().and_then(|fields| fields.values().next()).expect("a field").clone()
}

fn examples() -> Vec<Example> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(folder).expect("the folder").map(|entry| entry.expect("a file").path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let stem = file.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let (_, name) = stem.split_once('-').expect("a number and a name");
        Example::parse(name, &std::fs::read_to_string(file).expect("its text"))
    };
    files.iter().map(read).collect()
}

/// The operations in the README, in its order.
fn pasted() -> Vec<Example> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README");
    let blocks = text.split("```graphql\n").skip(1).filter_map(|rest| rest.split_once("```"));
    blocks.map(|(document, _)| Example::parse("README", document)).collect()
}

/// A process with the demo data, the demo customer and the shop's staff.
pub async fn community(stage: &Stage) -> (Process, Client, Client) {
    stage.run(&["seed"]).await;
    let process = stage.serve("all").await;
    let demo = signed_in(&process, DEMO_EMAIL, DEMO_PASSWORD).await;
    let staff = signed_in(&process, STAFF_EMAIL, STAFF_PASSWORD).await;
    (process, demo, staff)
}

/// Signed in, with all that the seed did in sight.
pub async fn signed_in(process: &Process, email: &str, password: &str) -> Client {
    let mut client = Client::new(&process.graphql());
    let payload = client.command("signIn", json!({ "email": email, "password": password }), "session { accessToken }");
    let payload = payload.await;
    client.access_token = payload["session"]["accessToken"].as_str().map(str::to_owned);
    client.ask_with(ALL_OF_IT, json!({}), &[("millrace-consistency", &token(&payload))]).await;
    client
}

#[tokio::test]
async fn every_example_gives_data_and_the_live_ones_move() {
    let stage = Stage::new().await;
    let (process, demo, staff) = community(&stage).await;
    all_work(&demo, &staff).await;
    process.stop().await;
}

/// Runs every example, each as whoever it is for.
pub async fn all_work(demo: &Client, staff: &Client) {
    let examples = examples();
    for example in &examples {
        let viewer = if example.needs_staff { staff } else { demo };
        if example.is_live() {
            moves(example, &examples, viewer).await;
        } else {
            example.run(viewer).await;
        }
    }
}

/// A snapshot comes, and after the mutation that the example names another event.
async fn moves(example: &Example, all: &[Example], demo: &Client) {
    let mut socket = Socket::open(&demo.url, demo.access_token.as_deref()).await;
    let (document, variables) = example.filled(demo).await;
    socket.subscribe("1", &document, variables).await;
    let first = event(&mut socket, example).await;
    assert!(first["__typename"].as_str().is_some_and(|name| name.ends_with("Snapshot")), "{first:#}");
    let named = example.trigger.as_ref().and_then(|name| all.iter().find(|other| other.name == *name));
    named.unwrap_or_else(|| panic!("{}: no mutation makes it move", example.name)).run(demo).await;
    let next = event(&mut socket, example).await;
    assert!(next["__typename"].as_str().is_some_and(|name| !name.ends_with("Snapshot")), "{next:#}");
    assert!(next["cursor"].is_string() && next["cursor"] != first["cursor"], "{next:#}");
}

/// The next event's only field.
pub async fn event(socket: &mut Socket, example: &Example) -> Value {
    only_field(&socket.data(&example.name).await)
}

/// What the README says of its subscription and its mutation: the comment arrives, once.
#[tokio::test]
async fn what_the_readme_offers_to_paste_works() {
    let stage = Stage::new().await;
    let (process, demo, _) = community(&stage).await;
    let (live, others): (Vec<_>, Vec<_>) = pasted().into_iter().partition(Example::is_live);
    let ([watch], [comment]) = (live.as_slice(), others.as_slice()) else { panic!("a subscription and a mutation") };
    let mut socket = Socket::open(&demo.url, None).await;
    let (document, variables) = watch.filled(&demo).await;
    socket.subscribe("1", &document, variables).await;
    let before = event(&mut socket, watch).await;
    let written = comment.run(&demo).await;
    let arrived = event(&mut socket, watch).await;
    assert_eq!(arrived["comment"]["text"], written["comment"]["text"], "{before:#} {arrived:#}");
    process.stop().await;
}
