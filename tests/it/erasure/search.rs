//! A search of all four stores for what was once said: as text, as bytes, in small letters, in hex and in base64.

use crate::harness::process::Process;
use crate::harness::stage::Stage;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use futures_util::{StreamExt, TryStreamExt};
use mongodb::bson::{RawDocumentBuf, doc};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// Which secrets lie in which store.
pub type Found = BTreeMap<&'static str, BTreeSet<String>>;

/// A thing that is looked for, in all the forms that it may have.
struct Secret {
    name: String,
    /// Compared with what lies there as it is.
    exact: Vec<Vec<u8>>,
    /// Compared with what lies there in small letters.
    small: Vec<Vec<u8>>,
}

/// Looks for all of them everywhere. The names of the stores are those that an operator knows.
pub async fn search(stage: &Stage, secrets: &[(&str, &[u8])]) -> Found {
    let secrets: Vec<Secret> = secrets.iter().map(|(name, bytes)| Secret::new(name, bytes)).collect();
    BTreeMap::from([
        ("PostgreSQL", among(&secrets, &postgresql(stage).await)),
        ("JetStream", among(&secrets, &jetstream(stage).await)),
        ("MongoDB", among(&secrets, &mongodb(stage).await)),
        ("Redis", among(&secrets, &redis(stage).await)),
    ])
}

/// Looks for all of them in what this process and the servers of the stage have logged.
pub fn search_logs(stage: &Stage, process: &Process, secrets: &[(&str, &[u8])]) -> Found {
    let secrets: Vec<Secret> = secrets.iter().map(|(name, bytes)| Secret::new(name, bytes)).collect();
    let servers = stage.servers.as_ref().expect("servers of its own");
    let mut logs = BTreeMap::from([("millrace", process.log().join("\n").into_bytes())]);
    for (name, server) in [
        ("PostgreSQL", servers.postgresql()),
        ("NATS", servers.nats()),
        ("MongoDB", servers.mongodb()),
        ("Redis", servers.redis()),
    ] {
        logs.insert(name, std::fs::read(server.log_file()).expect("a log"));
    }
    logs.into_iter().map(|(name, log)| (name, in_log(&secrets, name, log))).collect()
}

fn in_log(secrets: &[Secret], name: &str, log: Vec<u8>) -> BTreeSet<String> {
    assert!(!log.is_empty(), "{name} has logged nothing at all");
    among(secrets, &[log])
}

impl Secret {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let small = bytes.to_ascii_lowercase();
        let mut exact = vec![bytes.to_vec()];
        exact.extend(base64_forms(bytes));
        exact.extend(base64_forms(&small));
        let mut lower = vec![hex(bytes).into_bytes(), hex(&small).into_bytes()];
        // Bytes that are no text have no small letters.
        if std::str::from_utf8(bytes).is_ok() {
            lower.push(small);
        }
        Self { name: name.to_owned(), exact, small: lower }
    }

    fn lies_in(&self, there: &[u8], there_small: &[u8]) -> bool {
        self.exact.iter().any(|form| contains(there, form)) || self.small.iter().any(|form| contains(there_small, form))
    }
}

/// Base64 of bytes in the middle of others depends on where they begin: what all spellings share is looked for.
fn base64_forms(bytes: &[u8]) -> Vec<Vec<u8>> {
    let shifted = |shift: usize| {
        let padded = [vec![0; shift], bytes.to_vec()].concat();
        let whole = padded.len() / 3 * 4;
        let first = if shift == 0 { 0 } else { 4 };
        [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)].map(|text| text[first..whole].into())
    };
    (0..3).flat_map(shifted).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn contains(there: &[u8], form: &[u8]) -> bool {
    assert!(form.len() >= 4, "too short to be looked for: {form:?}");
    there.windows(form.len()).any(|window| window == form)
}

fn among(secrets: &[Secret], pieces: &[Vec<u8>]) -> BTreeSet<String> {
    assert!(!pieces.is_empty(), "a store that holds nothing was not searched");
    let mut found = BTreeSet::new();
    for piece in pieces {
        let small = piece.to_ascii_lowercase();
        found.extend(secrets.iter().filter(|secret| secret.lies_in(piece, &small)).map(|secret| secret.name.clone()));
    }
    found
}

/// Every row of every table, log and outbox included, as text; columns of bytes are hex there.
async fn postgresql(stage: &Stage) -> Vec<Vec<u8>> {
    let db = Database::connect(stage.variable("MILLRACE_POSTGRES__URL")).await.expect("PostgreSQL");
    const TABLES: &str = "SELECT table_name::text AS text FROM information_schema.tables
        WHERE table_schema = 'public' AND table_type = 'BASE TABLE'";
    let mut rows = Vec::new();
    for table in texts(&db, TABLES).await {
        rows.extend(texts(&db, &format!("SELECT t::text AS text FROM \"{table}\" t")).await);
    }
    rows.into_iter().map(String::into_bytes).collect()
}

async fn texts(db: &DatabaseConnection, sql: &str) -> Vec<String> {
    let rows = db.query_all_raw(Statement::from_string(DbBackend::Postgres, sql)).await.expect("rows");
    rows.iter().map(|row| row.try_get("", "text").expect("a text")).collect()
}

/// Every message of every stream, buckets included: subject, headers and payload.
async fn jetstream(stage: &Stage) -> Vec<Vec<u8>> {
    let context = async_nats::jetstream::new(stage.nats().await);
    let mut names = context.stream_names();
    let mut pieces = Vec::new();
    while let Some(name) = names.next().await {
        let name = name.expect("a name");
        if !name.contains(&stage.name) {
            continue;
        }
        let mut stream = context.get_stream(&name).await.expect("a stream");
        let state = stream.info().await.expect("its state").state.clone();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            // A bucket keeps the last value of each key: older sequences are gone.
            let Ok(message) = stream.get_raw_message(sequence).await else { continue };
            let headers = format!("{:?}", message.headers).into_bytes();
            pieces.push([message.subject.as_bytes(), &headers, &message.payload].join(&b'\n'));
        }
    }
    pieces
}

/// Every document of every collection, as its bytes: generations, changes, dead letters, pointers.
async fn mongodb(stage: &Stage) -> Vec<Vec<u8>> {
    let database = stage.mongodb().await;
    let mut pieces = Vec::new();
    for name in database.list_collection_names().await.expect("names") {
        let documents = database.collection::<RawDocumentBuf>(&name).find(doc! {}).await.expect("documents");
        let documents: Vec<RawDocumentBuf> = documents.try_collect().await.expect("documents");
        pieces.extend(documents.into_iter().map(RawDocumentBuf::into_bytes));
    }
    pieces
}

/// Every key with its value. All of them are strings: another type would be refused here.
async fn redis(stage: &Stage) -> Vec<Vec<u8>> {
    let mut redis = stage.redis().await;
    let mut pieces = Vec::new();
    for key in stage.redis_keys(&format!("{}:", stage.name)).await {
        let value: Option<Vec<u8>> = redis::cmd("GET").arg(&key).query_async(&mut redis).await.expect("a string");
        pieces.push([key.into_bytes(), value.unwrap_or_default()].join(&b'\n'));
    }
    pieces
}
