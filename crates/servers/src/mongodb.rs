//! MongoDB as a replica set of one member, which transactions need.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::bson::{Field, Value, answer, message};
use crate::entropy::password;
use crate::error::{Error, at};
use crate::options::Options;
use crate::probe::Probe;

const REPLICA_SET: &str = "rs0";
/// An oplog small enough for a laptop, large enough for an hour of the demo.
const OPLOG_MB: &str = "990";
const MB_IN_GB: f64 = 1024.0;
/// The rights that a key's file may have.
const OWNERS_ALONE: u32 = 0o600;
/// MongoDB's smallest cache.
const CACHE_GB_MIN: f64 = 0.25;

/// The data is of a replica set that this server's address is not in: it was started on another port, or the folder
/// is a copy.
const NOT_A_MEMBER: f64 = 93.0;
/// There is no replica set yet.
const NOT_INITIATED: f64 = 94.0;

pub(crate) fn arguments(folder: &Path, port: u16, options: &Options) -> Result<Vec<OsString>, Error> {
    let cache_gb = (f64::from(options.mongodb_cache_mb) / MB_IN_GB).max(CACHE_GB_MIN).to_string();
    let port = port.to_string();
    let settings = [
        ["--bind_ip", "127.0.0.1"],
        ["--port", &port],
        ["--replSet", REPLICA_SET],
        ["--wiredTigerCacheSizeGB", &cache_gb],
        ["--oplogSize", OPLOG_MB],
        ["--setParameter", "diagnosticDataCollectionEnabled=false"],
        // By itself it would wait 15 s for another member to take over.
        ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=0"],
        // A projector that is killed inside a transaction leaves the checkpoint locked for so long.
        ["--setParameter", "transactionLifetimeLimitSeconds=5"],
        // What is slow would stand in the log with the documents that it writes, and nothing that erases finds them there.
        ["--slowOpSampleRate", "0"],
    ];
    let mut arguments: Vec<OsString> = settings.iter().flatten().map(OsString::from).collect();
    arguments.extend(["--nounixsocket".into(), "--quiet".into(), "--dbpath".into(), folder.into()]);
    if options.mongodb_test_commands {
        arguments.extend(["--setParameter".into(), "enableTestCommands=1".into()]);
    }
    if options.mongodb_users {
        arguments.extend(["--keyFile".into(), key_file(folder)?.into()]);
    }
    Ok(arguments)
}

/// What members of a replica set know each other by. There is one member, but without it MongoDB would let everybody in.
fn key_file(folder: &Path) -> Result<PathBuf, Error> {
    let path = folder.with_extension("key");
    let key = password().map_err(at("make a key for", &path))?;
    // It may be left from the last start, and must be nobody else's to read.
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNERS_ALONE).open(&path);
    file.and_then(|mut file| file.write_all(key.as_bytes())).map_err(at("write", &path))?;
    Ok(path)
}

pub(crate) fn url(port: u16) -> String {
    format!("mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}")
}

/// Whether the server is a primary that takes writes; makes it one if it is not a member of any replica set.
pub(crate) async fn is_ready(port: u16) -> io::Result<bool> {
    let hello = ask(port, &[("hello", Value::Int(1))]).await?;
    if hello.get("isWritablePrimary") == Some(&Field::Bool(true)) {
        return Ok(true);
    }
    let status = ask(port, &[("replSetGetStatus", Value::Int(1))]).await?;
    // What these two answer does not matter: the next `hello` tells.
    if status.get("code") == Some(&Field::Number(NOT_INITIATED)) {
        ask(port, &[("replSetInitiate", replica_set(port))]).await?;
    } else if status.get("code") == Some(&Field::Number(NOT_A_MEMBER)) {
        ask(port, &[("replSetReconfig", replica_set(port)), ("force", Value::Bool(true))]).await?;
    }
    Ok(false)
}

/// With `force` the server itself raises the version.
fn replica_set(port: u16) -> Value {
    let member = vec![("_id", Value::Int(0)), ("host", Value::Text(format!("127.0.0.1:{port}")))];
    Value::Document(vec![
        ("_id", Value::Text(REPLICA_SET.to_owned())),
        ("version", Value::Int(1)),
        ("members", Value::Single(Box::new(Value::Document(member)))),
    ])
}

async fn ask(port: u16, command: &[(&'static str, Value)]) -> io::Result<HashMap<String, Field>> {
    let mut probe = Probe::connect(port).await?;
    probe.send(&message(command)).await?;
    probe.read(answer).await
}
