//! PostgreSQL's own log has nothing that people have written, also where two of them are in each other's way.

use crate::accounts::{VERIFY, mails, token_in};
use crate::checker::books;
use crate::harness::client::{Client, PASSWORD, Person};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

/// Whoever has written its rows keeps them to itself for so long: the others come meanwhile.
const HELD: (&str, &str) =
    ("MILLRACE_FAIL_POINTS", "command.handled(signUp)=stall:300,command.handled(verifyEmail)=stall:300");
const AT_ONCE: usize = 4;
const WANTED: &str = "wilhelmina@quarrystone.example";
const NEXT: &str = "thessalonike@quarrystone.example";
/// What PostgreSQL says of a key that is in the way. Its details would name the key.
const REFUSED: &str = "duplicate key value";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_several_want_is_in_no_log_of_postgresql() {
    let stage = Stage::with_own_servers().await.with(HELD.0, HELD.1);
    let (process, client) = stage.all().await;
    one_has_it(&join_all((0..AT_ONCE).map(|_| sign_up(&client))).await);
    one_has_it(&verify_at_once(&process, &client).await);
    let log =
        || std::fs::read_to_string(stage.servers.as_ref().expect("servers").postgresql().log_file()).expect("a log");
    assert!(!log().contains(REFUSED), "PostgreSQL was asked to refuse: {}", log());

    let database = books::connect(&stage).await;
    let all_the_same = "UPDATE users SET email_canonical = $1";
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, all_the_same, [WANTED.into()]);
    assert!(database.execute_raw(statement).await.is_err(), "several accounts have one address");
    assert!(log().contains(REFUSED), "it is no log of PostgreSQL: {}", log());
    for address in [WANTED, NEXT] {
        assert!(!log().contains(address), "{address} is in {}", log());
    }
    process.stop().await;
}

async fn sign_up(client: &Client) -> Value {
    let input = json!({ "firstName": "Mina", "lastName": "Test", "email": WANTED, "password": PASSWORD });
    client.try_command("signUp", input, "").await
}

/// Two have asked for one address, and show at the same moment that its mail arrives.
async fn verify_at_once(process: &Process, client: &Client) -> Vec<Value> {
    for name in ["Ada", "Ben"] {
        let Person { client, .. } = client.sign_up(name).await;
        client.command("changeEmail", json!({ "newEmail": NEXT, "password": PASSWORD }), "").await;
    }
    let tokens = eventually("both have their mail", || async {
        let mails = mails(process).await;
        let to_verify = mails.iter().filter(|mail| mail["to"] == NEXT && mail["subject"] == VERIFY);
        let tokens: Vec<String> = to_verify.filter_map(|mail| token_in(mail["text"].as_str()?)).collect();
        (tokens.len() == 2).then_some(tokens)
    });
    let tokens = tokens.await;
    join_all(tokens.iter().map(|token| client.try_command("verifyEmail", json!({ "token": token }), ""))).await
}

fn one_has_it(payloads: &[Value]) {
    let errors: Vec<&Value> = payloads.iter().filter_map(|payload| payload["errors"].get(0)).collect();
    assert_eq!(errors.len(), payloads.len() - 1, "{payloads:#?}");
    assert!(errors.iter().all(|error| error["__typename"] == "EmailTaken"), "{payloads:#?}");
}
