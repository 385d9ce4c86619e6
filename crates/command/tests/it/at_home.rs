//! Where an account's owner signs in from, strangers' guesses do not count; nobody inherits that with an address.

use crate::erasure::erase;
use crate::mailbox::Mailbox;
use crate::traces::moves_to;
use crate::world::{PASSWORD, Person, World, accepted, sign_up};
use millrace_command::{FailureCode, Request, SecretText, SignIn};
use millrace_events::Viewer;
use std::net::{IpAddr, Ipv4Addr};

fn from(last: u8) -> Request {
    let client_address = Some(IpAddr::from(Ipv4Addr::new(127, 0, 0, last)));
    Request { client_address, ..Request::new(Viewer::Anonymous) }
}

fn sign_in(email: &str, password: &str) -> SignIn {
    SignIn { email: email.into(), password: SecretText(password.into()), reactivate: false }
}

/// Failed sign-ins from everywhere, until the account may be tried only from where its owner has been.
async fn is_tried_from_everywhere(world: &World, email: &str) {
    for stranger in 100..120 {
        for _ in 0..5 {
            let _refused = world.commands.execute(from(stranger), sign_in(email, "not the password")).await;
        }
    }
}

#[tokio::test]
async fn where_an_erased_person_was_at_home_nobody_else_is() {
    let world = World::new().await;
    let email = "ada@example.org";
    accepted(&world.anonymously(sign_up("Ada", email)).await.unwrap());
    let answer = world.commands.execute(from(9), sign_in(email, PASSWORD)).await.unwrap();
    let session = answer.session().unwrap().clone();
    let ada = Person { id: accepted(&answer).user, email: email.into(), viewer: world.viewer(&session), session };
    accepted(&world.by(&ada, erase(PASSWORD)).await);
    accepted(&world.anonymously(sign_up("Eve", email)).await.unwrap());
    is_tried_from_everywhere(&world, email).await;
    let stopped = world.commands.execute(from(9), sign_in(email, PASSWORD)).await.map(|_| ()).unwrap_err();
    assert_eq!(stopped.code(), FailureCode::RateLimited);
}

#[tokio::test]
async fn where_an_account_was_at_home_under_another_address_nobody_else_is() {
    let (world, mailbox) = (World::new().await, Mailbox::default());
    let ada = world.sign_up("Ada").await;
    mailbox.fill(&world).await;
    accepted(&world.commands.execute(from(9), sign_in(&ada.email, PASSWORD)).await.unwrap());
    moves_to(&world, &mailbox, &ada, "ada@new.example").await;
    accepted(&world.anonymously(sign_up("Eve", &ada.email)).await.unwrap());
    is_tried_from_everywhere(&world, &ada.email).await;
    let stopped = world.commands.execute(from(9), sign_in(&ada.email, PASSWORD)).await.map(|_| ()).unwrap_err();
    assert_eq!(stopped.code(), FailureCode::RateLimited);
}
