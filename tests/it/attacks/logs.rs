//! Nothing that a person keeps to themselves is in a log, however much is logged.

use crate::harness::client::{PASSWORD, mutation};
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use serde_json::{Value, json};

const WRONG: &str = "not the pass phrase";
const WORDS: &str = "a very private remark";

#[tokio::test]
async fn no_log_has_a_password_a_token_an_address_or_words_of_a_person() {
    for filter in ["info", "debug"] {
        let stage = Stage::new().await;
        let environment = stage.environment_with(&[("MILLRACE_LOGS__FILTER", filter)]);
        let process = Process::serve("all", &environment).await;
        let secrets = use_it(&process).await;
        let secret = std::fs::read_to_string(stage.variable("MILLRACE_AUTH__SECRET_FILE")).expect("the secret");
        let log = process.log();
        process.stop().await;
        assert!(!log.is_empty() || filter == "info", "it says nothing at all");
        // As a driver writes an address that it was given whole.
        let address = "password: Some(".to_owned();
        for word in secrets.iter().chain([&secret, &address]) {
            let line = log.iter().find(|line| line.contains(word.trim()));
            assert_eq!(line, None, "{filter}: `{word}`");
        }
    }
}

/// Signs up and in, well and badly; reads and writes; sends what is malformed. Answers what must not be found.
async fn use_it(process: &Process) -> Vec<String> {
    let client = crate::harness::client::Client::new(&process.graphql());
    let mut ada = client.sign_up("Ada").await;
    let first = ada.client.access_token.clone().expect("a token");
    ada.try_sign_in().await;
    let sign_in = |password: &str| json!({ "input": { "email": ada.email, "password": password } });
    client.send(&mutation("signIn", ""), sign_in(WRONG), &[]).await.expect("an answer");
    client.command("requestPasswordReset", json!({ "email": ada.email }), "").await;
    let refresh = json!({ "refreshToken": ada.refresh_token });
    let refreshed = client.command("refreshSession", refresh, "session { refreshToken }").await;
    let post = ada.client.command("createPost", json!({ "title": "A", "body": WORDS }), "post { body }").await;
    let comment = json!({ "postId": post["receipt"]["aggregateId"], "text": WORDS, "idempotencyKey": "k".repeat(65) });
    ada.client.send(&mutation("addComment", ""), json!({ "input": comment }), &[]).await.expect("an answer");
    let literal =
        format!(r#"mutation {{ signIn(input: {{ email: "{}", password: "{PASSWORD}" }}) {{ nonsense }} }}"#, ada.email);
    client.send(&literal, json!({}), &[]).await.expect("an answer");
    client
        .send("{ nonsense", json!({ "password": PASSWORD }), &[("authorization", &format!("Bearer x{first}"))])
        .await
        .expect("an answer");
    let token = |value: &Value| value.as_str().expect("a text").to_owned();
    let newer = ada.client.access_token.clone().expect("a token");
    let refreshed = token(&refreshed["session"]["refreshToken"]);
    vec![PASSWORD.into(), WRONG.into(), WORDS.into(), first, newer, ada.email, ada.refresh_token, refreshed]
}
