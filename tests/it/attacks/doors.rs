//! Doors that are not for the public, and keys that are no keys.

use crate::harness::process::Process;
use crate::harness::stage::Stage;
use reqwest::Method;

#[tokio::test]
async fn what_is_for_operators_is_not_on_the_public_port() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let public = process.graphql().replace("/graphql", "");
    for path in ["/metrics", "/admin", "/rebuild", "/debug", "/env", "/config", "/dev/mails", "/commands", "/.env"] {
        for method in [Method::GET, Method::POST] {
            let answer =
                client.http.request(method.clone(), format!("{public}{path}")).send().await.expect("an answer");
            assert!(matches!(answer.status().as_u16(), 404 | 405), "{method} {path}: {}", answer.status());
        }
    }
    let ready = client.http.get(format!("{public}/readyz")).send().await.expect("an answer");
    assert_eq!(ready.text().await.expect("text").trim(), "ready", "no names of servers");
    process.stop().await;
}

#[tokio::test]
async fn a_secret_that_can_be_guessed_is_no_secret() {
    let stage = Stage::new().await;
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), "millrace").expect("written");
    let path = file.path().display().to_string();
    let started = Process::try_serve("all", &stage.environment_with(&[("MILLRACE_AUTH__SECRET_FILE", &path)])).await;
    assert!(started.is_err_and(|status| !status.success()), "it must not start");
}
