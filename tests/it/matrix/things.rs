//! What mutations are sent about, and what their inputs need.

use super::cast::{Cast, Who, newcomer};
use super::rules::Thing;
use super::schema::Input;
use crate::accounts::{RESET, VERIFY, mailed_token};
use crate::harness::client::{Client, PASSWORD, Person, id_of};
use crate::harness::openid::OpenIdProvider;
use crate::harness::process::Process;
use crate::harness::provider::Provider;
use crate::harness::stage::Stage;
use millrace_events::GlobalId;
use millrace_events::{
    CommandId, CommentId, ErasureId, OrderId, PostId, ProductId, SessionId, TopUpId, TransactionId, UserId, WalletId,
};
use serde_json::{Value, json};
use uuid::Uuid;

/// Money for everybody who pays.
pub const MONEY_MINOR: i64 = 100_000;

/// A shop with everybody in it.
pub struct Shop<'a> {
    pub stage: &'a Stage,
    /// Shows the mails.
    pub process: &'a Process,
    pub client: Client,
    pub provider: Provider,
    /// By whom people sign in.
    pub openid: &'a OpenIdProvider,
    pub cast: Cast,
}

/// A mutation about to be sent.
pub struct Prepared {
    pub sender: Client,
    pub input: Value,
    /// Who the sender is; none for nobody.
    pub own_id: Option<String>,
}

pub fn eur(minor: i64) -> Value {
    json!({ "amountMinor": minor.to_string(), "currency": "EUR" })
}

impl<'a> Shop<'a> {
    pub async fn open(stage: &'a Stage, process: &'a Process, client: &Client, openid: &'a OpenIdProvider) -> Self {
        let cast = Cast::gather(stage, client).await;
        Self { stage, process, client: client.clone(), provider: Provider::of(stage), openid, cast }
    }

    /// Asks for money, and has the provider say that it came. Answers the wallet, and the top-up.
    pub async fn top_up(&self, person: &Person, minor: i64) -> (String, String) {
        let payload = person.client.command("topUpWallet", json!({ "amount": eur(minor) }), "topUpId").await;
        let top_up = payload["topUpId"].as_str().expect("an id").to_owned();
        assert_eq!(self.provider.succeeds(&self.client.url, &top_up, minor).await.expect("an answer"), 204);
        (id_of(&payload), top_up)
    }

    pub async fn product(&self, name: &str) -> String {
        self.product_of(name, 50).await
    }

    async fn product_of(&self, name: &str, stock: u32) -> String {
        let input = json!({
            "name": name, "description": "Of oak.", "price": eur(250), "stock": stock, "imageUrl": "https://millrace.example/oak.png",
        });
        id_of(&self.cast.staff.client.command("createProduct", input, "").await)
    }

    pub async fn order(&self, product: &str, address: &str) -> String {
        let input = json!({ "lines": [{ "productId": product, "quantity": 2 }], "deliveryAddress": address });
        id_of(&self.cast.owner.client.command("placeOrder", input, "").await)
    }

    pub async fn post(&self, title: &str, publish: bool) -> String {
        let input = json!({ "title": title, "body": title, "tags": ["mills"], "publish": publish });
        id_of(&self.cast.owner.client.command("createPost", input, "").await)
    }

    pub async fn comment(&self, post: &str, text: &str) -> String {
        let input = json!({ "postId": post, "text": text });
        id_of(&self.cast.owner.client.command("addComment", input, "").await)
    }

    /// Staff hide it. Answers the id.
    pub async fn hide(&self, mutation: &str, field: &str, id: String) -> String {
        let input = json!({ field: id, "reason": "Confidential reason" });
        self.cast.staff.client.command(mutation, input, "").await;
        id
    }

    async fn paid(&self) -> String {
        let order = self.order(&self.product("Sluice").await, "Mill Lane 1").await;
        self.cast.owner.client.command("payOrder", json!({ "orderId": order }), "").await;
        order
    }

    /// An ID token of somebody whom nobody knows yet.
    fn id_token(&self) -> String {
        let subject = Uuid::now_v7().simple().to_string();
        self.openid.token(&subject, &format!("new-{subject}@millrace.example"))
    }

    pub async fn link(&self, person: &Person) {
        let input = json!({ "idToken": self.id_token(), "password": PASSWORD });
        person.client.command("linkProvider", input, "").await;
    }

    /// The token of a mail that is there, or is asked for.
    async fn mailed(&self, thing: Thing, email: &str) -> Option<String> {
        match thing {
            Thing::Unverified => Some(mailed_token(self.process, email, VERIFY).await),
            Thing::Forgotten => {
                self.client.command("requestPasswordReset", json!({ "email": email }), "").await;
                Some(mailed_token(self.process, email, RESET).await)
            }
            _ => None,
        }
    }

    /// The thing's id, if it has one.
    async fn make(&self, thing: Thing) -> Option<String> {
        Some(match thing {
            Thing::Nothing | Thing::Account | Thing::Session | Thing::Unverified | Thing::Forgotten | Thing::Linked => {
                return None;
            }
            Thing::Person => self.client.sign_up("Person").await.id,
            Thing::Post => self.post("Public", true).await,
            Thing::Draft => self.post("Draft", false).await,
            Thing::HiddenPost => self.hide("hidePost", "postId", self.post("Public", true).await).await,
            Thing::HiddenComment => {
                let comment = self.comment(&self.post("Public", true).await, "Words.").await;
                self.hide("hideComment", "commentId", comment).await
            }
            Thing::Comment => self.comment(&self.post("Public", true).await, "Words.").await,
            Thing::Product => self.product("Sluice").await,
            Thing::SoldOut => self.product_of("Sluice", 0).await,
            Thing::Pending => self.order(&self.product("Sluice").await, "Mill Lane 1").await,
            Thing::Paid => self.paid().await,
            Thing::Shipped => {
                let order = self.paid().await;
                self.cast.staff.client.command("shipOrder", json!({ "orderId": order }), "").await;
                order
            }
        })
    }

    /// A new thing, and all that the mutation must be told about it.
    pub async fn prepare(&self, who: Who, thing: Thing, inputs: &[Input]) -> Prepared {
        let is_own =
            matches!(thing, Thing::Account | Thing::Session | Thing::Unverified | Thing::Forgotten | Thing::Linked);
        let account = if is_own { Some(newcomer(self.stage, &self.client, who).await) } else { None };
        if let Some(account) = account.as_ref().filter(|_| thing == Thing::Linked) {
            self.link(account).await;
        }
        let id = match &account {
            Some(account) => self.mailed(thing, &account.email).await,
            None => self.make(thing).await,
        };
        let mut input = json!({});
        for one in inputs.iter().filter(|one| one.is_required()) {
            input[&one.name] = match one.name.as_str() {
                "idToken" => json!(self.id_token()),
                "issuer" => json!(self.openid.issuer),
                name => value(name, account.as_ref(), id.as_deref()),
            };
        }
        let signed_in = account.as_ref().or(self.cast.person(who)).filter(|_| who != Who::Nobody);
        let sender = signed_in.map_or(&self.cast.nobody, |person| &person.client).clone();
        Prepared { sender, input, own_id: signed_in.map(|person| person.id.clone()) }
    }
}

/// What an input field is given that cannot be left out. The id of what somebody has mail about is the token in it.
fn value(name: &str, account: Option<&Person>, id: Option<&str>) -> Value {
    let id = || json!(id.expect("a thing with an id"));
    match name {
        "postId" | "commentId" | "productId" | "orderId" | "userId" | "toUserId" | "token" => id(),
        "lines" => json!([{ "productId": id(), "quantity": 1 }]),
        "email" => account.map_or_else(
            || json!(format!("new-{}@millrace.example", Uuid::now_v7().simple())),
            |account| json!(account.email),
        ),
        "refreshToken" => json!(account.expect("an account").refresh_token),
        "password" | "currentPassword" => json!(PASSWORD),
        "newPassword" => json!("staple battery horse"),
        "newEmail" => json!(format!("new-{}@millrace.example", Uuid::now_v7().simple())),
        "role" => json!("STAFF"),
        "amount" | "price" => eur(5),
        "quantity" | "stock" => json!(1),
        "firstName" | "lastName" | "title" | "body" | "text" | "name" | "description" | "deliveryAddress"
        | "reason" => {
            json!("Words")
        }
        other => panic!("what is the input field {other} given?"),
    }
}

/// The same input about things that do not exist.
pub fn about_nothing(input: &Value) -> Value {
    match input {
        Value::String(text) => json!(missing(text).unwrap_or_else(|| text.clone())),
        Value::Array(items) => items.iter().map(about_nothing).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), about_nothing(value))).collect(),
        other => other.clone(),
    }
}

/// An id of the same type that nothing has; none for what is no id.
pub fn missing(id: &str) -> Option<String> {
    Some(match GlobalId::parse(id).ok()? {
        GlobalId::UserId(_) => UserId::generate().to_global(),
        GlobalId::PostId(_) => PostId::generate().to_global(),
        GlobalId::CommentId(_) => CommentId::generate().to_global(),
        GlobalId::ProductId(_) => ProductId::generate().to_global(),
        GlobalId::OrderId(_) => OrderId::generate().to_global(),
        GlobalId::WalletId(_) => WalletId::generate().to_global(),
        GlobalId::TransactionId(_) => TransactionId::generate().to_global(),
        GlobalId::TopUpId(_) => TopUpId::generate().to_global(),
        GlobalId::CommandId(_) => CommandId::generate().to_global(),
        GlobalId::ErasureId(_) => ErasureId::generate().to_global(),
        GlobalId::SessionId(_) => SessionId::generate().to_global(),
    })
}
