//! A provider's own tokens in place of ours, where that is set: over HTTP, on sockets and for event streams.

use super::{
    OWN, becomes_nobody, later, link, may_not_post, may_post, new_email, seen, sign_in, stage_that_takes, stage_with,
    with,
};
use crate::checker::everything_holds;
use crate::harness::client::{Client, PASSWORD, Person};
use crate::harness::cluster::Cluster;
use crate::harness::eventually;
use crate::harness::openid::{CLIENT_ID, OpenIdProvider, SigningKey};
use crate::harness::socket::{Received, Socket};
use serde_json::{Value, json};
use time::OffsetDateTime;

const FEED: &str = "subscription { event: feedChanged { __typename } }";

/// A person who is linked, and shows up with the provider's token.
async fn linked(client: &Client, provider: &OpenIdProvider) -> (Person, Client) {
    let ada = client.sign_up("Ada").await;
    ada.client.command("linkProvider", link(&provider.token(&ada.id, &ada.email)), "").await;
    let outside = with(client, provider.token(&ada.id, &ada.email));
    eventually("the link counts", || async { seen(&outside).await }).await;
    (ada, outside)
}

/// A socket on which one's own feed has come.
async fn socket_of(outside: &Client) -> Socket {
    let mut socket = Socket::open(&outside.url, outside.access_token.as_deref()).await;
    socket.subscribe("1", FEED, json!({})).await;
    assert_eq!(socket.event("event", "one's own feed").await["__typename"], "FeedSnapshot");
    socket
}

async fn is_sent_away(mut socket: Socket) {
    match socket.receive("the end of the socket").await {
        Received::Closed(code) => assert_eq!(code, 4403),
        other => panic!("{other:?}"),
    }
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
    let _socket = socket_of(&outside).await;
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
    let socket = socket_of(&outside).await;
    ada.client.command("unlinkProvider", json!({ "issuer": provider.issuer }), "").await;
    is_sent_away(socket).await;
    becomes_nobody(&outside, "the link is over").await;
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
    let socket = socket_of(&outside).await;
    ada.client.command("signOutEverywhere", json!({}), "").await;
    // What the query side may not know yet, PostgreSQL does.
    may_not_post(&outside).await;
    becomes_nobody(&outside, "the token is void").await;
    is_sent_away(socket).await;
    let newer = with(&client, later(&provider, &ada.id));
    assert_eq!(seen(&newer).await, Some(ada.id.clone()), "a later one counts");
    may_post(&newer).await;
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
        becomes_nobody(void, "the token is void").await;
    }
    let newer = with(&client, later(&provider, &ada.id));
    may_post(&newer).await;
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
    becomes_nobody(&newer, "nobody is let in").await;
    let back = json!({ "email": ada.email, "password": PASSWORD, "reactivate": true });
    client.command("signIn", back, "").await;
    eventually("she is back", || async { seen(&newer).await }).await;

    newer.command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    becomes_nobody(&newer, "she is gone").await;
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
    let socket = eventually("one's own feed comes in time", async || {
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
    is_sent_away(socket).await;
    process.stop().await;
}
