//! A socket is closed when its viewer has signed out, is erased, or has other roles; and nobody else's is.

use crate::harness::client::{Client, PASSWORD, Person};
use crate::harness::eventually;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::json;

const FORBIDDEN: u16 = 4403;
/// Clients connect again by themselves after it.
const COME_BACK: u16 = 1013;
const WHO: &str = "{ viewer { user { firstName } roles } }";
const ORDERS: &str = "subscription { orders { __typename } }";

async fn open(client: &Client) -> Socket {
    Socket::open(&client.url, client.access_token.as_deref()).await
}

async fn is_open(socket: &mut Socket, name: &str) {
    socket.subscribe(name, WHO, json!({})).await;
    assert_eq!(socket.data(name).await["viewer"]["user"]["firstName"], name);
    match socket.receive("the end of the answer").await {
        Received::Message(message) => assert_eq!(message["type"], "complete"),
        other => panic!("the socket of {name}: {other:?}"),
    }
}

async fn is_closed(socket: &mut Socket, code: u16, why: &str) {
    match socket.receive(why).await {
        Received::Closed(closed) => assert_eq!(closed, code, "{why}"),
        other => panic!("not closed: {why}: {other:?}"),
    }
}

/// The same person, signed in once more.
async fn signed_in_again(person: &Person) -> Client {
    let mut again = person.clone();
    again.client.access_token = None;
    again.try_sign_in().await;
    assert!(again.client.access_token.is_some(), "signed in");
    again.client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_end_with_the_sign_in_the_roles_and_the_account_and_no_others_do() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben, eve) = (client.sign_up("Ada").await, client.sign_up("Ben").await, client.sign_up("Eve").await);
    let elsewhere = signed_in_again(&ben).await;
    let (mut of_ada, mut of_ben, mut of_eve) =
        (open(&ada.client).await, open(&ben.client).await, open(&eve.client).await);
    let mut of_ben_elsewhere = open(&elsewhere).await;
    let mut of_nobody = Socket::open(&client.url, None).await;

    stage.run(&["user", "grant", &ada.email, "staff"]).await;
    is_closed(&mut of_ada, COME_BACK, "she was granted a role").await;
    let mut of_ada = open(&ada.client).await;
    of_ada.subscribe("orders", ORDERS, json!({})).await;
    assert_eq!(of_ada.event("orders", "staff may").await["__typename"], "OrdersSnapshot");
    stage.run(&["user", "revoke", &ada.email, "staff"]).await;
    is_closed(&mut of_ada, COME_BACK, "her role was revoked").await;
    let mut of_ada = open(&ada.client).await;

    ben.client.command("signOut", json!({}), "").await;
    is_closed(&mut of_ben, FORBIDDEN, "he signed out").await;
    is_open(&mut of_ben_elsewhere, "Ben").await;

    eve.client.command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    is_closed(&mut of_eve, FORBIDDEN, "she is erased").await;
    is_open(&mut of_ben_elsewhere, "Ben").await;
    is_open(&mut of_ada, "Ada").await;
    of_nobody.subscribe("posts", "{ posts(first: 1) { nodes { id } } }", json!({})).await;
    assert!(of_nobody.data("an answer").await["posts"]["nodes"].is_array());
    process.stop().await;
}

/// What only reads goes by the sign-in that let the socket in; what changes something needs a token that is good then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_whose_token_has_ended_still_reads_and_changes_nothing() {
    let stage = Stage::new().await.with("MILLRACE_AUTH__ACCESS_TOKEN_S", "1");
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let mut socket = open(&ada.client).await;
    let token_has_ended = eventually("the token has ended", || async {
        let answer = ada.client.send(WHO, json!({}), &[]).await.ok()?;
        (answer.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED").then_some(())
    });
    tokio::select! {
        () = token_has_ended => {}
        heard = socket.listen() => panic!("{heard:?}"),
    }
    is_open(&mut socket, "Ada").await;
    socket.subscribe("write", "mutation { signOut(input: {}) { receipt { accepted } } }", json!({})).await;
    match socket.receive("a refusal").await {
        Received::Message(message) => {
            assert_eq!(message["type"], "error");
            assert_eq!(message["payload"][0]["extensions"]["code"], "UNAUTHENTICATED", "{message:#}");
        }
        other => panic!("{other:?}"),
    }
    process.stop().await;
}
