//! Somebody who has lived here is erased: nothing of them is left in any store, and a fold from position 1 says the same.

mod killed;
mod restored;
pub mod search;

use crate::checker::{everything_holds, settled};
use crate::harness::client::{Client, PASSWORD, Person, id_of};
use crate::harness::eventually;
use crate::harness::stage::Stage;
use crate::shop::Shop;
use millrace_events::{KeyState, UserId};
use millrace_log::{Log, PostgresSettings};
use mongodb::bson::{Document, doc};
use sea_orm::{ConnectionTrait, Database};
use search::{Found, search, search_logs};
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// What is looked for. Nobody else says any of it.
const SECRETS: [(&str, &str); 19] = [
    ("first name", "Wilhelmina"),
    ("last name", "Quarrelstone"),
    ("new first name", "Thessalonike"),
    ("pending address", "quarrelstone.next@tumbril.example"),
    ("avatar", "https://pictures.example/quarrelstone-face.png"),
    ("bio", "I mend Gallowglass clocks."),
    ("address", "Umberwick Lane 17"),
    ("post's title", "Escapements of Umberwick"),
    ("post's text", "Each Foliot balance has its temper."),
    ("tag", "verge-fusee"),
    ("draft", "Unfinished Remontoire"),
    ("comment", "Mind the Strike Train!"),
    ("older comment", "Mind the Chime Train!"),
    ("own comment", "Answering Myself Dutifully"),
    ("transfer's note", "For the Mainspring barrel"),
    ("reason", "The Pendulum was bent"),
    ("post's reason", "It slanders the Barrelmakers"),
    ("comment's reason", "It mocks the Pinionwheels"),
    ("order's reason", "The Fusee chain is sold out"),
];

/// One of them who is erased, with everything that can be theirs.
struct Mina {
    person: Person,
    /// Ben's post, with comments of Mina's.
    post_of_ben: String,
    /// Mina's post, with a comment of Ben's.
    post: String,
    order: String,
    /// A post and a comment of Ben's that Mina, who was staff, has hidden.
    hidden: [String; 2],
}

fn said(name: &str) -> &'static str {
    SECRETS.iter().find(|(secret, _)| *secret == name).expect("a secret").1
}

async fn sign_up(client: &Client, email: &str) -> Person {
    let input = json!({
        "firstName": said("first name"), "lastName": said("last name"), "email": email, "password": PASSWORD,
        "idempotencyKey": "sign-up",
    });
    let payload = client.command("signUp", input, "session { accessToken refreshToken }").await;
    let token = |name: &str| payload["session"][name].as_str().expect("a token").to_owned();
    let client = Client { access_token: Some(token("accessToken")), ..client.clone() };
    Person { id: id_of(&payload), email: email.to_owned(), client, refresh_token: token("refreshToken") }
}

impl Mina {
    async fn lives(stage: &Stage, client: &Client, shop: &mut Shop, ben: &Person, email: &str) -> Self {
        let person = sign_up(client, email).await;
        let mina = &person.client;
        let profile = json!({ "firstName": said("new first name"), "avatarUrl": said("avatar"), "bio": said("bio") });
        mina.command("updateProfile", profile, "").await;
        let pending = json!({ "newEmail": said("pending address"), "password": PASSWORD });
        mina.command("changeEmail", pending, "").await;
        client.command("requestPasswordReset", json!({ "email": email }), "").await;
        let post = json!({ "title": said("post's title"), "body": said("post's text"), "tags": [said("tag")] });
        let post = id_of(&mina.command("createPost", post, "").await);
        let draft = json!({ "title": said("draft"), "body": "Words.", "publish": false, "idempotencyKey": "draft" });
        mina.command("createPost", draft, "").await;
        let bens = json!({ "title": "Ben's", "body": "Words." });
        let post_of_ben = id_of(&ben.client.command("createPost", bens, "").await);
        Self::talks(&person, ben, &post, &post_of_ben).await;
        let order = Self::shops(&person, shop).await;
        let hidden = Self::moderates(stage, &person, ben, &post).await;
        Self::minds_the_shop(&person, &shop.with_buyer(ben)).await;
        Self { person, post_of_ben, post, order, hidden }
    }

    async fn moderates(stage: &Stage, person: &Person, ben: &Person, post: &str) -> [String; 2] {
        stage.run(&["user", "grant", &person.email, "staff"]).await;
        let bad = json!({ "title": "Barrels", "body": "Words." });
        let bad = id_of(&ben.client.command("createPost", bad, "").await);
        let worse = json!({ "postId": post, "text": "Pinions!" });
        let worse = id_of(&ben.client.command("addComment", worse, "").await);
        let hide = json!({ "postId": bad, "reason": said("post's reason") });
        person.client.command("hidePost", hide, "").await;
        let hide = json!({ "commentId": worse, "reason": said("comment's reason") });
        person.client.command("hideComment", hide, "").await;
        [bad, worse]
    }

    /// Somebody else's order is cancelled, with words.
    async fn minds_the_shop(person: &Person, shop: &Shop) {
        let order = shop.order(&shop.product(10).await).await;
        let reason = said("order's reason");
        person.client.command("cancelOrder", json!({ "orderId": order, "reason": reason }), "").await;
    }

    async fn talks(person: &Person, ben: &Person, post: &str, post_of_ben: &str) {
        let mina = &person.client;
        let comment = |post: &str, text: &str| json!({ "postId": post, "text": text });
        let older = mina.command("addComment", comment(post_of_ben, said("older comment")), "").await;
        let edit = json!({ "commentId": id_of(&older), "text": said("comment") });
        mina.command("editComment", edit, "").await;
        // So many that the older one lies outside of the window.
        for number in 0..45 {
            ben.client.command("addComment", comment(post_of_ben, &format!("Number {number}")), "").await;
        }
        mina.command("addComment", comment(post_of_ben, said("older comment")), "").await;
        ben.client.command("addComment", comment(post, "Quite so."), "").await;
        mina.command("addComment", comment(post, said("own comment")), "").await;
        mina.command("likePost", json!({ "postId": post_of_ben }), "").await;
        ben.client.command("likePost", json!({ "postId": post }), "").await;
        mina.command("followUser", json!({ "userId": ben.id }), "").await;
        ben.client.command("followUser", json!({ "userId": person.id }), "").await;
    }

    /// A paid order, one that was cancelled with words, money, and money sent with words.
    async fn shops(person: &Person, shop: &mut Shop) -> String {
        shop.buyer = person.clone();
        let (mina, product) = (&person.client, shop.product(10).await);
        shop.top_up(5_000).await;
        eventually("the money is there", || async {
            let data = mina.ask("{ viewer { wallets { balance { amountMinor } } } }", json!({})).await;
            (data["viewer"]["wallets"][0]["balance"]["amountMinor"] == "5000").then_some(())
        })
        .await;
        let lines = json!([{ "productId": product, "quantity": 2 }]);
        let input = json!({ "lines": lines, "deliveryAddress": said("address") });
        let order = id_of(&mina.command("placeOrder", input.clone(), "").await);
        mina.command("payOrder", json!({ "orderId": order }), "").await;
        let other = id_of(&mina.command("placeOrder", input, "").await);
        mina.command("cancelOrder", json!({ "orderId": other, "reason": said("reason") }), "").await;
        let amount = json!({ "amountMinor": "100", "currency": "EUR" });
        let transfer = json!({ "toUserId": shop.staff.id, "amount": amount, "note": said("transfer's note") });
        mina.command("transfer", transfer, "").await;
        order
    }

    /// Everybody looks at everything, so that it lies in the cache too.
    async fn is_read(&self, readers: [&Client; 3]) {
        const PAGES: &str = "query($post: ID!, $bens: ID!, $mina: ID!, $order: ID!) {
            post(id: $post) { title body author { fullName bio } comments(first: 50) { nodes { text author { fullName } } } }
            bens: post(id: $bens) { comments(first: 50) { nodes { text author { fullName } } } }
            user(id: $mina) { fullName avatarUrl bio email posts { nodes { title } } followers { nodes { fullName } } }
            order(id: $order) { status customerName customerEmail deliveryAddress cancelReason }
            viewer { user { fullName email } wallets { statement { nodes { note } } } orders { nodes { customerName } } }
        }";
        let variables =
            json!({ "post": self.post, "bens": self.post_of_ben, "mina": self.person.id, "order": self.order });
        for reader in readers {
            reader.ask(PAGES, variables.clone()).await;
            reader.ask(PAGES, variables.clone()).await;
        }
    }
}

async fn key_of(stage: &Stage, person: &Person) -> KeyState {
    let log = Log::connect(&PostgresSettings::new(stage.variable("MILLRACE_POSTGRES__URL"))).await.expect("PostgreSQL");
    let id = UserId::from_global(&person.id).expect("an id");
    log.keys_of(&[id]).await.expect("keys").remove(&id).expect("a key or its mark")
}

fn in_store<'a>(found: &'a Found, store: &str) -> &'a BTreeSet<String> {
    &found[store]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_an_erased_person_is_left_in_any_store() {
    // Mails wait: there is no server for them, and no page.
    let stage = Stage::with_own_servers().await.with("MILLRACE_MAIL__DEVELOPMENT_PAGE", "false");
    let stage = stage.with("MILLRACE_LOGS__FILTER", "info");
    let (process, client) = stage.all().await;
    let (mut shop, ben) = (Shop::begin(&stage, &client).await, client.sign_up("Ben").await);
    let email = format!("Mina.{}@Quarry.example", Uuid::now_v7().simple());
    let mina = Mina::lives(&stage, &client, &mut shop, &ben, &email).await;
    settled(&stage).await;
    mina.is_read([&mina.person.client, &ben.client, &shop.staff.client]).await;

    let KeyState::Live(key) = key_of(&stage, &mina.person).await else { panic!("no key") };
    let mut secrets: Vec<(&str, &[u8])> = SECRETS.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    secrets.extend([("e-mail", email.as_bytes()), ("key", key.as_bytes().as_slice())]);
    is_found_before(&search(&stage, &secrets).await);

    let input = json!({ "password": PASSWORD, "idempotencyKey": "farewell" });
    let payload = mina.person.client.command("eraseAccount", input.clone(), "erasedUserId erasureReceiptId").await;
    assert_eq!(payload["erasedUserId"], json!(mina.person.id));
    everything_holds(&stage).await;
    let left = search(&stage, &secrets).await;
    assert!(left.values().all(BTreeSet::is_empty), "left over: {left:#?}");
    assert_eq!(key_of(&stage, &mina.person).await, KeyState::Destroyed);
    let logged = search_logs(&stage, &process, &secrets);
    assert!(logged.values().all(BTreeSet::is_empty), "in logs: {logged:#?}");

    receipt_is_checked(&stage, &mina, payload["erasureReceiptId"].as_str().expect("an id")).await;
    is_shown_as_deleted(&mina, &ben, &shop).await;
    stays_hidden(&mina, &ben).await;
    let again = mina.person.client.command("eraseAccount", input, "erasedUserId erasureReceiptId").await;
    assert_eq!(
        (&again["receipt"]["replayed"], &again["erasureReceiptId"]),
        (&json!(true), &payload["erasureReceiptId"])
    );
    is_gone_for_good(&client, &mina).await;
    process.stop().await;
}

/// Each thing is found in documents at least, or the search could not miss it afterwards.
fn is_found_before(found: &Found) {
    let all: BTreeSet<String> = SECRETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    // What was changed is kept by nobody but the log, sealed.
    let shown: BTreeSet<String> =
        all.iter().filter(|name| *name != "first name").chain([&"e-mail".to_owned()]).cloned().collect();
    assert_eq!(*in_store(found, "MongoDB"), shown, "what documents say");
    let cached = in_store(found, "Redis");
    for name in
        ["new first name", "post's text", "older comment", "own comment", "bio", "address", "e-mail", "pending address"]
    {
        assert!(cached.contains(name), "{name} is not in the cache: {cached:?}");
    }
    let rows = in_store(found, "PostgreSQL");
    for name in
        ["new first name", "last name", "e-mail", "pending address", "address", "tag", "draft", "comment", "key"]
    {
        assert!(rows.contains(name), "{name} is not in PostgreSQL: {rows:?}");
    }
    assert_eq!(*in_store(found, "JetStream"), BTreeSet::from(["key".to_owned()]), "all else is sealed there");
}

/// An operator finds every promise kept, by the receipt's id and by the person's; and is told of what somebody put back by hand, in
/// each of the stores that have hands to do so.
async fn receipt_is_checked(stage: &Stage, mina: &Mina, receipt: &str) {
    for id in [receipt, &mina.person.id] {
        let said = stage.run(&["erasure", "verify", id]).await;
        assert!(!said.contains("LEFT"), "{said}");
        for promise in [
            "table posts: 2 rows cleared, 0 left",
            "table orders: 2 rows cleared, 0 left",
            "table mails: 4 rows deleted, 0 left",
            "readable",
            "mark",
            "oplog: reaches back to",
        ] {
            assert!(said.contains(promise), "{promise} is not in {said}");
        }
        assert_eq!(["people", "content", "shop", "commands"].map(|name| said.matches(name).count()), [3; 4], "{said}");
    }
    let id = UserId::from_global(&mina.person.id).expect("an id");
    let documents = stage.mongodb().await;
    let comment = doc! { "kind": "comment", "authorId": id.to_string() };
    let comments = documents.collection::<Document>("content_1");
    comments.update_one(comment.clone(), doc! { "$set": { "text": "Back." } }).await.expect("an update");
    let db = Database::connect(stage.variable("MILLRACE_POSTGRES__URL")).await.expect("PostgreSQL");
    let address = |text: &str| format!("UPDATE orders SET delivery_address = {text} WHERE customer_id = '{id}'");
    db.execute_unprepared(&address("'Back again'")).await.expect("an update");
    let output = stage.try_run(&["erasure", "verify", receipt]).await;
    let said = String::from_utf8_lossy(&output.stdout);
    let left: Vec<&str> = said.lines().filter(|line| line.starts_with("LEFT")).collect();
    assert!(!output.status.success() && left.len() == 2, "{said}");
    assert!(left[0].contains("table orders: 2 rows cleared, 2 left") && left[1].contains("content_1"), "{said}");

    let refused = db.execute_unprepared(&format!("UPDATE users SET first_name = 'Back' WHERE id = '{id}'")).await;
    assert!(refused.is_err(), "PostgreSQL lets nothing of the person come back into the account");
    db.execute_unprepared(&address("NULL")).await.expect("an update");
    comments.update_one(comment, doc! { "$set": { "text": "" } }).await.expect("an update");
}

/// What others wrote and what was bought stays, by a deleted user.
async fn is_shown_as_deleted(mina: &Mina, ben: &Person, shop: &Shop) {
    let query = "query($id: ID!) { post(id: $id) {
        title body tags likeCount author { fullName } comments { nodes { text author { fullName } } }
    } }";
    let post = ben.client.ask(query, json!({ "id": mina.post })).await["post"].clone();
    let comments = json!([
        { "text": "", "author": { "fullName": "Deleted user" } },
        { "text": "Quite so.", "author": { "fullName": "Ben Test" } },
    ]);
    let author = json!({ "fullName": "Deleted user" });
    assert_eq!(
        post,
        json!({ "title": "", "body": "", "tags": [], "likeCount": 1, "author": author, "comments": { "nodes": comments } })
    );
    let query =
        "query($id: ID!) { order(id: $id) { status customerName customerEmail deliveryAddress lines { quantity } } }";
    let order = shop.staff.client.ask(query, json!({ "id": mina.order })).await["order"].clone();
    let expected = json!({
        "status": "CONFIRMED", "customerName": "", "customerEmail": "", "deliveryAddress": "", "lines": [{ "quantity": 2 }],
    });
    assert_eq!(order, expected);
}

/// What a moderator hid stays hidden without their words.
async fn stays_hidden(mina: &Mina, ben: &Person) {
    let query = "query($ids: [ID!]!) { nodes(ids: $ids) {
        ... on Post { hidden hiddenReason } ... on Comment { hidden hiddenReason }
    } }";
    let hidden = json!({ "hidden": true, "hiddenReason": null });
    let seen = ben.client.ask(query, json!({ "ids": mina.hidden })).await;
    assert_eq!(seen["nodes"], json!([hidden, hidden]));
}

/// Signing in fails as for an address that nobody has; then the address can be anybody's.
async fn is_gone_for_good(client: &Client, mina: &Mina) {
    let sign_in = async |email: &str| {
        let input = json!({ "email": email, "password": PASSWORD });
        client.try_command("signIn", input, "session { accessToken }").await
    };
    let (known, unknown) = (sign_in(&mina.person.email).await, sign_in("nobody@millrace.example").await);
    assert_eq!(known["errors"][0]["__typename"], "InvalidCredentials");
    assert_eq!((&known["errors"], &known["session"]), (&unknown["errors"], &unknown["session"]));
    let refreshed =
        client.try_command("refreshSession", json!({ "refreshToken": mina.person.refresh_token }), "").await;
    assert_eq!(refreshed["errors"][0]["__typename"], "InvalidCredentials");
    let query = mina.person.client.send("{ viewer { user { id } } }", json!({}), &[]).await.expect("an answer");
    assert_eq!(query.body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");
    let follow = client.sign_up("Eve").await;
    let nobody = follow.client.try_command("followUser", json!({ "userId": mina.person.id }), "").await;
    assert_eq!(nobody["errors"][0]["__typename"], "NotFound", "{nobody:#}");
    let second = sign_up(client, &mina.person.email).await;
    assert_ne!(second.id, mina.person.id, "the same address and the same key, another person");
}
