//! Whether an account exists cannot be told by what is answered, nor by how much work is done for the answer.

use crate::harness::client::{Client, PASSWORD, mutation};
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

/// How many passwords were hashed or compared until now.
async fn hashes(process: &Process) -> u64 {
    let text = reqwest::get(format!("{}/metrics", process.operations())).await.expect("an answer").text().await;
    let lines = text.expect("text");
    lines.lines().find_map(|line| line.strip_prefix("millrace_password_hashes_total ")?.parse().ok()).unwrap_or(0)
}

/// What a mutation answers, without what is new in every answer, and how many hashes it took.
async fn told(process: &Process, client: &Client, name: &str, input: Value) -> (Value, u64) {
    let before = hashes(process).await;
    let answer = client.send(&mutation(name, ""), json!({ "input": input }), &[]).await.expect("an answer").body;
    let payload = &answer["data"][name];
    let accepted = &payload["receipt"]["accepted"];
    let told = json!({ "accepted": accepted, "errors": payload["errors"], "codes": answer["errors"] });
    (told, hashes(process).await - before)
}

#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_answer_for_the_same_work() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let sign_in = |email: &str, password: &str| json!({ "email": email, "password": password });
    let known = told(&process, &client, "signIn", sign_in(&ada.email, "not the password")).await;
    let unknown = told(&process, &client, "signIn", sign_in("nobody@example.org", "not the password")).await;
    assert_eq!(known, unknown);
    assert_eq!(known.1, 1, "each is compared with a hash");
    assert_eq!(told(&process, &client, "signIn", sign_in(&ada.email, PASSWORD)).await.1, 1);

    let known = told(&process, &client, "requestPasswordReset", json!({ "email": ada.email })).await;
    let unknown = told(&process, &client, "requestPasswordReset", json!({ "email": "nobody@example.org" })).await;
    assert_eq!(known, unknown);
    assert_eq!(known.1, 0);
    process.stop().await;
}
