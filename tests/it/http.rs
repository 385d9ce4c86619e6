//! GraphQL over HTTP: what is refused, and how.

use crate::checker::settled;
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::metrics::{Metrics, shows};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};

async fn code(response: Response) -> (StatusCode, Value) {
    let status = response.status();
    let body: Value = response.json().await.expect("JSON");
    assert!(body.get("data").is_none_or(Value::is_null), "{body:#}");
    (status, body["errors"][0]["extensions"]["code"].clone())
}

#[tokio::test]
async fn bad_requests_are_told_why() {
    let stage = Stage::new().await;
    let (process, _) = stage.all().await;
    let (http, url) = (Client::new(), process.graphql());
    let post = || http.post(&url).header("accept", "application/graphql-response+json");
    let good = json!({ "query": "{ posts(first: 1) { nodes { id } } }" });
    assert_eq!(post().json(&good).send().await.unwrap().status(), StatusCode::OK);

    let form = post().header("content-type", "text/plain").body(good.to_string()).send().await.unwrap();
    assert_eq!(code(form).await, (StatusCode::UNSUPPORTED_MEDIA_TYPE, json!("BAD_USER_INPUT")));
    let junk = post().header("content-type", "application/json").body("{").send().await.unwrap();
    assert_eq!(code(junk).await, (StatusCode::BAD_REQUEST, json!("BAD_USER_INPUT")));
    let unknown = post().json(&json!({ "query": "{ nonsense }" })).send().await.unwrap();
    assert_eq!(code(unknown).await, (StatusCode::BAD_REQUEST, json!("BAD_USER_INPUT")));
    let large = post().json(&json!({ "query": format!("{{ posts {{ nodes {{ id }} }} }} #{}", "x".repeat(300_000)) }));
    assert_eq!(code(large.send().await.unwrap()).await, (StatusCode::PAYLOAD_TOO_LARGE, json!("LIMIT_EXCEEDED")));
    let token = post().bearer_auth("not.a.token").json(&good).send().await.unwrap();
    assert_eq!(code(token).await, (StatusCode::UNAUTHORIZED, json!("UNAUTHENTICATED")));
    let consistency = post().header("millrace-consistency", "junk").json(&good).send().await.unwrap();
    assert_eq!(code(consistency).await, (StatusCode::BAD_REQUEST, json!("BAD_USER_INPUT")));
    let other_type = json!({ "query": "{ post(id: \"AQAAAAAAAAAAAAAAAAAAAAA\") { id } }" });
    assert_eq!(code(post().json(&other_type).send().await.unwrap()).await.1, json!("BAD_USER_INPUT"));

    let by_get = http.get(&url).query(&[("query", "{ posts(first: 1) { nodes { id } } }")]).send().await.unwrap();
    assert_eq!(by_get.status(), StatusCode::OK);
    let mutation =
        http.get(&url).query(&[("query", "mutation { signOut(input: {}) { errors { code } } }")]).send().await.unwrap();
    assert_eq!(mutation.status(), StatusCode::METHOD_NOT_ALLOWED);
    process.stop().await;
}

#[tokio::test]
async fn a_token_of_the_future_is_a_typed_error_or_a_stale_answer() {
    let stage = Stage::new().await.with("MILLRACE_HTTP__CONSISTENCY_WAIT_MS_MAX", "500");
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let payload = ada.client.command("createPost", json!({ "title": "A", "body": "B" }), "").await;
    settled(&stage).await;
    let token = payload["receipt"]["consistencyToken"].as_str().expect("a token");
    let (start, _) = token.rsplit_once(':').expect("a position");
    let future = format!("{start}:999999");
    let query = "{ posts(first: 1) { nodes { title } } }";
    let refused = client.send(query, json!({}), &[("millrace-consistency", &future)]).await.expect("an answer");
    assert_eq!(refused.body["errors"][0]["extensions"]["code"], "CONSISTENCY_TIMEOUT", "{:#}", refused.body);
    let headers = [("millrace-consistency", future.as_str()), ("millrace-on-timeout", "stale")];
    let stale = client.send(query, json!({}), &headers).await.expect("an answer");
    assert_eq!(stale.body["data"]["posts"]["nodes"], json!([{ "title": "A" }]));
    assert_eq!(stale.body["extensions"]["millrace"]["stale"], true);
    process.stop().await;
}

#[tokio::test]
async fn operators_see_health_and_metrics() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    client.sign_up("Ada").await;
    let get = |path: &str| {
        let url = format!("{}{path}", process.operations());
        async move { reqwest::get(url).await.expect("an answer") }
    };
    assert_eq!(get("/livez").await.status(), StatusCode::OK);
    eventually("it is ready", || async { (get("/readyz").await.status() == StatusCode::OK).then_some(()) }).await;
    for series in [
        "millrace_log_head_position",
        "millrace_stream_last_position",
        "millrace_projection_checkpoint_position{projection=\"content\"}",
    ] {
        shows(&process, series, |metrics: &Metrics| metrics.sample(series).is_some()).await;
    }
    process.stop().await;
}
