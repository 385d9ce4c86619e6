//! Documents that cannot be reached: what is kept does not double the time of a request.

use crate::harness::client::Client;
use crate::harness::stage::Stage;
use serde_json::json;
use std::time::{Duration, Instant};

const REQUEST: Duration = Duration::from_secs(8);
const POST: &str = "query($id: ID!) { post(id: $id) { title } }";

/// The look at what is kept, and the execution after it, have the time of one request.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_whose_kept_answer_cannot_be_looked_up_ends_in_its_time() {
    let stage = Stage::with_own_servers().await.with("MILLRACE_HTTP__REQUEST_MS_MAX", "8000");
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let post = json!({ "title": "A", "body": "B" });
    let payload = ada.client.command("createPost", post, "post { id }").await;
    let asked = json!({ "id": payload["post"]["id"] });
    for _ in 0..2 {
        client.ask(POST, asked.clone()).await;
    }
    let servers = stage.servers.as_ref().expect("servers of its own");
    let () = redis::cmd("FLUSHALL").query_async(&mut stage.redis().await).await.expect("an empty cache");
    servers.mongodb().pause().expect("MongoDB is paused");
    let began = Instant::now();
    let answer = Client::new(&client.url).send(POST, asked, &[]).await.expect("an answer");
    let took = began.elapsed();
    servers.mongodb().resume().expect("MongoDB goes on");
    assert!(answer.body["errors"][0]["extensions"]["code"].is_string(), "{:#}", answer.body);
    assert!(took < REQUEST * 2 - Duration::from_secs(1), "it took {took:?}");
    process.stop().await;
}
