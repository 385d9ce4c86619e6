//! What people do with their accounts, and with each other.

use super::{Look, World};
use crate::accounts::{RESET, VERIFY, mailed_token};
use crate::harness::client::{Client, PASSWORD, token};
use crate::harness::eventually;
use crate::harness::openid::OpenIdProvider;
use serde_json::{Value, json};

const NEXT_PASSWORD: &str = "staple battery horse";

pub async fn begins(world: &World<'_>, name: &str) {
    let input = match name {
        "signUp" => json!({
            "firstName": "Eve", "lastName": "Test", "email": format!("eve-{}", world.ada.email), "password": PASSWORD,
        }),
        "signIn" => json!({ "email": world.ada.email, "password": PASSWORD }),
        _ => json!({ "refreshToken": world.ada.refresh_token }),
    };
    let first_name = if name == "signUp" { "Eve" } else { "Ada" };
    let payload = world.client.command(name, input, "session { accessToken }").await;
    is_signed_in(world, name, &payload, first_name).await;
}

async fn is_signed_in(world: &World<'_>, name: &str, payload: &Value, first_name: &str) {
    let access_token = payload["session"]["accessToken"].as_str().map(str::to_owned);
    let signed_in = Client { access_token, ..world.client.clone() };
    let look = Look { viewer: &signed_in, root: "viewer { user { firstName } }", id: "" };
    let own = json!({ "user": { "firstName": first_name } });
    assert_eq!(look.with(Some(&token(payload))).await, own, "{name}");
    assert_eq!(look.with(None).await, own, "{name}");
}

/// Which providers are linked, to the person themselves.
pub async fn provider(world: &World<'_>, openid: &OpenIdProvider, name: &str) {
    let (ada, id_token) = (&world.ada, openid.token(&world.ada.id, &format!("eve-{}", world.ada.email)));
    let link = json!({ "idToken": id_token, "password": PASSWORD });
    let root = "viewer { user { version } linkedProviders { issuer } }";
    let look = Look { viewer: &ada.client, root, id: "" };
    let is = |version: u32, linked: &[&OpenIdProvider]| {
        let linked: Vec<_> = linked.iter().map(|provider| json!({ "issuer": provider.issuer })).collect();
        json!({ "user": { "version": version }, "linkedProviders": linked })
    };
    match name {
        "signInWithProvider" => {
            let input = json!({ "idToken": id_token, "firstName": "Eve" });
            let payload = world.client.command(name, input, "session { accessToken }").await;
            is_signed_in(world, name, &payload, "Eve").await;
        }
        "linkProvider" => world.shows((&ada.client, name, link), look, [is(1, &[]), is(2, &[openid])]).await,
        _ => {
            world.done(ada, "linkProvider", link).await;
            world
                .shows((&ada.client, name, json!({ "issuer": openid.issuer })), look, [is(2, &[openid]), is(3, &[])])
                .await;
        }
    }
}

pub async fn ends(world: &World<'_>, name: &str) {
    let ada = &world.ada;
    let credentials = json!({ "email": ada.email, "password": PASSWORD });
    let phone = world.client.command("signIn", credentials, "session { accessToken }").await;
    let access_token = phone["session"]["accessToken"].as_str().map(str::to_owned);
    let phone = Client { access_token, ..world.client.clone() };
    let (sender, input) = match name {
        "signOut" => (&phone, json!({})),
        "signOutEverywhere" => (&ada.client, json!({})),
        "changePassword" => (&ada.client, json!({ "currentPassword": PASSWORD, "newPassword": NEXT_PASSWORD })),
        _ => {
            world.done(ada, "requestPasswordReset", json!({ "email": ada.email })).await;
            let mailed = mailed_token(world.process, &ada.email, RESET).await;
            (world.client, json!({ "token": mailed, "newPassword": NEXT_PASSWORD }))
        }
    };
    let look = Look { viewer: &phone, root: "viewer { user { id } }", id: "" };
    world.shows_soon((sender, name, input), look, [json!({ "user": { "id": ada.id } }), Value::Null]).await;
    let own = Look { viewer: &ada.client, root: "viewer { user { id } }", id: "" };
    let goes_on = matches!(name, "signOut" | "changePassword");
    let expected = if goes_on { json!({ "user": { "id": ada.id } }) } else { Value::Null };
    assert_eq!(own.with(None).await, expected, "{name}: the other sign-in");
}

pub async fn person(world: &World<'_>, name: &str) {
    let (ada, ben, id) = (&world.ada, &world.ben, world.ada.id.as_str());
    let following = Look { viewer: &ben.client, root: "viewer { user { following { nodes { id } } } }", id };
    let followed = |ids: Value| json!({ "user": { "following": { "nodes": ids } } });
    let (nobody, somebody) = (followed(json!([])), followed(json!([{ "id": ada.id }])));
    let password = json!({ "password": PASSWORD });
    match name {
        "updateProfile" => {
            let look = Look { viewer: &ben.client, root: "user(id: $id) { firstName }", id };
            let named = |first_name: &str| json!({ "firstName": first_name });
            let sent = (&ada.client, name, json!({ "firstName": "Augusta" }));
            world.shows(sent, look, [named("Ada"), named("Augusta")]).await;
        }
        "followUser" => {
            world.shows((&ben.client, name, json!({ "userId": id })), following, [nobody, somebody]).await;
        }
        "unfollowUser" => {
            world.done(ben, "followUser", json!({ "userId": id })).await;
            world.shows((&ben.client, name, json!({ "userId": id })), following, [somebody, nobody]).await;
        }
        "deactivateAccount" => {
            let look = Look { viewer: &ben.client, root: "user(id: $id) { firstName }", id };
            let both = [json!({ "firstName": "Ada" }), Value::Null];
            world.shows((&ada.client, name, password), look, both).await;
        }
        _ => {
            let root = "post(id: $id) { title author { firstName } }";
            let look = Look { viewer: &ben.client, root, id: &world.post };
            let is = |title: &str, first_name: &str| json!({ "title": title, "author": { "firstName": first_name } });
            // It spreads from the person to what they wrote, and no token waits for that.
            world.shows_soon((&ada.client, name, password), look, [is("One", "Ada"), is("", "Deleted")]).await;
        }
    }
}

pub async fn account(world: &World<'_>, name: &str) {
    let ada = &world.ada;
    let root = "viewer { user { emailVerified pendingEmail } }";
    let own = Look { viewer: &ada.client, root, id: "" };
    let is = |verified: bool, pending: Option<&str>| json!({ "user": { "emailVerified": verified, "pendingEmail": pending } });
    let next = format!("next-{}", ada.email);
    match name {
        "changeEmail" => {
            let sent = (&ada.client, name, json!({ "newEmail": next, "password": PASSWORD }));
            world.shows(sent, own, [is(false, None), is(false, Some(&next))]).await;
        }
        "verifyEmail" => {
            let mailed = mailed_token(world.process, &ada.email, VERIFY).await;
            let sent = (world.client, name, json!({ "token": mailed }));
            world.shows(sent, own, [is(false, None), is(true, None)]).await;
        }
        // These change nothing: what they are for goes by mail, or by a link.
        "requestPasswordReset" => {
            let sent = (world.client, name, json!({ "email": ada.email }));
            world.shows(sent, own, [is(false, None), is(false, None)]).await;
            mailed_token(world.process, &ada.email, RESET).await;
        }
        _ => {
            let sent = (&ada.client, name, json!({ "password": PASSWORD }));
            world.shows(sent, own, [is(false, None), is(false, None)]).await;
        }
    }
}

pub async fn role(world: &World<'_>, name: &str) {
    let (ben, input) = (&world.ben, json!({ "userId": world.ben.id, "role": "STAFF" }));
    let look = Look { viewer: &ben.client, root: "viewer { roles }", id: "" };
    let (none, staff) = (json!({ "roles": [] }), json!({ "roles": ["STAFF"] }));
    let sent = (&world.admin.client, name, input.clone());
    if name == "grantRole" {
        return world.shows_soon(sent, look, [none, staff]).await;
    }
    world.done(world.admin, "grantRole", input).await;
    // Who somebody is, is asked before the query, as of a moment ago: a token of the query does not hurry it.
    eventually("she is staff", || async { (look.with(None).await == staff).then_some(()) }).await;
    world.shows_soon(sent, look, [staff, none]).await;
}
