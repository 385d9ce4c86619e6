//! A role that starts while one of its servers is away: it says which and where, is not ready, and begins when the server is there.

use crate::harness::cluster::free_address;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use reqwest::StatusCode;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const READINESS_WAIT: Duration = Duration::from_secs(30);
/// An address with this much about its user.
const SECRET: &str = "s3cr3t-of-nobody";

/// What is away, for whom, and whether the role can do without.
const CASES: &[(&str, &str, &str, bool)] = &[
    ("command", "PostgreSQL", "MILLRACE_POSTGRES__URL", false),
    ("relay", "PostgreSQL", "MILLRACE_POSTGRES__URL", false),
    ("relay", "NATS", "MILLRACE_NATS__URL", false),
    ("projector", "NATS", "MILLRACE_NATS__PROJECTOR_URL", false),
    ("projector", "MongoDB", "MILLRACE_MONGODB__URL", false),
    ("projector", "Redis", "MILLRACE_REDIS__URL", true),
    ("query", "MongoDB", "MILLRACE_MONGODB__URL", false),
    ("query", "Redis", "MILLRACE_REDIS__URL", true),
    ("all", "PostgreSQL", "MILLRACE_POSTGRES__URL", false),
    ("all", "NATS", "MILLRACE_NATS__URL", false),
    ("all", "MongoDB", "MILLRACE_MONGODB__URL", false),
];

/// Host and port of an address.
fn host_of(url: &str) -> &str {
    let rest = url.rsplit_once('@').or_else(|| url.split_once("://")).expect("an address").1;
    rest.split(['/', '?']).next().expect("a host")
}

/// From now on the server can be reached there too.
async fn open(address: &str, server: &str) -> JoinHandle<()> {
    let (listener, server) = (TcpListener::bind(address).await.expect("an address"), server.to_owned());
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.expect("a connection");
            let server = server.clone();
            tokio::spawn(async move {
                let Ok(mut server) = TcpStream::connect(&server).await else { return };
                let _ended = copy_bidirectional(&mut client, &mut server).await;
            });
        }
    })
}

async fn readiness(process: &Process) -> Option<StatusCode> {
    let asked = timeout(READINESS_WAIT, reqwest::get(format!("{}/readyz", process.operations())));
    Some(asked.await.ok()?.ok()?.status())
}

async fn waits_for(stage: &Stage, role: &str, name: &str, variable: &str, is_dispensable: bool) {
    let url = stage.variable(variable);
    let (host, away) = (host_of(&url), free_address());
    let process = Process::serve(role, &stage.environment_with(&[(variable, &url.replace(host, &away))])).await;
    let what = format!("{role} without {name}");
    // Which server, and where.
    process.says(&["WARN", name, &away, "does not answer"]).await;
    let expected = if is_dispensable { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // The other servers may answer late.
    eventually(&format!("{what}: its readiness is {expected}"), || async {
        (readiness(&process).await == Some(expected)).then_some(())
    })
    .await;
    let server = open(&away, host).await;
    eventually(&format!("{what}: it is ready once the server is there"), || async {
        (readiness(&process).await == Some(StatusCode::OK)).then_some(())
    })
    .await;
    let secrets = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).map(|(user, _)| user);
    assert!(secrets.is_none_or(|user| !process.has_said(&[user])), "{what}: the log tells the user");
    process.stop().await;
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_waits_for_a_server_that_is_away_at_its_start() {
    let stage = Stage::new().await;
    // Documents and a stream are there, so that readiness hangs on the server alone.
    let all = stage.serve("all").await;
    eventually("everything is there", || async { (readiness(&all).await == Some(StatusCode::OK)).then_some(()) }).await;
    let cases =
        CASES.iter().map(|(role, name, variable, dispensable)| waits_for(&stage, role, name, variable, *dispensable));
    futures_util::future::join_all(cases).await;
    all.stop().await;
}

#[tokio::test]
async fn what_is_done_once_ends_with_the_name_and_place_of_a_server_that_is_away() {
    let stage = Stage::new().await;
    let away = free_address();
    let nowhere = |scheme: &str| format!("{scheme}://millrace:{SECRET}@{away}/millrace");
    let stage = stage
        .with("MILLRACE_POSTGRES__URL", &nowhere("postgres"))
        .with("MILLRACE_NATS__PROJECTOR_URL", &nowhere("nats"))
        .with("MILLRACE_MONGODB__URL", &nowhere("mongodb"));
    for (arguments, name) in [
        (vec!["migrate"], "PostgreSQL"),
        (vec!["seed"], "PostgreSQL"),
        (vec!["user", "grant", "ada@example.org", "admin"], "PostgreSQL"),
        (vec!["log", "new-history"], "PostgreSQL"),
        (vec!["parked"], "MongoDB"),
        (vec!["refold", "--projection", "content", "--document", "post:1"], "NATS"),
    ] {
        let ended = stage.try_run(&arguments).await;
        let text = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {text}");
        let line = text.trim_end();
        assert!(line.starts_with(&format!("millrace: {name} at {away} (setting ")), "{arguments:?}: {text}");
        assert!(line.ends_with("does not answer") && text.lines().count() == 1, "{text}");
        assert!(!text.contains(SECRET), "{text}");
    }
}
