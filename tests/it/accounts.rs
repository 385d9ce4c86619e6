//! Passwords, addresses and roles end to end: over mails, in queries, and live.

use crate::checker::everything_holds;
use crate::harness::client::{Client, PASSWORD, Person, token};
use crate::harness::eventually;
use crate::harness::process::Process;
use crate::harness::socket::{Received, Socket};
use crate::harness::stage::Stage;
use serde_json::{Value, json};

pub const VERIFY: &str = "Confirm your e-mail address";
pub const RESET: &str = "Set a new password";
const NEXT: &str = "staple battery horse";
const OWN: &str = "{ viewer { user { email emailVerified pendingEmail } } }";
const FEED: &str = "subscription { event: feedChanged { __typename } }";
const ORDERS: &str = "subscription { event: orders { __typename } }";
const PROGRESS: &str = "subscription($id: ID!) { event: commandProgress(id: $id) { id state } }";

/// The line of a mail that is nothing but a token.
pub fn token_in(text: &str) -> Option<String> {
    let is_token = |line: &&str| line.len() == 43 && !line.contains(' ');
    text.lines().find(is_token).map(str::to_owned)
}

/// The mails of the development page, the newest first.
pub async fn mails(process: &Process) -> Vec<Value> {
    let answer = reqwest::get(format!("{}/dev/mails.json", process.operations())).await.expect("the page");
    answer.json().await.expect("JSON")
}

/// Waits for a mail to an address; answers the token in it.
pub async fn mailed_token(process: &Process, to: &str, subject: &str) -> String {
    let what = format!("a mail to {to}: {subject}");
    eventually(&what, || async {
        let mails = mails(process).await;
        let mail = mails.iter().find(|mail| mail["to"] == to && mail["subject"] == subject)?;
        Some(token_in(mail["text"].as_str().expect("a text")).expect("a token"))
    })
    .await
}

/// What a client sees who brings this payload's token.
async fn seen(client: &Client, payload: &Value) -> Value {
    let data = client.ask_with(OWN, json!({}), &[("millrace-consistency", &token(payload))]).await;
    data["viewer"]["user"].clone()
}

async fn sign_in(client: &Client, email: &str, password: &str) -> Option<Client> {
    let input = json!({ "email": email, "password": password });
    let payload = client.try_command("signIn", input, "session { accessToken }").await;
    let access_token = payload["session"]["accessToken"].as_str()?.to_owned();
    Some(Client { access_token: Some(access_token), ..client.clone() })
}

/// Waits until queries refuse this token.
async fn is_void(client: &Client) {
    eventually("the token is void", || async {
        let answer = client.send(OWN, json!({}), &[]).await.expect("an answer");
        (answer.body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED").then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_address_is_verified_changed_and_shown_to_its_owner_alone() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let first = mailed_token(&process, &ada.email, VERIFY).await;
    let payload = client.command("verifyEmail", json!({ "token": first }), "user { id email }").await;
    assert_eq!(payload["user"], json!({ "id": ada.id, "email": null }), "whoever holds the token sees no address");
    let own = json!({ "email": ada.email, "emailVerified": true, "pendingEmail": null });
    assert_eq!(seen(&ada.client, &payload).await, own);

    let next = format!("next-{}", ada.email);
    let input = json!({ "newEmail": next, "password": PASSWORD });
    let payload = ada.client.command("changeEmail", input, "user { email pendingEmail }").await;
    assert_eq!(payload["user"], json!({ "email": ada.email, "pendingEmail": next }));
    let query = "query($id: ID!) { user(id: $id) { email emailVerified pendingEmail } }";
    let shown = ben.client.ask(query, json!({ "id": ada.id })).await;
    assert_eq!(shown["user"], json!({ "email": null, "emailVerified": null, "pendingEmail": null }));

    let second = mailed_token(&process, &next, VERIFY).await;
    let payload = client.command("verifyEmail", json!({ "token": second }), "").await;
    assert_eq!(
        seen(&ada.client, &payload).await,
        json!({ "email": next, "emailVerified": true, "pendingEmail": null })
    );
    assert!(sign_in(&client, &ada.email, PASSWORD).await.is_none());
    assert!(sign_in(&client, &next, PASSWORD).await.is_some());
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_new_password_voids_every_other_token_in_queries_too() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let phone = sign_in(&client, &ada.email, PASSWORD).await.expect("signed in");
    let input = json!({ "currentPassword": PASSWORD, "newPassword": NEXT });
    let payload = ada.client.command("changePassword", input, "user { id version }").await;
    assert_eq!(payload["user"], json!({ "id": ada.id, "version": 3 }));
    is_void(&phone).await;
    assert_eq!(seen(&ada.client, &payload).await["email"], ada.email, "one's own token stays good");
    assert!(sign_in(&client, &ada.email, NEXT).await.is_some());
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    let known = client.command("requestPasswordReset", json!({ "email": ada.email }), "").await;
    let unknown = client.command("requestPasswordReset", json!({ "email": "nobody@millrace.example" }), "").await;
    for payload in [&known, &unknown] {
        assert_eq!((&payload["receipt"]["aggregateId"], &payload["receipt"]["version"]), (&Value::Null, &Value::Null));
    }
    let token = mailed_token(&process, &ada.email, RESET).await;
    client.command("resetPassword", json!({ "token": token, "newPassword": NEXT }), "").await;
    is_void(&ada.client).await;
    assert!(sign_in(&client, &ada.email, PASSWORD).await.is_none());
    assert!(sign_in(&client, &ada.email, NEXT).await.is_some());
    let again = client.try_command("resetPassword", json!({ "token": token, "newPassword": PASSWORD }), "").await;
    assert_eq!(again["errors"][0]["__typename"], "InvalidToken", "{again:#}");
    assert!(mails(&process).await.iter().all(|mail| mail["to"] != "nobody@millrace.example"));
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn the_page_of_mails_is_for_people_and_for_development_only() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let email = "bold@millrace.example";
    let input = json!({ "firstName": "<b>Ada", "lastName": "Test", "email": email, "password": PASSWORD });
    client.command("signUp", input, "").await;
    let token = mailed_token(&process, email, VERIFY).await;
    client.command("verifyEmail", json!({ "token": token }), "").await;
    client.command("requestPasswordReset", json!({ "email": email }), "").await;
    mailed_token(&process, email, RESET).await;
    let page = reqwest::get(format!("{}/dev/mails", process.operations())).await.expect("the page");
    let policy = page.headers()["content-security-policy"].to_str().expect("a policy").to_owned();
    let page = page.text().await.expect("text");
    assert!(page.contains(&token) && page.contains("Hello &lt;b&gt;Ada,") && !page.contains("<b>"), "{page}");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    process.stop().await;

    let process =
        Process::serve("command", &stage.environment_with(&[("MILLRACE_MAIL__DEVELOPMENT_PAGE", "false")])).await;
    let page = reqwest::get(format!("{}/dev/mails", process.operations())).await.expect("an answer");
    assert_eq!(page.status(), 404);
    process.stop().await;
}

#[tokio::test]
async fn roles_are_granted_and_revoked_by_admins_and_on_the_command_line() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    let staff = json!({ "userId": ben.id, "role": "STAFF" });
    let refused =
        ada.client.send(&crate::harness::client::mutation("grantRole", ""), json!({ "input": staff }), &[]).await;
    assert_eq!(refused.expect("an answer").body["errors"][0]["extensions"]["code"], "FORBIDDEN");
    stage.run(&["user", "grant", &ada.email, "admin"]).await;
    let roles = async |payload: &Value| {
        let (query, header) = ("{ viewer { roles user { id } } }", token(payload));
        let data = ben.client.ask_with(query, json!({}), &[("millrace-consistency", &header)]).await;
        data["viewer"]["roles"].clone()
    };
    let granted = ada.client.command("grantRole", staff.clone(), "user { id }").await;
    eventually("the role counts", || async { (roles(&granted).await == json!(["STAFF"])).then_some(()) }).await;
    let revoked = ada.client.command("revokeRole", staff, "user { id }").await;
    eventually("the role is gone", || async { (roles(&revoked).await == json!([])).then_some(()) }).await;
    let last = json!({ "userId": ada.id, "role": "ADMIN" });
    let refused = ada.client.try_command("revokeRole", last, "").await;
    assert_eq!(refused["errors"][0]["__typename"], "LastAdmin", "{refused:#}");
    stage.run(&["user", "grant", &ben.email, "staff"]).await;
    stage.run(&["user", "revoke", &ben.email, "staff"]).await;
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_deactivated_account_is_not_to_be_seen_and_what_it_wrote_stays() {
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
    ben.client.command("followUser", json!({ "userId": ada.id }), "").await;
    ada.client.command("followUser", json!({ "userId": ben.id }), "").await;
    let input = json!({ "title": "Stays", "body": "Words." });
    ada.client.command("createPost", input, "").await;
    let payload = ada.client.command("deactivateAccount", json!({ "password": PASSWORD }), "").await;
    is_void(&ada.client).await;

    let query = "query($id: ID!) {
        user(id: $id) { id } node(id: $id) { id } nodes(ids: [$id]) { id } users { nodes { id } }
        posts { nodes { title author { fullName bio postCount } } } viewer { user { following { nodes { id } } } }
    }";
    let look = async |viewer: &Client, payload: &Value| {
        viewer.ask_with(query, json!({ "id": ada.id }), &[("millrace-consistency", &token(payload))]).await
    };
    let data = look(&ben.client, &payload).await;
    assert_eq!((&data["user"], &data["node"], &data["nodes"]), (&Value::Null, &Value::Null, &json!([null])));
    assert_eq!(data["users"]["nodes"], json!([{ "id": ben.id }]));
    assert_eq!(data["viewer"]["user"]["following"]["nodes"], json!([]));
    let author = json!({ "fullName": "Ada Test", "bio": null, "postCount": null });
    assert_eq!(data["posts"]["nodes"], json!([{ "title": "Stays", "author": author }]));
    leaves_no_trace(&ben, &payload).await;
    let public = "query($id: ID!) { user(id: $id) { id } }";
    let header = token(&payload);
    let data = client.ask_with(public, json!({ "id": ada.id }), &[("millrace-consistency", &header)]).await;
    assert_eq!(data["user"], Value::Null);

    let credentials = json!({ "email": ada.email, "password": PASSWORD });
    let refused = client.try_command("signIn", credentials, "session { accessToken }").await;
    assert_eq!(refused["errors"][0]["__typename"], "AccountDeactivated", "{refused:#}");
    let credentials = json!({ "email": ada.email, "password": PASSWORD, "reactivate": true });
    let back = client.command("signIn", credentials, "user { fullName }").await;
    assert_eq!(back["user"], json!({ "fullName": "Ada Test" }));
    let data = look(&ben.client, &back).await;
    assert_eq!(data["user"], json!({ "id": ada.id }));
    assert_eq!(data["viewer"]["user"]["following"]["nodes"], json!([{ "id": ada.id }]));
    everything_holds(&stage).await;
    process.stop().await;
}

/// No cursor names who is hidden, and pages go on all the same.
async fn leaves_no_trace(shown: &Person, payload: &Value) {
    let query = "query($shown: ID!) {
        found: users(search: \"Ada\", first: 1) { ...all }
        forward: users(first: 1) { ...all } backward: users(last: 1) { ...all }
        user(id: $shown) { followers(first: 1) { ...all } following(last: 1) { ...all } }
    } fragment all on UserConnection {
        nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }";
    let data =
        shown.client.ask_with(query, json!({ "shown": shown.id }), &[("millrace-consistency", &token(payload))]).await;
    let nothing = json!({ "hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null });
    for empty in [&data["found"], &data["user"]["followers"], &data["user"]["following"]] {
        assert_eq!((&empty["nodes"], &empty["pageInfo"]), (&json!([]), &nothing), "{data:#}");
    }
    for direction in ["forward", "backward"] {
        let page = &data[direction];
        assert_eq!(page["nodes"], json!([{ "id": shown.id }]), "{data:#}");
        let (info, cursor) = (&page["pageInfo"], &page["edges"][0]["cursor"]);
        assert_eq!((&info["startCursor"], &info["endCursor"]), (cursor, cursor), "{data:#}");
    }
}

/// The mutations that [`moves`] has a case for.
pub const MUTATIONS: &[&str] = &[
    "changePassword",
    "changeEmail",
    "verifyEmail",
    "requestPasswordReset",
    "resetPassword",
    "deactivateAccount",
    "grantRole",
    "revokeRole",
];

/// A mutation of accounts shows live: by its progress, by what it gives the right to, or by what it takes it from.
pub async fn moves(stage: &Stage, process: &Process, client: &Client, name: &str) {
    let ada = client.sign_up("Ada").await;
    match name {
        "changePassword" => {
            let mut phone = open(client, sign_in(client, &ada.email, PASSWORD).await.as_ref()).await;
            let input = json!({ "currentPassword": PASSWORD, "newPassword": NEXT });
            let payload = ada.client.command(name, input, "").await;
            progresses(&ada.client, &payload).await;
            is_closed(&mut phone).await;
            begins(&ada.client, FEED).await;
        }
        "changeEmail" => {
            let input = json!({ "newEmail": format!("next-{}", ada.email), "password": PASSWORD });
            let payload = ada.client.command(name, input, "").await;
            progresses(&ada.client, &payload).await;
        }
        "verifyEmail" => {
            let token = mailed_token(process, &ada.email, VERIFY).await;
            let payload = client.command(name, json!({ "token": token }), "").await;
            progresses(client, &payload).await;
        }
        "requestPasswordReset" | "resetPassword" => {
            let mut open = open(client, Some(&ada.client)).await;
            client.command("requestPasswordReset", json!({ "email": ada.email }), "").await;
            let token = mailed_token(process, &ada.email, RESET).await;
            let payload = client.command("resetPassword", json!({ "token": token, "newPassword": NEXT }), "").await;
            progresses(client, &payload).await;
            is_closed(&mut open).await;
        }
        "deactivateAccount" => {
            let mut open = open(client, Some(&ada.client)).await;
            let payload = ada.client.command(name, json!({ "password": PASSWORD }), "").await;
            let credentials = json!({ "email": ada.email, "password": PASSWORD, "reactivate": true });
            let back = client.command("signIn", credentials, "session { accessToken }").await;
            let access_token = back["session"]["accessToken"].as_str().map(str::to_owned);
            progresses(&Client { access_token, ..client.clone() }, &payload).await;
            is_closed(&mut open).await;
        }
        _ => role(stage, client, name, &ada).await,
    }
}

/// A role opens the subscription to everybody's orders, and closes it.
async fn role(stage: &Stage, client: &Client, name: &str, ada: &Person) {
    let ben = client.sign_up("Ben").await;
    stage.grant(ada, "admin").await;
    is_refused(&mut open(client, Some(&ben.client)).await, ORDERS).await;
    let input = json!({ "userId": ben.id, "role": "STAFF" });
    let payload = ada.client.command("grantRole", input.clone(), "").await;
    progresses(&ada.client, &payload).await;
    begins(&ben.client, ORDERS).await;
    if name == "revokeRole" {
        let payload = ada.client.command(name, input, "").await;
        progresses(&ada.client, &payload).await;
        is_refused(&mut open(client, Some(&ben.client)).await, ORDERS).await;
    }
}

async fn open(client: &Client, viewer: Option<&Client>) -> Socket {
    Socket::open(&client.url, viewer.and_then(|viewer| viewer.access_token.as_deref())).await
}

/// The command's progress, as this person sees it, comes to its end.
async fn progresses(viewer: &Client, payload: &Value) {
    let mut socket = open(viewer, Some(viewer)).await;
    socket.subscribe("1", PROGRESS, json!({ "id": payload["receipt"]["commandId"] })).await;
    while socket.event("event", "the command's next state").await["state"] != "VISIBLE" {}
}

async fn begins(viewer: &Client, subscription: &str) {
    let mut socket = open(viewer, Some(viewer)).await;
    socket.subscribe("1", subscription, json!({})).await;
    let snapshot = socket.event("event", "the snapshot").await;
    assert!(snapshot["__typename"].as_str().is_some_and(|name| name.ends_with("Snapshot")), "{snapshot:#}");
}

/// Its sign-in has ended.
async fn is_closed(socket: &mut Socket) {
    match socket.receive("the end of the socket").await {
        Received::Closed(code) => assert_eq!(code, 4403),
        other => panic!("not closed: {other:?}"),
    }
}

/// Refused as a whole, because the token is void, or by the field, because it is not for this viewer.
async fn is_refused(socket: &mut Socket, subscription: &str) {
    socket.subscribe("refused", subscription, json!({})).await;
    let Received::Message(message) = socket.receive("the refusal").await else { panic!("no refusal") };
    let by_field = &message["payload"]["errors"][0]["extensions"]["code"];
    assert!(message["type"] == "error" || *by_field == "FORBIDDEN", "{message:#}");
}
