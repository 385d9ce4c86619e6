//! Linking a provider again makes none of its tokens good that were void before: not for sign-ins, not for commands, not for queries.

use super::{
    becomes_nobody, error, issued_in, later, link, may_not_post, posts, seen, stage_that_takes, stage_with,
    try_sign_in, with,
};
use crate::accounts::{RESET, mailed_token};
use crate::checker::everything_holds;
use crate::harness::client::{Client, PASSWORD, Person, token};
use crate::harness::eventually;
use crate::harness::openid::OpenIdProvider;
use crate::harness::process::Process;
use serde_json::{Value, json};

/// What the provider says of the person, and what they have from it from before.
struct Outside<'a> {
    provider: &'a OpenIdProvider,
    client: &'a Client,
    ada: Person,
    old: String,
}

impl<'a> Outside<'a> {
    async fn new(provider: &'a OpenIdProvider, client: &'a Client) -> Self {
        let ada = client.sign_up("Ada").await;
        let old = issued_in(provider, &ada.id, 0.0);
        Self { provider, client, ada, old }
    }

    async fn link(&self, own: &Client, token: &str) -> Value {
        own.try_command("linkProvider", link(token), "").await
    }

    async fn unlink(&self, own: &Client) {
        own.command("unlinkProvider", json!({ "issuer": self.provider.issuer }), "").await;
    }

    async fn signed_in(&self, reactivate: bool) -> Client {
        let input = json!({ "email": self.ada.email, "password": PASSWORD, "reactivate": reactivate });
        let payload = self.client.command("signIn", input, "session { accessToken }").await;
        with(self.client, payload["session"]["accessToken"].as_str().expect("a token").to_owned())
    }

    /// Links it by a token of now, if the old one does not: by that time the old one is nobody's.
    async fn old_stays_void(&self, own: &Client) {
        assert_eq!(error(&self.link(own, &self.old).await), "InvalidIdToken", "the old token links");
        let new = later(self.provider, &self.ada.id);
        let linked = self.link(own, &new).await;
        assert_eq!(error(&linked), "none");
        assert_eq!(error(&try_sign_in(self.client, &self.old).await), "InvalidIdToken", "the old token signs in");
        let (old, new) = (with(self.client, self.old.clone()), with(self.client, new));
        own.ask_with("{ viewer { roles } }", json!({}), &[("millrace-consistency", &token(&linked))]).await;
        // Who lets somebody in waits for nothing, and may still see the link of before or none at all.
        eventually("the new token counts, and the old one does not", || async {
            let ada_and_nobody = (seen(&new).await?, seen(&old).await) == (self.ada.id.clone(), None);
            (ada_and_nobody && posts(&new).await).then_some(())
        })
        .await;
        may_not_post(&old).await;
    }
}

/// Everything that ends all sign-ins, done by somebody who is signed in. Answers a sign-in from after it.
async fn end_all(how: &str, outside: &Outside<'_>, process: &Process) -> Client {
    let own = &outside.ada.client;
    match how {
        "signOutEverywhere" => drop(own.command(how, json!({}), "").await),
        "changePassword" => {
            // There and back: the tests know one password.
            for (current, new) in [(PASSWORD, "another one of hers"), ("another one of hers", PASSWORD)] {
                own.command(how, json!({ "currentPassword": current, "newPassword": new }), "").await;
            }
            return own.clone();
        }
        "resetPassword" => {
            outside.client.command("requestPasswordReset", json!({ "email": outside.ada.email }), "").await;
            let token = mailed_token(process, &outside.ada.email, RESET).await;
            outside.client.command(how, json!({ "token": token, "newPassword": PASSWORD }), "").await;
        }
        _ => drop(own.command(how, json!({ "password": PASSWORD }), "").await),
    }
    outside.signed_in(how == "deactivateAccount").await
}

async fn stays_void_after(how: &str, order: [&str; 2]) {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let outside = Outside::new(&provider, &client).await;
    let mut own = outside.ada.client.clone();
    assert_eq!(error(&outside.link(&own, &outside.old).await), "none");
    for step in order {
        match step {
            "unlink" => outside.unlink(&own).await,
            _ => own = end_all(how, &outside, &process).await,
        }
    }
    outside.old_stays_void(&own).await;
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn what_was_void_with_all_sign_ins_stays_void_when_it_is_linked_again() {
    stays_void_after("signOutEverywhere", ["end", "unlink"]).await;
}

#[tokio::test]
async fn what_was_issued_before_the_end_of_all_sign_ins_is_void_although_nothing_was_linked_then() {
    stays_void_after("signOutEverywhere", ["unlink", "end"]).await;
}

#[tokio::test]
async fn a_new_password_is_remembered_by_the_next_link() {
    stays_void_after("changePassword", ["end", "unlink"]).await;
}

#[tokio::test]
async fn a_password_that_was_reset_is_remembered_by_the_next_link() {
    stays_void_after("resetPassword", ["unlink", "end"]).await;
}

#[tokio::test]
async fn a_deactivation_is_remembered_by_the_next_link() {
    stays_void_after("deactivateAccount", ["end", "unlink"]).await;
}

#[tokio::test]
async fn unlinking_alone_voids_what_was_issued_before_and_nothing_of_another_provider() {
    let (provider, other) = (OpenIdProvider::start().await, OpenIdProvider::start().await);
    let stage = stage_with(&[&provider, &other]).await.with("MILLRACE_OPENID__BEARER", "true");
    let (process, client) = stage.all().await;
    let outside = Outside::new(&provider, &client).await;
    let (own, of_other) = (&outside.ada.client, issued_in(&other, "1", 0.0));
    assert_eq!(error(&outside.link(own, &outside.old).await), "none");
    outside.unlink(own).await;
    assert_eq!(error(&outside.link(own, &of_other).await), "none", "another one's from before");
    outside.old_stays_void(own).await;
    let shown = seen(&with(&client, of_other)).await;
    assert_eq!(shown, Some(outside.ada.id.clone()), "linking the one ends nothing of the other");
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_provider_whose_clock_is_ahead_makes_no_old_token_young() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_that_takes(&provider).await;
    let (process, client) = stage.all().await;
    let mut outside = Outside::new(&provider, &client).await;
    outside.old = issued_in(&provider, &outside.ada.id, 9.0);
    assert_eq!(error(&outside.link(&outside.ada.client, &outside.old).await), "none");
    outside.ada.client.command("signOutEverywhere", json!({}), "").await;
    assert_eq!(error(&try_sign_in(&client, &outside.old).await), "InvalidIdToken");
    becomes_nobody(&with(&client, outside.old.clone()), "it is void in queries, too").await;
    process.stop().await;
}
