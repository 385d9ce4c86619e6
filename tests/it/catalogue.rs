//! Every event of the catalogue is recorded by some command that really runs, and each projection folds it or says that it does not.

use crate::checker::log::Log;
use crate::harness::client::PASSWORD;
use crate::harness::openid::OpenIdProvider;
use crate::harness::stage::Stage;
use crate::matrix::cast::Who;
use crate::matrix::rules::{MUTATIONS, Verdict};
use crate::matrix::schema::Schema;
use crate::matrix::things::{MONEY_MINOR, Shop, eur};
use crate::openid::stage_with;
use millrace_command::PaymentResult;
use millrace_events::{EventKind, Recorded};
use millrace_read::models::{Registered, Visitor, visit};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What each projection does not fold. Where the folds are, the compiler has each of them named too.
const IGNORED: &[(&str, &str)] = &[
    ("people", "comment.added comment.deleted comment.edited like.added like.removed post.edited"),
    ("people", "comment.hidden comment.unhidden"),
    ("people", "product.created product.updated product.restocked product.retired product.reserved product.released"),
    ("people", "order.placed order.paid order.shipped order.delivered order.cancelled"),
    ("people", "wallet.opened wallet.moved wallet.topUpRequested wallet.topUpDeclined"),
    ("content", "user.roleGranted user.roleRevoked user.sessionEnded user.allSessionsEnded user.otherSessionsEnded"),
    ("content", "user.passwordChanged user.emailChangeRequested user.emailVerified user.deactivated user.reactivated"),
    ("content", "user.emailChangeWithdrawn user.identityLinked user.identityUnlinked"),
    ("content", "product.created product.updated product.restocked product.retired product.reserved product.released"),
    ("content", "order.placed order.paid order.shipped order.delivered order.cancelled"),
    ("content", "wallet.opened wallet.moved wallet.topUpRequested wallet.topUpDeclined"),
    (
        "shop",
        "user.created user.profileUpdated user.roleGranted user.roleRevoked user.sessionEnded user.allSessionsEnded",
    ),
    ("shop", "user.otherSessionsEnded user.passwordChanged user.emailChangeRequested user.emailVerified"),
    ("shop", "user.emailChangeWithdrawn user.deactivated user.reactivated user.identityLinked user.identityUnlinked"),
    ("shop", "follow.followed follow.unfollowed comment.added comment.edited comment.deleted like.added like.removed"),
    ("shop", "post.created post.edited post.published post.unpublished post.deleted"),
    ("shop", "post.hidden post.unhidden comment.hidden comment.unhidden"),
    // A command lies where its first event lies; these always follow another.
    ("commands", "order.paid product.reserved product.released user.otherSessionsEnded"),
];

/// Each mutation is sent by somebody who may.
async fn send_every_mutation(shop: &Shop<'_>, schema: &Schema) {
    for (name, thing, rules) in MUTATIONS {
        let may = |who: &&Who| rules[**who as usize] == Verdict::Done;
        let by_preference = [Who::Owner, Who::Staff, Who::Admin, Who::Nobody];
        let Some(who) = by_preference.iter().find(may) else { continue };
        let prepared = shop.prepare(*who, *thing, schema.inputs(name)).await;
        prepared.sender.command(name, prepared.input, "").await;
    }
}

/// What changes nothing unless something else came first.
async fn send_what_needs_more(shop: &Shop<'_>) {
    let owner = &shop.cast.owner.client;
    owner.command("updateProfile", json!({ "bio": "Mills." }), "").await;
    for name in ["followUser", "unfollowUser"] {
        owner.command(name, json!({ "userId": shop.cast.staff.id }), "").await;
    }
    let post = shop.post("Liked", true).await;
    for name in ["likePost", "unlikePost"] {
        owner.command(name, json!({ "postId": post }), "").await;
    }
    owner.command("editPost", json!({ "postId": post, "title": "Edited" }), "").await;
    let product = shop.product("Weir").await;
    let update = json!({ "productId": product, "name": "Sluice" });
    shop.cast.staff.client.command("updateProduct", update, "").await;
    let staff = json!({ "userId": shop.cast.owner.id, "role": "STAFF" });
    for name in ["grantRole", "revokeRole"] {
        shop.cast.client(Who::Admin).command(name, staff.clone(), "").await;
    }
    let ada = shop.client.sign_up("Ada").await;
    for new_email in [format!("next-{}", ada.email), ada.email.clone()] {
        let input = json!({ "newEmail": new_email, "password": PASSWORD });
        ada.client.command("changeEmail", input, "").await;
    }
    ada.client.command("deactivateAccount", json!({ "password": PASSWORD }), "").await;
    let back = json!({ "email": ada.email, "password": PASSWORD, "reactivate": true });
    shop.client.command("signIn", back, "").await;
    let asked = owner.command("topUpWallet", json!({ "amount": eur(9) }), "topUpId").await;
    let top_up = asked["topUpId"].as_str().expect("an id");
    let told = shop.provider.tells(&shop.client.url, top_up, PaymentResult::Declined, "evt-declined", 9).await;
    assert_eq!(told.expect("an answer"), 204);
}

/// What was recorded, by kind.
async fn recorded(stage: &Stage) -> BTreeMap<EventKind, Vec<Recorded>> {
    let mut by_kind = BTreeMap::<EventKind, Vec<Recorded>>::new();
    for recorded in Log::of(stage).await.recorded().await {
        by_kind.entry(recorded.event.kind()).or_default().push(recorded);
    }
    by_kind
}

/// What a projection shall not fold, of what was recorded.
fn ignored_on_purpose(projection: &str, recorded: &BTreeMap<EventKind, Vec<Recorded>>) -> BTreeSet<&'static str> {
    let kinds = IGNORED.iter().filter(|(name, _)| *name == projection).flat_map(|(_, kinds)| kinds.split(' '));
    kinds.filter(|kind| recorded.keys().any(|one| one.name() == *kind)).collect()
}

/// What each projection does with each event.
struct Looker<'a> {
    recorded: &'a BTreeMap<EventKind, Vec<Recorded>>,
}

impl Visitor for Looker<'_> {
    fn visit<P: Registered>(&mut self) {
        let touches_nothing = |recorded: &Recorded| P::touches(recorded).writes.is_empty();
        let ignored = self.recorded.iter().filter(|(_, all)| all.iter().all(touches_nothing));
        let ignored: BTreeSet<_> = ignored.map(|(kind, _)| kind.name()).collect();
        assert_eq!(
            ignored,
            ignored_on_purpose(P::NAME, self.recorded),
            "what {} does not fold, and shall not",
            P::NAME
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_is_recorded_and_folded_or_ignored_on_purpose() {
    let openid = OpenIdProvider::start().await;
    let stage = stage_with(&[&openid]).await;
    let (process, client) = stage.all().await;
    let (schema, shop) = (Schema::of(&client).await, Shop::open(&stage, &process, &client, &openid).await);
    shop.top_up(&shop.cast.owner, MONEY_MINOR).await;
    send_every_mutation(&shop, &schema).await;
    send_what_needs_more(&shop).await;
    process.stop().await;
    let recorded = recorded(&stage).await;
    let due: BTreeSet<EventKind> = EventKind::ALL.iter().copied().collect();
    assert_eq!(recorded.keys().copied().collect::<BTreeSet<_>>(), due, "recorded, and in the catalogue");
    visit(&mut Looker { recorded: &recorded });
}
