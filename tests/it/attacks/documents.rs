//! Documents that are made to be dear: refused on every way in, before anything of them is executed.

use super::{code_of, refused, refused_body};
use crate::events::{Events, post};
use crate::harness::client::{Client, PASSWORD};
use crate::harness::cluster::free_address;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};

/// What is sent, and with which code it is refused.
struct Attack {
    code: &'static str,
    query: String,
    variables: Value,
}

fn attack(code: &'static str, query: impl Into<String>) -> Attack {
    Attack { code, query: query.into(), variables: json!({}) }
}

fn many(count: usize, part: impl Fn(usize) -> String) -> String {
    (0..count).map(part).collect()
}

fn bomb() -> String {
    let link = |n: usize| format!("fragment F{n} on Query{{...F{0} ...F{0}}}", n + 1);
    format!("{{...F0}}{}fragment F22 on Query{{__typename}}", many(22, link))
}

fn attacks() -> Vec<Attack> {
    let sign_in = r#"signIn(input:{email:"a@b.example",password:"x"}){errors{code}}"#;
    let hundred_each = "{users(first:100){nodes{posts(first:100){nodes{comments(first:100){nodes{id}}}}}}}";
    let circles = "{__schema{types{fields{type{fields{type{fields{name}}}}}}}}";
    let ids = |count: usize| json!({ "ids": vec!["AQAAAAAAAAAAAAAAAAAAAAA"; count] });
    let nodes = "query($ids:[ID!]!){nodes(ids:$ids){id}}";
    let deep = (0..50).fold(json!(1), |inner, _| json!([inner]));
    vec![
        attack("DEPTH_LIMIT", "{post(id:1){author{posts{nodes{author{posts{nodes{author{posts{nodes{id}}}}}}}}}}}"),
        attack("ALIAS_LIMIT", format!("{{viewer{{{}}}}}", many(31, |n| format!("a{n}:roles ")))),
        attack("SIGN_IN_LIMIT", format!("mutation{{a:{sign_in} b:{sign_in}}}")),
        attack("ALIAS_LIMIT", format!("mutation{{{}}}", many(100, |n| format!("a{n}:{sign_in} ")))),
        attack("TOKEN_LIMIT", format!("{{viewer{{{}}}}}", "id ".repeat(2_100))),
        attack("SIZE_LIMIT", format!("{{viewer{{{}}}}}", "name ".repeat(10_000))),
        attack("DIRECTIVE_LIMIT", format!("{{__typename {}}}", "@a ".repeat(5_000))),
        attack("DIRECTIVE_LIMIT", format!("query {}{{__typename}}", "@a ".repeat(5_000))),
        attack("DIRECTIVE_LIMIT", format!("{{...F}}fragment F on Query {}{{__typename}}", "@a ".repeat(5_000))),
        attack("SELECTION_LIMIT", bomb()),
        attack("FRAGMENT_CYCLE", "{...A}fragment A on Query{...B}fragment B on Query{...A}"),
        attack("OPERATION_LIMIT", many(1_000, |n| format!("query Q{n}{{a}}"))),
        attack("NESTING_LIMIT", format!("{{post(id:{}", "[".repeat(15_000))),
        attack("NESTING_LIMIT", "{a".repeat(5_000)),
        attack("SIZE_LIMIT", format!("{{post(id:{}", "[".repeat(250_000))),
        attack("COST_LIMIT", hundred_each),
        attack("INTROSPECTION_LIMIT", circles),
        Attack { code: "LIST_LIMIT", query: nodes.into(), variables: ids(101) },
        Attack { code: "LIST_LIMIT", query: nodes.into(), variables: ids(5_000) },
        Attack { code: "VARIABLE_DEPTH_LIMIT", query: "{__typename}".into(), variables: json!({ "deep": deep }) },
        Attack {
            code: "VARIABLE_LIMIT",
            query: "{__typename}".into(),
            variables: (0..5_000).map(|n| (format!("v{n}"), json!(1))).collect::<serde_json::Map<_, _>>().into(),
        },
    ]
}

/// The longest request that is tried where it must fit into an address, or into a frame.
const GET_BYTES_MAX: usize = 8 * 1024;
const FRAME_BYTES_MAX: usize = 60 * 1024;

async fn by_get(client: &Client, attack: &Attack) {
    if attack.query.len() > GET_BYTES_MAX || attack.variables != json!({}) {
        return;
    }
    let request = client.http.get(&client.url).header("accept", "application/graphql-response+json");
    let response = request.query(&[("query", &attack.query)]).send().await.expect("an answer");
    assert_eq!(code_of(response).await, (400, attack.code.to_owned()), "{}", attack.query);
}

/// The stream opens all the same: to a browser's `EventSource` a status says nothing.
async fn by_events(client: &Client, attack: &Attack) {
    let mut events = Events::open(post(client, &attack.query, attack.variables.clone())).await;
    let payload = events.next(attack.code).await.expect("an event").payload();
    assert_eq!(payload["errors"][0]["extensions"]["code"], attack.code, "{payload:#}");
    assert!(payload.get("data").is_none(), "nothing was executed: {payload:#}");
    events.completes().await;
}

async fn by_socket(socket: &mut Socket, attack: &Attack) {
    let bytes = attack.query.len() + attack.variables.to_string().len();
    if bytes > FRAME_BYTES_MAX {
        return;
    }
    socket.subscribe("1", &attack.query, attack.variables.clone()).await;
    match socket.receive(attack.code).await {
        Received::Message(message) => {
            assert_eq!(message["type"], "error", "{message:#}");
            assert_eq!(message["payload"][0]["extensions"]["code"], attack.code, "{message:#}");
        }
        other => panic!("{}: {other:?}", attack.code),
    }
}

#[tokio::test]
async fn what_is_made_to_be_dear_is_refused_on_every_way_in() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let mut socket = Socket::open(&process.graphql(), None).await;
    for attack in attacks() {
        let refused = refused(&client, &attack.query, attack.variables.clone()).await;
        assert_eq!(refused, (400, attack.code.to_owned()), "{}", &attack.query[..attack.query.len().min(200)]);
        by_get(&client, &attack).await;
        by_events(&client, &attack).await;
        by_socket(&mut socket, &attack).await;
    }
    client.ask("{ posts(first: 1) { nodes { id } } }", json!({})).await;
    process.stop().await;
}

#[tokio::test]
async fn json_that_is_too_deep_or_too_long_is_not_read() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let deep = format!(r#"{{"query":"{{__typename}}","variables":{{"a":{}1{}}}}}"#, "[".repeat(200), "]".repeat(200));
    assert_eq!(refused_body(&client, deep).await, (400, "BAD_USER_INPUT".into()));
    let very_deep = format!(r#"{{"query":"{{__typename}}","variables":{{"a":{}"#, "[".repeat(200_000));
    assert_eq!(refused_body(&client, very_deep).await, (400, "BAD_USER_INPUT".into()));
    let text = format!(r#"{{"query":"{{post(id:\"{}\"){{id}}}}"}}"#, "x".repeat(1 << 20));
    assert_eq!(refused_body(&client, text.clone()).await, (413, "LIMIT_EXCEEDED".into()));
    let request = client.http.post(&client.url).header("content-type", "application/json").body(text);
    let refused = request.send().await.expect("an answer, although not all that was sent was taken");
    assert_eq!(refused.headers()["connection"], "close", "the next request goes another way");
    client.ask("{ __typename }", json!({})).await;
    process.stop().await;
}

/// A small request in so many bytes.
fn in_bytes(bytes: usize) -> String {
    let (head, tail) = (r#"{"query":"{ __typename }""#, "}");
    format!("{head}{}{tail}", " ".repeat(bytes - head.len() - tail.len()))
}

#[tokio::test]
async fn a_body_may_have_all_the_bytes_that_are_allowed_and_not_one_more() {
    let stage = Stage::new().await;
    let set = [("MILLRACE_HTTP__BODY_BYTES_MAX", "2000")];
    for (environment, bytes_max) in [(stage.environment(), 256 * 1024), (stage.environment_with(&set), 2_000)] {
        let process = Process::serve("all", &environment).await;
        let client = Client::new(&process.graphql());
        let longest = client.http.post(&client.url).header("content-type", "application/json");
        let longest = longest.body(in_bytes(bytes_max)).send().await.expect("an answer");
        let answer: Value = longest.json().await.expect("JSON");
        assert_eq!(answer["data"], json!({ "__typename": "Query" }), "{bytes_max}: {answer:#}");
        for longer in [bytes_max + 1, bytes_max * 5] {
            assert_eq!(refused_body(&client, in_bytes(longer)).await, (413, "LIMIT_EXCEEDED".into()), "{longer}");
        }
        process.stop().await;
    }
}

/// A sign-up with a last name that is too long, in so many bytes.
fn sign_up_in_bytes(bytes: usize) -> String {
    const SIGN_UP: &str = "mutation($i:SignUpInput!){signUp(input:$i){errors{__typename}}}";
    let body = |last_name: &str| {
        let input =
            json!({ "firstName": "Ada", "lastName": last_name, "email": "ada@example.org", "password": PASSWORD });
        json!({ "query": SIGN_UP, "variables": { "i": input } }).to_string()
    };
    body(&"x".repeat(bytes - body("").len()))
}

/// From role to role it travels with more around it than it came with.
#[tokio::test]
async fn the_longest_body_that_is_let_in_comes_to_the_command_role() {
    let (stage, listen) = (Stage::new().await, free_address());
    let url = format!("http://{listen}");
    let set = [("MILLRACE_COMMAND__LISTEN", listen.as_str()), ("MILLRACE_COMMAND__URL", url.as_str())];
    let environment = stage.environment_with(&set);
    let (relay, projector) = (stage.serve("relay").await, stage.serve("projector").await);
    let (command, query) = (Process::serve("command", &environment).await, Process::serve("query", &environment).await);
    let client = Client::new(&query.graphql());
    let longest = client.http.post(&client.url).header("content-type", "application/json");
    let longest = longest.body(sign_up_in_bytes(256 * 1024)).send().await.expect("an answer");
    let answer: Value = longest.json().await.expect("JSON");
    assert_eq!(answer["data"]["signUp"]["errors"], json!([{ "__typename": "ValidationError" }]), "{answer:#}");
    for process in [query, projector, relay, command] {
        process.stop().await;
    }
}

#[tokio::test]
async fn pages_have_a_size_that_no_variable_gets_around() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let query = "query($n: Int) { posts(first: $n) { nodes { id } } }";
    for (size, code) in
        [(i32::MAX, "LIMIT_EXCEEDED"), (101, "LIMIT_EXCEEDED"), (0, "BAD_USER_INPUT"), (-1, "BAD_USER_INPUT")]
    {
        let answer = client.send(query, json!({ "n": size }), &[]).await.expect("an answer").body;
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{size}: {answer:#}");
    }
    client.ask(query, json!({ "n": 100 })).await;
    process.stop().await;
}

#[tokio::test]
async fn a_flood_of_errors_is_cut_off_and_gives_no_hints() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let unknown = format!("{{ viewer {{ {} }} }}", many(900, |n| format!("usr{n} ")));
    let answer = client.send(&unknown, json!({}), &[]).await.expect("an answer").body;
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(10));
    let near = client.send("{ usr { id } vewer { roles } posts(frst: 1) { nodes { id } } }", json!({}), &[]).await;
    let near = near.expect("an answer").body.to_string();
    assert!(!near.to_lowercase().contains("did you mean"), "{near}");
    process.stop().await;
}

#[tokio::test]
async fn an_answer_has_a_size() {
    let stage = Stage::new().await;
    let limits = [("MILLRACE_HTTP__ANSWER_BYTES_MAX", "2000")];
    let process = crate::harness::process::Process::serve("all", &stage.environment_with(&limits)).await;
    let client = Client::new(&process.graphql());
    let query = |count: usize| format!("{{ __schema {{ types {{ {} }} }} }}", "name ".repeat(count));
    assert_eq!(refused(&client, &query(1), json!({})).await, (400, "ANSWER_SIZE_LIMIT".into()));
    let mut socket = Socket::open(&process.graphql(), None).await;
    socket.subscribe("1", &query(1), json!({})).await;
    let Received::Message(message) = socket.receive("a refusal").await else { panic!("the socket ended") };
    assert_eq!(message["payload"]["errors"][0]["extensions"]["code"], "ANSWER_SIZE_LIMIT", "{message:#}");
    client.ask("{ __typename }", json!({})).await;
    process.stop().await;
}

#[tokio::test]
async fn a_mutation_whose_answer_is_too_long_is_not_told_as_if_nothing_had_happened() {
    let stage = Stage::new().await;
    let (other, everybody) = stage.all().await;
    let limits = [("MILLRACE_HTTP__ANSWER_BYTES_MAX", "500")];
    let process = crate::harness::process::Process::serve("all", &stage.environment_with(&limits)).await;
    let ada = everybody.sign_up("Ada").await;
    let token = ada.client.access_token.as_deref();
    let create = format!(
        "mutation($input: CreatePostInput!) {{ made: createPost(input: $input) {{ receipt {{ {} }} }} }}",
        many(20, |n| format!("a{n}: commandId "))
    );
    let input = json!({ "input": { "title": "Written", "body": "B" } });
    let client = Client::new(&process.graphql());
    let request = client.http.post(&client.url).header("accept", "application/graphql-response+json");
    let request = request.bearer_auth(token.expect("a token")).json(&json!({ "query": create, "variables": input }));
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer.get("data"), Some(&Value::Null), "{answer:#}");
    is_told_at_its_field(&everybody, &answer).await;

    let mut socket = Socket::open(&process.graphql(), token).await;
    socket.subscribe("1", &create, input).await;
    let Received::Message(message) = socket.receive("an answer").await else { panic!("the socket ended") };
    assert_eq!(message["type"], "next", "{message:#}");
    is_told_at_its_field(&everybody, &message["payload"]).await;
    process.stop().await;
    other.stop().await;
}

/// The command's receipt stands where its answer would, and what it made is there.
async fn is_told_at_its_field(client: &Client, answer: &Value) {
    let error = &answer["errors"][0];
    assert_eq!(error["path"], json!(["made"]), "{answer:#}");
    let (extensions, receipt) = (&error["extensions"], &error["extensions"]["receipt"]);
    assert_eq!((&extensions["code"], &extensions["retryable"]), (&json!("ANSWER_SIZE_LIMIT"), &json!(false)));
    assert_eq!(receipt["accepted"], true, "{answer:#}");
    let token = receipt["consistencyToken"].as_str().expect("a token");
    let (query, post) = ("query($id: ID!) { post(id: $id) { title } }", json!({ "id": receipt["aggregateId"] }));
    let data = client.ask_with(query, post, &[("millrace-consistency", token)]).await;
    assert_eq!(data["post"]["title"], "Written", "{data:#}");
}
