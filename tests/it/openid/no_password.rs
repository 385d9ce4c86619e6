//! An account that was made by a provider has no password: what asks for it says so, until one is set.

use super::sign_in::hashes;
use super::{error, later, new_email, sign_in, stage_with};
use crate::accounts::{RESET, mailed_token};
use crate::checker::everything_holds;
use crate::harness::client::PASSWORD;
use crate::harness::openid::OpenIdProvider;
use serde_json::{Value, json};

/// One that a person may have guessed, one that nobody has, and none.
const TYPED: [&str; 3] = [PASSWORD, "staple battery horse", ""];

/// Everything that asks for the sender's own password, and in which field.
fn asking(typed: &str, id_token: &str) -> [(&'static str, Value, &'static str); 6] {
    let next = json!({ "currentPassword": typed, "newPassword": "horse battery staple" });
    [
        ("exportMyData", json!({ "password": typed }), "password"),
        ("deactivateAccount", json!({ "password": typed }), "password"),
        ("eraseAccount", json!({ "password": typed }), "password"),
        ("changeEmail", json!({ "password": typed, "newEmail": new_email() }), "password"),
        ("linkProvider", json!({ "password": typed, "idToken": id_token }), "password"),
        ("changePassword", next, "currentPassword"),
    ]
}

#[tokio::test]
async fn what_asks_for_a_password_that_is_not_set_says_so_and_counts_no_guess() {
    let (provider, other) = (OpenIdProvider::start().await, OpenIdProvider::start().await);
    let stage = stage_with(&[&provider, &other]).await;
    let (process, client) = stage.all().await;
    let email = new_email();
    let ada = sign_in(&client, &provider.token("1", &email), &email).await;
    let before = hashes(&process).await;
    // Three times as often as one may be wrong: nobody is told to wait.
    for (name, input, field) in TYPED.iter().flat_map(|typed| asking(typed, &other.token("1", &email))) {
        let refused = ada.client.try_command(name, input, "").await;
        let told = (error(&refused), &refused["errors"][0]["code"], &refused["errors"][0]["path"]);
        assert_eq!(told, ("PasswordNotSet", &json!("PASSWORD_NOT_SET"), &json!([field])), "{name}: {refused:#}");
    }
    assert_eq!(hashes(&process).await, before, "there is nothing to compare with");
    everything_holds(&stage).await;
    process.stop().await;
}

#[tokio::test]
async fn once_a_password_is_set_by_mail_an_account_can_be_exported_left_and_erased() {
    let provider = OpenIdProvider::start().await;
    let stage = stage_with(&[&provider]).await;
    let (process, client) = stage.all().await;
    let email = new_email();
    sign_in(&client, &provider.token("1", &email), &email).await;
    client.command("requestPasswordReset", json!({ "email": email }), "").await;
    let token = mailed_token(&process, &email, RESET).await;
    client.command("resetPassword", json!({ "token": token, "newPassword": PASSWORD }), "").await;

    let mut ada = sign_in(&client, &later(&provider, "1"), &email).await;
    let own = || json!({ "password": PASSWORD });
    let wrong = ada.client.try_command("eraseAccount", json!({ "password": "" }), "").await;
    assert_eq!(error(&wrong), "InvalidCredentials", "now there is one that it could be");
    let exported = ada.client.command("exportMyData", own(), "export { url }").await;
    assert!(exported["export"]["url"].is_string(), "{exported:#}");
    ada.client.command("deactivateAccount", own(), "").await;
    ada.try_sign_in().await;
    ada.client.command("eraseAccount", own(), "").await;
    everything_holds(&stage).await;
    process.stop().await;
}
