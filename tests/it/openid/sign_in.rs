//! The first token makes an account, every later one finds it.

use super::{AT_ONCE, SHOWN, error, later, link, new_email, sign_in, stage_with, try_sign_in};
use crate::accounts::{RESET, mailed_token};
use crate::checker::everything_holds;
use crate::harness::client::{Client, PASSWORD};
use crate::harness::cluster::Cluster;
use crate::harness::openid::{OpenIdProvider, SigningKey};
use crate::harness::process::Process;
use crate::harness::stage::Stage;
use serde_json::json;
use std::collections::BTreeSet;

const OWN: &str = "{ viewer { user { id firstName lastName email emailVerified version } } }";

#[tokio::test]
async fn the_first_token_makes_an_account_and_the_next_one_finds_it() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let email = new_email();
    let ada = sign_in(&client, &provider.token("1", &email), &email).await;
    let shown = ada.client.ask(OWN, json!({})).await["viewer"]["user"].clone();
    let wanted = json!({
        "id": ada.id, "firstName": "Ada", "lastName": "Lovelace", "email": email, "emailVerified": true, "version": 3,
    });
    assert_eq!(shown, wanted);
    // Whatever the provider says later, it is the same person.
    let later = sign_in(&client, &provider.token("1", &new_email()), &email).await;
    assert_eq!(later.id, ada.id);
    let other = sign_in(&client, &provider.token("2", &new_email()), "").await;
    assert_ne!(other.id, ada.id);
    let refresh = json!({ "refreshToken": ada.refresh_token });
    let renewed = client.command("refreshSession", refresh, "user { id }").await;
    assert_eq!(renewed["user"]["id"], json!(ada.id));
    ada.client.command("createPost", json!({ "title": "First", "body": "Words." }), "").await;
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_person_says_their_name_if_the_provider_does_not() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let mut claims = provider.claims("1", &new_email());
    claims["family_name"] = json!(null);
    let token = provider.key().sign(&claims);
    let refused = try_sign_in(&client, &token).await;
    assert_eq!((error(&refused), &refused["errors"][0]["path"]), ("ValidationError", &json!(["lastName"])));
    let input = json!({ "idToken": token, "firstName": "Augusta", "lastName": "King" });
    let payload = client.command("signInWithProvider", input, "user { fullName }").await;
    assert_eq!(payload["user"]["fullName"], "Augusta King");
    process.stop().await;
}

#[tokio::test]
async fn an_address_that_the_provider_does_not_answer_for_makes_no_account() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    for (name, value) in [("email_verified", json!(false)), ("email_verified", json!(null)), ("email", json!(null))] {
        let mut claims = provider.claims("1", &new_email());
        claims[name] = value;
        assert_eq!(error(&try_sign_in(&client, &provider.key().sign(&claims)).await), "EmailNotVerified", "{claims:#}");
    }
    process.stop().await;
}

#[tokio::test]
async fn without_a_password_none_is_right_until_one_is_set_by_mail() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let (ben, email) = (client.sign_up("Ben").await, new_email());
    let ada = sign_in(&client, &provider.token("1", &email), &email).await;
    let by_password = async |email: &str, password: &str| {
        let input = json!({ "email": email, "password": password });
        client.try_command("signIn", input, "session { accessToken }").await
    };
    let told = async |email: &str| by_password(email, "not this one at all").await["errors"].clone();
    let before = hashes(&process).await;
    let (without, with) = (told(&email).await, told(&ben.email).await);
    assert_eq!(without, with);
    assert_eq!(hashes(&process).await, before + 2, "both cost the same");
    assert_eq!(without[0]["__typename"], "InvalidCredentials");
    let erase = ada.client.try_command("eraseAccount", json!({ "password": PASSWORD }), "").await;
    assert_eq!(error(&erase), "PasswordNotSet");

    client.command("requestPasswordReset", json!({ "email": email }), "").await;
    let token = mailed_token(&process, &email, RESET).await;
    client.command("resetPassword", json!({ "token": token, "newPassword": PASSWORD }), "").await;
    assert_eq!(by_password(&email, PASSWORD).await["errors"], json!([]));
    assert_eq!(sign_in(&client, &later(&provider, "1"), &email).await.id, ada.id, "and the provider still does");
    everything_holds(&stage).await;
    process.stop().await;
}

/// Passwords that the process has hashed or compared.
pub(super) async fn hashes(process: &Process) -> u64 {
    let metrics = reqwest::get(format!("{}/metrics", process.operations())).await.expect("metrics");
    let text = metrics.text().await.expect("a text");
    let line = text.lines().find_map(|line| line.strip_prefix("millrace_password_hashes_total "));
    line.and_then(|count| count.parse().ok()).unwrap_or_default()
}

#[tokio::test]
async fn a_deactivated_account_comes_back_if_it_is_asked_for() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let ada = client.sign_up("Ada").await;
    ada.client.command("linkProvider", link(&provider.token("1", &ada.email)), "").await;
    let old = json!({ "idToken": provider.token("1", &ada.email), "reactivate": true });
    ada.client.command("deactivateAccount", json!({ "password": PASSWORD }), "").await;
    // All sign-ins have ended with it, and what was issued by then is void.
    let token = later(&provider, "1");
    assert_eq!(error(&try_sign_in(&client, &token).await), "AccountDeactivated");
    assert_eq!(error(&client.try_command("signInWithProvider", old, SHOWN).await), "InvalidIdToken");
    let input = json!({ "idToken": token, "reactivate": true });
    let back = client.command("signInWithProvider", input, SHOWN).await;
    assert_eq!(back["user"]["id"], json!(ada.id));
    assert_eq!(sign_in(&client, &token, &ada.email).await.id, ada.id);
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn a_token_from_before_the_end_of_all_sign_ins_begins_none() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let (email, old) = (new_email(), provider.token("1", "ada@millrace.example"));
    let ada = sign_in(&client, &old, &email).await;
    assert_eq!(sign_in(&client, &old, &email).await.id, ada.id, "it is good until then");
    ada.client.command("signOutEverywhere", json!({}), "").await;
    let refused = try_sign_in(&client, &old).await;
    assert_eq!((error(&refused), &refused["session"]), ("InvalidIdToken", &json!(null)));
    let input = json!({ "idToken": old, "reactivate": true });
    assert_eq!(error(&client.try_command("signInWithProvider", input, SHOWN).await), "InvalidIdToken");
    assert_eq!(sign_in(&client, &later(&provider, "1"), &email).await.id, ada.id, "a newer one is taken");
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_at_once_make_one_account() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let (token, email) = (provider.token("1", &new_email()), new_email());
    let all = futures_util::future::join_all((0..8).map(|_| sign_in(&client, &token, &email))).await;
    let ids: BTreeSet<String> = all.into_iter().map(|person| person.id).collect();
    assert_eq!(ids.len(), 1);
    assert_eq!(provider.fetches(), 1);
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_providers_that_know_one_address_make_one_account_at_once() {
    let (one, other) = (OpenIdProvider::start().await, OpenIdProvider::start().await);
    let stage = stage_with(&[&one, &other]).await;
    let (process, client) = stage.all().await;
    let email = new_email();
    let (first, second) = (one.token("1", &email), other.token("1", &email));
    let (first, second) = tokio::join!(try_sign_in(&client, &first), try_sign_in(&client, &second));
    let told = BTreeSet::from([error(&first), error(&second)]);
    assert_eq!(told, BTreeSet::from(["none", "AccountNotLinked"]), "{first:#} {second:#}");
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn whatever_a_provider_signs_with_is_taken_if_it_is_set() {
    let provider = OpenIdProvider::start().await;
    let (at_once, value) = AT_ONCE;
    let stage = stage_with(&[&provider]).await.with(at_once, value);
    let (process, client) = stage.all().await;
    for key in [SigningKey::rsa("rsa"), SigningKey::p256("ec"), SigningKey::ed25519("ed")] {
        provider.rotate(key);
        sign_in(&client, &provider.token("1", "ada@millrace.example"), "").await;
    }
    process.stop().await;
}

#[tokio::test]
async fn roles_in_processes_of_their_own_do_the_same() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let cluster = Cluster::start(&stage).await;
    let client = Client::new(&cluster.urls()[0]);
    let email = new_email();
    let ada = sign_in(&client, &provider.token("1", &email), &email).await;
    assert_eq!(sign_in(&client, &provider.token("1", &email), &email).await.id, ada.id);
    everything_holds(&stage).await;
    cluster.stop().await;
}

#[tokio::test]
async fn without_a_provider_no_token_is_taken() {
    let provider = OpenIdProvider::start().await;
    let stage = Stage::new().await;
    let (process, client) = stage.all().await;
    assert_eq!(error(&try_sign_in(&client, &provider.token("1", &new_email())).await), "InvalidIdToken");
    assert_eq!(provider.fetches(), 0);
    process.stop().await;
}
