//! A provider's own tokens in place of ours, where that is set: over HTTP, on sockets and for event streams.

use super::{new_email, sign_in, stage_with};
use crate::checker::everything_holds;
use crate::harness::client::{Client, PASSWORD, Person, mutation};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::openid::{CLIENT_ID, OpenIdProvider, SigningKey};
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};
use time::OffsetDateTime;

const OWN: &str = "{ viewer { user { id } roles } }";
/// What the setting is by default.
const CLOCK_LEEWAY_S: f64 = 10.0;
const FEED: &str = "subscription { event: feedChanged { __typename } }";

pub(super) async fn stage_that_takes(provider: &OpenIdProvider) -> Stage {
    stage_with(&[provider]).await.with("MILLRACE_OPENID__BEARER", "true")
}

pub(super) fn with(client: &Client, token: String) -> Client {
    Client { access_token: Some(token), ..client.clone() }
}

/// Whom queries take the client for; none if for nobody.
pub(super) async fn seen(client: &Client) -> Option<String> {
    let body = client.send(OWN, json!({}), &[]).await.expect("an answer").body;
    if body.get("errors").is_some() {
        assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{body:#}");
        return None;
    }
    Some(body["data"]["viewer"]["user"]["id"].as_str().expect("a person").to_owned())
}

/// A person who is linked, and shows up with the provider's token.
async fn linked(client: &Client, provider: &OpenIdProvider) -> (Person, Client) {
    let ada = client.sign_up("Ada").await;
    let link = json!({ "idToken": provider.token(&ada.id, &ada.email), "password": PASSWORD });
    ada.client.command("linkProvider", link, "").await;
    let outside = with(client, provider.token(&ada.id, &ada.email));
    eventually("the link counts", || async { seen(&outside).await }).await;
    (ada, outside)
}

/// A token that was issued so many seconds from now, by the provider's clock.
pub(super) fn issued_in(provider: &OpenIdProvider, subject: &str, seconds: f64) -> String {
    let mut claims = provider.claims(subject, "ada@millrace.example");
    claims["iat"] = json!(OffsetDateTime::now_utc().unix_timestamp_nanos() as f64 / 1e9 + seconds);
    provider.key().sign(&claims)
}

/// A token that can only have been issued after this moment, however far ahead of ours the provider's clock may be.
pub(super) fn later(provider: &OpenIdProvider, subject: &str) -> String {
    issued_in(provider, subject, CLOCK_LEEWAY_S)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_providers_token_stands_for_a_sign_in_everywhere() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let cluster = Cluster::start(&stage).await;
    let client = Client::new(&cluster.urls()[0]);
    let (ada, outside) = linked(&client, &provider).await;
    assert_eq!(seen(&outside).await, Some(ada.id.clone()));
    outside.command("createPost", json!({ "title": "From outside", "body": "Words." }), "post { title }").await;
    let mut socket = Socket::open(&outside.url, outside.access_token.as_deref()).await;
    socket.subscribe("1", FEED, json!({})).await;
    assert_eq!(socket.event("event", "one's own feed").await["__typename"], "FeedSnapshot");
    let stream = reqwest::Client::new()
        .post(&outside.url)
        .header("accept", "text/event-stream")
        .bearer_auth(outside.access_token.as_deref().expect("a token"))
        .json(&json!({ "query": FEED }));
    assert_eq!(stream.send().await.expect("an answer").status(), 200);
    let mut access = provider.claims(&ada.id, &ada.email);
    for (given_to, is_taken) in [(json!(null), false), (json!("another-client"), false), (json!(CLIENT_ID), true)] {
        access["client_id"] = given_to;
        let shown = seen(&with(&client, provider.key().sign_as("at+jwt", &access))).await;
        assert_eq!(shown.is_some(), is_taken, "{access:#}");
    }
    everything_holds(&stage).await;
    cluster.stop().await;
}

#[tokio::test]
async fn who_is_not_linked_and_what_is_not_good_is_nobody() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let (ada, outside) = linked(&client, &provider).await;
    assert_eq!(seen(&with(&client, provider.token("nobody", &ada.email))).await, None);
    let mut claims = provider.claims(&ada.id, &ada.email);
    assert_eq!(seen(&with(&client, SigningKey::ed25519("first").sign(&claims))).await, None);
    claims["aud"] = json!("another-client");
    assert_eq!(seen(&with(&client, provider.key().sign(&claims))).await, None);
    assert_eq!(seen(&ada.client).await, Some(ada.id.clone()), "our own tokens are good as ever");
    let mut socket = Socket::open(&outside.url, outside.access_token.as_deref()).await;
    socket.subscribe("1", FEED, json!({})).await;
    socket.event("event", "one's own feed").await;
    ada.client.command("unlinkProvider", json!({ "issuer": provider.issuer }), "").await;
    match socket.receive("the end of the socket").await {
        Received::Closed(code) => assert_eq!(code, 4403, "who came by it is sent away"),
        other => panic!("{other:?}"),
    }
    eventually("the link is over", || async { seen(&outside).await.is_none().then_some(()) }).await;
    process.stop().await;
}

#[tokio::test]
async fn unless_it_is_set_a_providers_token_is_no_sign_in() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let email = new_email();
    sign_in(&client, &provider.token("1", &email), &email).await;
    assert_eq!(seen(&with(&client, provider.token("1", &email))).await, None);
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_all_sign_ins_voids_what_was_issued_before_in_queries_commands_and_sockets() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let (ada, outside) = linked(&client, &provider).await;
    let mut socket = Socket::open(&outside.url, outside.access_token.as_deref()).await;
    socket.subscribe("1", FEED, json!({})).await;
    socket.event("event", "one's own feed").await;
    ada.client.command("signOutEverywhere", json!({}), "").await;
    // What the query side may not know yet, PostgreSQL does.
    let post = json!({ "input": { "title": "Too late", "body": "Words." } });
    let refused = outside.send(&mutation("createPost", ""), post, &[]).await.expect("an answer").body;
    assert_eq!(refused["errors"][0]["extensions"]["code"], "UNAUTHENTICATED", "{refused:#}");
    eventually("the token is void", || async { seen(&outside).await.is_none().then_some(()) }).await;
    match socket.receive("the end of the socket").await {
        Received::Closed(code) => assert_eq!(code, 4403),
        other => panic!("{other:?}"),
    }
    let newer = with(&client, later(&provider, &ada.id));
    assert_eq!(seen(&newer).await, Some(ada.id.clone()), "a later one counts");
    newer.command("createPost", json!({ "title": "In time", "body": "Words." }), "").await;
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_new_password_that_is_set_with_it_voids_it_too() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let (ada, outside) = linked(&client, &provider).await;
    let input = json!({ "currentPassword": PASSWORD, "newPassword": "another one of hers" });
    outside.command("changePassword", input, "").await;
    for void in [&outside, &ada.client] {
        eventually("the token is void", || async { seen(void).await.is_none().then_some(()) }).await;
    }
    let newer = with(&client, later(&provider, &ada.id));
    newer.command("createPost", json!({ "title": "In time", "body": "Words." }), "").await;
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn roles_deactivation_and_erasure_hold_for_it() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let (ada, outside) = linked(&client, &provider).await;
    stage.grant(&ada, "staff").await;
    let roles = outside.ask(OWN, json!({})).await["viewer"]["roles"].clone();
    assert_eq!(roles, json!(["STAFF"]));

    ada.client.command("deactivateAccount", json!({ "password": PASSWORD }), "").await;
    let newer = with(&client, later(&provider, &ada.id));
    eventually("nobody is let in", || async { seen(&newer).await.is_none().then_some(()) }).await;
    let back = json!({ "email": ada.email, "password": PASSWORD, "reactivate": true });
    client.command("signIn", back, "").await;
    eventually("she is back", || async { seen(&newer).await }).await;

    newer.command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    eventually("she is gone", || async { seen(&newer).await.is_none().then_some(()) }).await;
    let newest = with(&client, later(&provider, &ada.id));
    assert_eq!(seen(&newest).await, None, "whatever is issued later");
    everything_holds(&stage).await;
    let said = stage.run(&["erasure", "verify", &ada.id]).await;
    assert!(!said.contains("LEFT"), "{said}");
    process.stop().await;
}

#[tokio::test]
async fn an_export_is_cut_off_with_the_token_that_asked_for_it() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let (ada, outside) = linked(&client, &provider).await;
    let payload = outside.command("exportMyData", json!({ "password": PASSWORD }), "export { url }").await;
    let url = client.url.replace("/graphql", payload["export"]["url"].as_str().expect("a link"));
    let told: Value = reqwest::get(&url).await.expect("an answer").json().await.expect("a document");
    assert_eq!(told["account"]["id"], json!(ada.id));
    ada.client.command("signOutEverywhere", json!({}), "").await;
    assert_eq!(reqwest::get(&url).await.expect("an answer").status(), 404);
    process.stop().await;
}

#[tokio::test]
async fn a_socket_ends_with_the_token_that_opened_it() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let (ada, _) = linked(&client, &provider).await;
    // On a busy machine the token may be over before the feed has come.
    let mut socket = eventually("one's own feed comes in time", async || {
        let mut claims = provider.claims(&ada.id, &ada.email);
        claims["exp"] = json!(OffsetDateTime::now_utc().unix_timestamp() + 3);
        let mut socket = Socket::try_open(&client.url, Some(&provider.key().sign(&claims))).await.ok()?;
        socket.subscribe("1", FEED, json!({})).await;
        match socket.receive("one's own feed").await {
            Received::Message(message) => (message["type"] == "next").then_some(socket),
            _ => None,
        }
    })
    .await;
    match socket.receive("the end of the socket").await {
        Received::Closed(code) => assert_eq!(code, 4403),
        other => panic!("{other:?}"),
    }
    process.stop().await;
}
