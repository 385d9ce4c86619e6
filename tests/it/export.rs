//! One's own data as a document: over a link that a password gives, with everything of one's own and nothing of anybody else's.

use crate::harness::client::{Client, PASSWORD, Person, id_of};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use crate::shop::Shop;
use reqwest::Response;
use serde_json::{Value, json};

const LINK: &str = "export { url expiresAt }";
/// Everything that the program and its libraries say of requests.
const TRACE: (&str, &str) = ("MILLRACE_LOGS__FILTER", "trace");

/// The path of a new link.
async fn link(person: &Person) -> String {
    let payload = person.client.command("exportMyData", json!({ "password": PASSWORD }), LINK).await;
    payload["export"]["url"].as_str().expect("a link").to_owned()
}

async fn get(url: &str, path: &str) -> Response {
    reqwest::get(url.replace("/graphql", path)).await.expect("an answer")
}

async fn fetch(url: &str, path: &str) -> Value {
    document(get(url, path).await).await
}

async fn document(answer: Response) -> Value {
    assert_eq!(answer.status(), 200);
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "application/json; charset=utf-8");
    assert_eq!(header("content-disposition"), "attachment; filename=\"millrace-export.json\"");
    assert_eq!(header("cache-control"), "private, no-store");
    assert_eq!((header("referrer-policy"), header("x-content-type-options")), ("no-referrer".into(), "nosniff".into()));
    answer.json().await.expect("a whole document")
}

async fn leads_nowhere(url: &str, path: &str) {
    let answer = get(url, path).await;
    assert_eq!(answer.status(), 404, "{path}");
    assert_eq!(answer.headers()["cache-control"], "private, no-store");
    let told: Value = answer.json().await.expect("JSON");
    assert_eq!((&told["code"], &told["retryable"]), (&json!("NOT_FOUND"), &json!(false)), "{told:#}");
    assert!(told["message"].is_string() && told["requestId"].is_string(), "{told:#}");
}

/// Each does the same, in other words.
async fn live(shop: &mut Shop, person: &Person, post_of_another: &str, word: &str) {
    let client = &person.client;
    let post = |title: String, publish| json!({ "title": title, "body": "Words.", "tags": [word], "publish": publish });
    client.command("createPost", post(format!("{word} post"), true), "").await;
    client.command("createPost", post(format!("{word} draft"), false), "").await;
    let text = format!("{word} comment");
    client.command("addComment", json!({ "postId": post_of_another, "text": text }), "").await;
    client.command("likePost", json!({ "postId": post_of_another }), "").await;
    client.command("followUser", json!({ "userId": shop.staff.id }), "").await;
    shop.buyer = person.clone();
    shop.top_up(5_000).await;
    let lines = json!([{ "productId": shop.product(10).await, "quantity": 2 }]);
    let order = json!({ "lines": lines, "deliveryAddress": format!("{word} Lane 1") });
    let order = id_of(&client.command("placeOrder", order, "").await);
    client.command("payOrder", json!({ "orderId": order }), "").await;
    let amount = json!({ "amountMinor": "100", "currency": "EUR" });
    let transfer = json!({ "toUserId": shop.staff.id, "amount": amount, "note": format!("{word} note") });
    client.command("transfer", transfer, "").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_of_ones_own_comes_over_the_link_and_nothing_of_anybody_else() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let mut shop = Shop::begin(&stage, &client).await;
    let (ada, ben) = (client.sign_up("Adelheid").await, client.sign_up("Benedikt").await);
    let post = json!({ "title": "The staff's", "body": "Words." });
    let post = id_of(&shop.staff.client.command("createPost", post, "").await);
    live(&mut shop, &ada, &post, "gristmill").await;
    live(&mut shop, &ben, &post, "windlass").await;

    let told = fetch(&client.url, &link(&ada).await).await;
    assert_eq!((&told["format"], &told["account"]["firstName"]), (&json!("millrace-export/1"), &json!("Adelheid")));
    assert_eq!((&told["account"]["id"], &told["account"]["email"]), (&json!(ada.id), &json!(ada.email)));
    assert_eq!(told["posts"][0]["title"], "gristmill post");
    assert_eq!((&told["posts"][1]["title"], &told["posts"][1]["status"]), (&json!("gristmill draft"), &json!("DRAFT")));
    assert_eq!(
        (&told["comments"][0]["text"], &told["comments"][0]["postId"]),
        (&json!("gristmill comment"), &json!(post))
    );
    assert_eq!((&told["likes"][0]["postId"], &told["follows"][0]["userId"]), (&json!(post), &json!(shop.staff.id)));
    let order = &told["orders"][0];
    assert_eq!((&order["status"], &order["deliveryAddress"]), (&json!("CONFIRMED"), &json!("gristmill Lane 1")));
    assert_eq!((&order["customerName"], &order["lines"][0]["quantity"]), (&json!("Adelheid Test"), &json!(2)));
    assert_eq!(told["wallets"][0]["balance"], json!({ "amountMinor": "4400", "currency": "EUR" }));
    assert_eq!(told["movements"].as_array().expect("movements").len(), 3);
    assert_eq!(told["movements"][2]["transfer"], json!({ "otherUserId": shop.staff.id, "note": "gristmill note" }));
    assert_eq!(
        (told["sessions"].as_array().expect("sessions").len(), &told["topUps"][0]["state"]),
        (1, &json!("SUCCEEDED"))
    );
    let text = told.to_string();
    for others in ["windlass", "Benedikt", &ben.email, &shop.staff.email, "argon2", PASSWORD] {
        assert!(!text.contains(others), "{others}: {told:#}");
    }
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_is_good_for_its_time_its_session_and_its_person() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let mut ada = client.sign_up("Ada").await;
    let wrong = ada.client.try_command("exportMyData", json!({ "password": "not the password" }), LINK).await;
    assert_eq!((&wrong["errors"][0]["code"], &wrong["export"]), (&json!("INVALID_CREDENTIALS"), &Value::Null));
    let first = link(&ada).await;
    fetch(&client.url, &first).await;
    let access_token = ada.client.access_token.clone().expect("a token");
    let (head, tail) = first.split_at(first.len() - 40);
    let altered = format!("{head}{}", tail.chars().rev().collect::<String>());
    for path in ["/exports/x", &format!("/exports/{access_token}"), &altered] {
        leads_nowhere(&client.url, path).await;
    }
    let token = first.strip_prefix("/exports/").expect("a token");
    let bearer = Client { access_token: Some(token.to_owned()), ..client.clone() };
    let refused = bearer.send("{ viewer { user { id } } }", json!({}), &[]).await.expect("an answer");
    assert_eq!(refused.body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{:#}", refused.body);

    ada.client.command("signOut", json!({}), "").await;
    leads_nowhere(&client.url, &first).await;
    ada.try_sign_in().await;
    let second = link(&ada).await;
    fetch(&client.url, &second).await;
    ada.client.command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    leads_nowhere(&client.url, &second).await;
    process.stop().await;
}

/// A link that has its time behind it, over roles that are apart.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_query_role_passes_documents_and_refusals_on() {
    let stage = Stage::new().await.with("MILLRACE_EXPORTS__LINK_S", "2");
    let cluster = Cluster::start(&stage).await;
    let client = Client::new(&cluster.urls()[0]);
    let ada = client.sign_up("Ada").await;
    for number in 0..40 {
        let post = json!({ "title": format!("Number {number}"), "body": "Words. ".repeat(1_000) });
        ada.client.command("createPost", post, "").await;
    }
    // On a busy machine the time of a link may be over before it is asked for.
    let (path, answer) = eventually("a link is asked for in its time", async || {
        let path = link(&ada).await;
        let answer = get(&cluster.urls()[1], &path).await;
        (answer.status() != 404).then_some((path, answer))
    })
    .await;
    let told = document(answer).await;
    assert_eq!(told["posts"].as_array().expect("posts").len(), 40);
    eventually("the link's time is over", || async { (get(&client.url, &path).await.status() == 404).then_some(()) })
        .await;
    leads_nowhere(&client.url, &path).await;

    let mut cluster = cluster;
    cluster.take_down("command").await;
    let answer = get(&client.url, &path).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], "UNAVAILABLE");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_are_few_and_no_log_has_a_link() {
    let stage = Stage::new().await.with("MILLRACE_EXPORTS__AT_ONCE_MAX", "0").with(TRACE.0, TRACE.1);
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let path = link(&ada).await;
    let answer = get(&client.url, &path).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].as_bytes()), (503, &b"10"[..]));
    let told: Value = answer.json().await.expect("JSON");
    assert_eq!((&told["code"], &told["limit"]), (&json!("RATE_LIMITED"), &json!("exports at once")), "{told:#}");
    process.stop().await;

    let open = [("MILLRACE_EXPORTS__AT_ONCE_MAX", "4")];
    let process = Process::serve("all", &stage.environment_with(&open)).await;
    fetch(&process.graphql(), &path).await;
    leads_nowhere(&process.graphql(), &path[..path.len() - 1]).await;
    let token = path.rsplit('/').next().expect("a token");
    // The log says as much as it can.
    process.says(&["TRACE"]).await;
    assert!(!process.has_said(&[&token[..token.len() - 1]]), "a log has the token");
    process.stop().await;
}
