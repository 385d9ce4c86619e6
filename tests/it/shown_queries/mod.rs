//! What each mutation of the schema did shows in a query: at once to whoever brings its token, and to all within a second. The list is the
//! schema's own: a new mutation fails here until it has its case.

mod content;
mod people;
mod trade;

use crate::harness::client::{Client, Person, id_of, token};
use crate::harness::eventually;
use crate::harness::openid::OpenIdProvider;
use crate::harness::process::Process;
use crate::harness::provider::Provider;
use crate::openid::stage_with;
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::{Duration, Instant};

const SHOWS_WITHIN: Duration = Duration::from_secs(1);
/// So often a mutation may do it: a busy machine is late once, and not each time.
const TRIES_MAX: usize = 5;
const MONEY_MINOR: i64 = 1_000;

/// What a query asks for, of what has this id, by whom.
struct Look<'a> {
    viewer: &'a Client,
    root: &'a str,
    id: &'a str,
}

impl Look<'_> {
    /// Null if the viewer's sign-in has ended.
    async fn with(&self, token: Option<&str>) -> Value {
        let declared = if self.root.contains("$id") { "query($id: ID!)" } else { "query" };
        let query = format!("{declared} {{ it: {} }}", self.root);
        let variables = if self.root.contains("$id") { json!({ "id": self.id }) } else { json!({}) };
        let headers: Vec<(&str, &str)> = token.map(|token| ("millrace-consistency", token)).into_iter().collect();
        let body = self.viewer.send(&query, variables, &headers).await.expect("an answer").body;
        let code = &body["errors"][0]["extensions"]["code"];
        assert!(body.get("errors").is_none() || *code == "UNAUTHENTICATED", "{query}: {body:#}");
        body["data"]["it"].clone()
    }
}

/// People of one mutation's own, a post of Ada's, and a product.
struct World<'a> {
    process: &'a Process,
    client: &'a Client,
    provider: Provider,
    staff: &'a Person,
    admin: &'a Person,
    ada: Person,
    ben: Person,
    post: String,
    product: String,
    /// After how long a mutation showed to all, if that was too long.
    late: Cell<Option<Duration>>,
}

impl<'a> World<'a> {
    async fn begin((process, client): (&'a Process, &'a Client), provider: Provider, staff: [&'a Person; 2]) -> Self {
        let [staff, admin] = staff;
        let (ada, ben) = (client.sign_up("Ada").await, client.sign_up("Ben").await);
        let post = ada.client.command("createPost", json!({ "title": "One", "body": "Words." }), "").await;
        let product = staff.client.command("createProduct", product("Sluice"), "").await;
        let (post, product) = (id_of(&post), id_of(&product));
        Self { process, client, provider, staff, admin, ada, ben, post, product, late: Cell::new(None) }
    }

    /// Sends the mutation; the look shows the one thing before, and the other after: at once to whoever brings the token.
    async fn shows(&self, sent: (&Client, &str, Value), look: Look<'_>, both: [Value; 2]) {
        self.shows_to(sent, look, both, true).await;
    }

    /// The same of what no request waits for: who somebody is and may be (a mutation that brings a token could not be sent then while nothing
    /// is folded), and what an erasure spreads to.
    async fn shows_soon(&self, sent: (&Client, &str, Value), look: Look<'_>, both: [Value; 2]) {
        self.shows_to(sent, look, both, false).await;
    }

    async fn shows_to(
        &self,
        (sender, name, input): (&Client, &str, Value),
        look: Look<'_>,
        [before, after]: [Value; 2],
        at_once: bool,
    ) {
        let earlier = self.token_of_all().await;
        assert_eq!(look.with(Some(&earlier)).await, before, "before {name}");
        let payload = sender.command(name, input, "").await;
        let (answered, token) = (Instant::now(), token(&payload));
        // Both at once: whoever brings the token asks before anybody has seen it, and is asked once.
        let by_all = async {
            eventually(name, || async { (look.with(None).await == after).then_some(()) }).await;
            answered.elapsed()
        };
        let (by_token, shown_after) = tokio::join!(look.with(Some(&token)), by_all);
        assert!(by_token == after || !at_once, "after {name}, with its token: {by_token:#}");
        if shown_after >= SHOWS_WITHIN {
            self.late.set(Some(shown_after));
        }
        assert_eq!(look.with(Some(&token)).await, after, "after {name}");
    }

    /// The token of a command that comes after all others.
    async fn token_of_all(&self) -> String {
        token(&self.admin.client.command("updateProfile", json!({ "lastName": "Last" }), "").await)
    }

    async fn done(&self, sender: &Person, name: &str, input: Value) -> String {
        let payload = sender.client.command(name, input, "").await;
        payload["receipt"]["aggregateId"].as_str().unwrap_or_default().to_owned()
    }

    async fn comment(&self) -> String {
        self.done(&self.ben, "addComment", json!({ "postId": self.post, "text": "First." })).await
    }

    async fn money(&self) {
        let asked = self.ben.client.command("topUpWallet", json!({ "amount": eur(MONEY_MINOR) }), "topUpId").await;
        let top_up = asked["topUpId"].as_str().expect("an id");
        assert_eq!(self.provider.succeeds(&self.client.url, top_up, MONEY_MINOR).await.expect("an answer"), 204);
    }
}

fn eur(minor: i64) -> Value {
    json!({ "amountMinor": minor.to_string(), "currency": "EUR" })
}

fn product(name: &str) -> Value {
    json!({ "name": name, "description": "Of oak.", "price": eur(250), "stock": 10 })
}

#[tokio::test]
async fn each_mutation_of_the_schema_shows_in_a_query() {
    let openid = OpenIdProvider::start().await;
    let stage = stage_with(&[&openid]).await;
    let (process, client) = stage.all().await;
    let (staff, admin) = (client.sign_up("Staff").await, client.sign_up("Admin").await);
    stage.grant(&staff, "staff").await;
    stage.grant(&admin, "admin").await;
    let root = client.ask("{ __schema { mutationType { fields { name } } } }", json!({})).await;
    for field in root["__schema"]["mutationType"]["fields"].as_array().expect("fields") {
        let name = field["name"].as_str().expect("a name");
        let mut late = Vec::new();
        loop {
            let world = World::begin((&process, &client), Provider::of(&stage), [&staff, &admin]).await;
            shows_what_it_did(&world, &openid, name).await;
            let Some(shown_after) = world.late.take() else { break };
            late.push(shown_after);
            assert!(late.len() < TRIES_MAX, "{name} shows after {late:?}");
        }
    }
    process.stop().await;
}

async fn shows_what_it_did(world: &World<'_>, openid: &OpenIdProvider, name: &str) {
    match name {
        "signUp" | "signIn" | "refreshSession" => people::begins(world, name).await,
        "signInWithProvider" | "linkProvider" | "unlinkProvider" => people::provider(world, openid, name).await,
        "signOut" | "signOutEverywhere" | "changePassword" | "resetPassword" => people::ends(world, name).await,
        "updateProfile" | "followUser" | "unfollowUser" | "deactivateAccount" | "eraseAccount" => {
            people::person(world, name).await;
        }
        "changeEmail" | "verifyEmail" | "requestPasswordReset" | "exportMyData" => people::account(world, name).await,
        "grantRole" | "revokeRole" => people::role(world, name).await,
        "createPost" | "editPost" | "publishPost" | "unpublishPost" | "deletePost" => content::post(world, name).await,
        "hidePost" | "unhidePost" | "hideComment" | "unhideComment" => content::hiding(world, name).await,
        "addComment" | "editComment" | "deleteComment" | "likePost" | "unlikePost" => content::talk(world, name).await,
        "createProduct" | "updateProduct" | "restockProduct" | "retireProduct" => trade::shelf(world, name).await,
        "placeOrder" | "payOrder" | "shipOrder" | "confirmDelivery" | "cancelOrder" => trade::order(world, name).await,
        "topUpWallet" | "transfer" => trade::money(world, name).await,
        other => panic!("which query shows what {other} does?"),
    }
}
