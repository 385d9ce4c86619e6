//! Each role as a user of its own at each server, made by the files that the operators' page shows: it does its work, and no server lets
//! it do more. NATS' users are those of all tests (`permissions.rs`).

use crate::checker::everything_holds;
use crate::examples::{all_work, signed_in};
use crate::harness::cluster::free_address;
use crate::harness::process::Process;
use crate::harness::stage::{Stage, redis_at};
use millrace::documents::trusted::sha256;
use millrace::seed::{DEMO_EMAIL, DEMO_PASSWORD, STAFF_EMAIL, STAFF_PASSWORD};
use millrace_servers::Options;
use mongodb::bson::{Document, doc, to_document};
use redis::aio::MultiplexedConnection;
use reqwest::StatusCode;
use sea_orm::{ConnectionTrait, Database, DatabaseConnection};
use serde_json::{Value, json};

const POSTGRESQL: &str = include_str!("../../docs/users/postgresql.sql");
const MONGODB: &str = include_str!("../../docs/users/mongodb.json");
const REDIS: &str = include_str!("../../docs/users/redis.acl");
/// The files' password.
const PASSWORD: &str = "change-me";
/// MongoDB's first user, who makes the others.
const OPERATOR: &str = "operator";
/// Nobody listens there: what a role does not need is not there for it.
const NOWHERE: [(&str, &str); 3] = [
    ("MILLRACE_POSTGRES__URL", "postgres://nobody@127.0.0.1:9/nothing"),
    ("MILLRACE_NATS__URL", "nats://127.0.0.1:9"),
    ("MILLRACE_NATS__PROJECTOR_URL", "nats://127.0.0.1:9"),
];
/// MongoDB's code: unauthorized.
const UNAUTHORIZED: i32 = 13;
/// PostgreSQL's: insufficient privilege.
const INSUFFICIENT_PRIVILEGE: &str = "42501";

/// The servers' addresses, each as a user of this name.
struct Addresses {
    postgresql: String,
    mongodb: String,
    redis: String,
}

impl Addresses {
    fn of(stage: &Stage) -> Self {
        let postgresql = stage.variable("MILLRACE_POSTGRES__URL");
        Self { postgresql, mongodb: stage.variable("MILLRACE_MONGODB__URL"), redis: stage.urls.redis.clone() }
    }

    fn as_user(address: &str, user: &str) -> String {
        let (scheme, rest) = address.split_once("://").expect("an address");
        let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
        format!("{scheme}://{user}:{PASSWORD}@{host}")
    }

    fn postgresql(&self, user: &str) -> String {
        Self::as_user(&self.postgresql, user)
    }

    fn mongodb(&self, user: &str) -> String {
        Self::as_user(&self.mongodb, user)
    }

    fn redis(&self, user: &str) -> String {
        Self::as_user(&self.redis, user)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_role_does_its_work_as_a_user_of_its_own_and_no_server_lets_it_do_more() {
    let mut stage = Stage::with_servers(Options { mongodb_users: true, ..Options::for_tests() }).await;
    stage.run(&["seed"]).await;
    let users = Addresses::of(&stage);
    make_users(&stage, &users).await;
    stage.urls.mongodb = users.mongodb(OPERATOR);

    let processes = serve_all(&stage, &users).await;
    let query = processes.last().expect("the query role");
    let demo = signed_in(query, DEMO_EMAIL, DEMO_PASSWORD).await;
    let staff = signed_in(query, STAFF_EMAIL, STAFF_PASSWORD).await;
    all_work(&demo, &staff).await;
    hashes_are_kept(query).await;
    everything_holds(&stage).await;
    nothing_was_refused(&stage).await;
    for process in processes.into_iter().rev() {
        process.stop().await;
    }

    postgresql_refuses(&users).await;
    mongodb_refuses(&stage, &users).await;
    redis_refuses(&stage, &users).await;
}

/// The names of a deployment are those of this stage.
async fn make_users(stage: &Stage, users: &Addresses) {
    let owner = Database::connect(&users.postgresql).await.expect("PostgreSQL");
    for _ in ["after the first migration", "after a later one"] {
        owner.execute_unprepared(POSTGRESQL).await.expect("its users");
    }

    let nobody = mongodb(&users.mongodb).await;
    let first = doc! { "createUser": OPERATOR, "pwd": PASSWORD, "roles": ["root"] };
    nobody.run_command(first).await.expect("the first user");
    let operator = mongodb(&users.mongodb(OPERATOR)).await;
    let commands: Vec<Value> =
        serde_json::from_str(&MONGODB.replace("\"millrace\"", &json!(stage.name).to_string())).expect("JSON");
    for command in commands {
        operator.run_command(to_document(&command).expect("a command")).await.expect("a user");
    }

    let mut redis = stage.redis().await;
    for line in REDIS.replace("millrace:", &format!("{}:", stage.name)).lines() {
        let mut command = redis::cmd("ACL");
        command.arg("SETUSER").arg(line.split_whitespace().skip(1).collect::<Vec<_>>());
        let () = command.query_async(&mut redis).await.expect("a user");
    }
}

async fn mongodb(address: &str) -> mongodb::Database {
    mongodb::Client::with_uri_str(address).await.expect("MongoDB").database("admin")
}

/// The query role last.
async fn serve_all(stage: &Stage, users: &Addresses) -> Vec<Process> {
    let command_listen = free_address();
    let command_url = format!("http://{command_listen}");
    let command = [
        ("MILLRACE_POSTGRES__URL", users.postgresql("millrace_command")),
        ("MILLRACE_COMMAND__LISTEN", command_listen),
    ];
    let relay = [("MILLRACE_POSTGRES__URL", users.postgresql("millrace_relay"))];
    let read_side =
        |user: &str| [("MILLRACE_MONGODB__URL", users.mongodb(user)), ("MILLRACE_REDIS__URL", users.redis(user))];
    let budget = [("MILLRACE_BUDGET__POINTS_MAX", "1000000"), ("MILLRACE_BUDGET__POINTS_PER_SECOND", "1000")];
    let (projector, mut query) = (read_side("millrace_projector"), read_side("millrace_query").to_vec());
    query.push(("MILLRACE_COMMAND__URL", command_url));
    query.extend(NOWHERE.into_iter().chain(budget).map(|(key, value)| (key, value.to_owned())));
    let roles: [(&str, &[(&str, String)]); 4] =
        [("command", &command), ("relay", &relay), ("projector", &projector), ("query", &query)];
    let mut processes = Vec::new();
    for (role, more) in roles {
        let more: Vec<(&str, &str)> = more.iter().map(|(key, value)| (*key, value.as_str())).collect();
        processes.push(Process::serve(role, &stage.environment_with(&more)).await);
    }
    processes
}

/// Automatic persisted queries lie in Redis, too.
async fn hashes_are_kept(query: &Process) {
    let text = "query Kept { posts(first: 1) { nodes { id } } }";
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": sha256(text) } });
    for body in [json!({ "query": text, "extensions": extensions }), json!({ "extensions": extensions })] {
        let answer = reqwest::Client::new().post(query.graphql()).json(&body).send().await.expect("an answer");
        assert_eq!(answer.status(), StatusCode::OK);
        let answer: Value = answer.json().await.expect("JSON");
        assert!(answer["data"]["posts"]["nodes"].is_array(), "{answer:#}");
    }
}

/// Redis notes whatever it refuses. What a driver says of itself on connecting is no work.
async fn nothing_was_refused(stage: &Stage) {
    let mut redis = stage.redis().await;
    let refused: redis::Value = redis::cmd("ACL").arg("LOG").query_async(&mut redis).await.expect("what it noted");
    let refused = format!("{refused:?}").to_lowercase();
    let others: Vec<&str> = refused.split("object").skip(1).filter(|entry| !entry.contains("client|setinfo")).collect();
    assert!(others.is_empty(), "{others:#?}");
}

async fn postgresql_refuses(users: &Addresses) {
    let command = Database::connect(users.postgresql("millrace_command")).await.expect("PostgreSQL");
    for statement in [
        "CREATE TABLE of_mine (id integer)",
        "ALTER TABLE users ADD COLUMN of_mine integer",
        "DROP TABLE wallets",
        "UPDATE log SET name = 'another'",
        "DELETE FROM log",
        "UPDATE erasable SET statement = ''",
        "CREATE ROLE of_mine",
        "SELECT pg_read_file('/etc/passwd')",
    ] {
        refuses(&command, statement).await;
    }
    let relay = Database::connect(users.postgresql("millrace_relay")).await.expect("PostgreSQL");
    for statement in [
        "UPDATE wallets SET version = 1",
        "SELECT password_hash FROM users",
        "INSERT INTO outbox SELECT * FROM outbox",
        "UPDATE log SET name = 'another'",
        "UPDATE person_key SET key = NULL, destroyed_at = now()",
        "UPDATE log_head SET history = gen_random_uuid()",
        "DELETE FROM person_key",
        "CREATE TABLE of_mine (id integer)",
    ] {
        refuses(&relay, statement).await;
    }
}

async fn refuses(database: &DatabaseConnection, statement: &str) {
    let refused = database.execute_unprepared(statement).await.expect_err(statement);
    let said = format!("{refused:?}");
    assert!(said.contains(INSUFFICIENT_PRIVILEGE), "{statement}: {said}");
}

async fn mongodb_refuses(stage: &Stage, users: &Addresses) {
    let nobody = mongodb(&users.mongodb).await;
    refused(&nobody, doc! { "listDatabases": 1 }).await;
    let query = mongodb::Client::with_uri_str(users.mongodb("millrace_query")).await.expect("MongoDB");
    let documents = query.database(&stage.name);
    documents.run_command(doc! { "find": "projections", "limit": 1 }).await.expect("it may read");
    for command in [
        doc! { "insert": "content_1", "documents": [{ "_id": "post:of-mine" }] },
        doc! { "update": "content_1", "updates": [{ "q": { "_id": "checkpoint" }, "u": { "$set": { "n": 1 } } }] },
        doc! { "delete": "projections", "deletes": [{ "q": {}, "limit": 0 }] },
        doc! { "createIndexes": "content_1", "indexes": [{ "key": { "a": 1 }, "name": "of_mine" }] },
        doc! { "drop": "content_1" },
        doc! { "dropDatabase": 1 },
    ] {
        refused(&documents, command).await;
    }
    let projector = mongodb::Client::with_uri_str(users.mongodb("millrace_projector")).await.expect("MongoDB");
    refused(&projector.database(&stage.name), doc! { "dropDatabase": 1 }).await;
    for client in [&query, &projector] {
        refused(&client.database("another"), doc! { "find": "things" }).await;
        refused(&client.database("another"), doc! { "insert": "things", "documents": [{ "a": 1 }] }).await;
        refused(&client.database("admin"), doc! { "createUser": "of_mine", "pwd": "x", "roles": ["root"] }).await;
    }
}

async fn refused(database: &mongodb::Database, command: Document) {
    let what = command.to_string();
    let error = database.run_command(command).await.expect_err(&what);
    let mongodb::error::ErrorKind::Command(error) = *error.kind else { panic!("{what}: {error}") };
    assert_eq!(error.code, UNAUTHORIZED, "{what}: {error}");
}

async fn redis_refuses(stage: &Stage, users: &Addresses) {
    let (ours, ring) = (format!("{}:of-mine", stage.name), format!("{}:ring:content", stage.name));
    let query = redis_at(&users.redis("millrace_query")).await;
    let projector = redis_at(&users.redis("millrace_projector")).await;
    let commands: [&[&str]; 6] = [
        &["GET", "another:key"],
        &["SET", "another:key", "1"],
        &["KEYS", "*"],
        &["FLUSHALL"],
        &["CONFIG", "GET", "*"],
        &["ACL", "LIST"],
    ];
    for command in commands {
        denied(&query, command).await;
        denied(&projector, command).await;
    }
    denied(&query, &["DEL", &ours]).await;
    denied(&query, &["PUBLISH", &ring, "{}"]).await;
    denied(&projector, &["PUBLISH", "another:ring", "{}"]).await;
    assert_eq!(ask(&query, &["GET", &ours]).await, Ok(redis::Value::Nil), "it may read: this test would notice");
}

async fn ask(connection: &MultiplexedConnection, command: &[&str]) -> Result<redis::Value, String> {
    let mut asked = redis::cmd(command[0]);
    asked.arg(&command[1..]);
    asked.query_async(&mut connection.clone()).await.map_err(|error: redis::RedisError| error.to_string())
}

async fn denied(connection: &MultiplexedConnection, command: &[&str]) {
    let answer = ask(connection, command).await;
    let said = answer.expect_err(&command.join(" ")).to_uppercase();
    assert!(said.contains("NOPERM") || said.contains("NO PERMISSIONS"), "{command:?}: {said}");
}
