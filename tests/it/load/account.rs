//! What people do with their own accounts, and staff with their roles.

use super::Worker;
use crate::harness::client::PASSWORD;
use serde_json::{Value, json};

impl Worker {
    /// Any of the profile's fields, one or several at once; a picture or words may also be taken away.
    pub(super) async fn update_profile(&mut self) {
        let (which, number) = (1 + self.below(15), self.below(1_000));
        let kept_or = |text: String, is_kept: bool| if is_kept { json!(text) } else { Value::Null };
        let fields = [
            ("firstName", json!(format!("Name{number}"))),
            ("lastName", json!(format!("Surname{number}"))),
            ("avatarUrl", kept_or(format!("https://pictures.example/{number}.png"), number % 4 > 0)),
            ("bio", kept_or(format!("I have {number} mills."), number % 5 > 0)),
        ];
        let chosen = fields.into_iter().enumerate().filter(|(place, _)| which & (1 << place) != 0);
        let input: serde_json::Map<_, _> = chosen.map(|(_, (field, value))| (field.to_owned(), value)).collect();
        self.sender.insist("updateProfile", Value::Object(input)).await;
    }

    /// The next command finds the sign-in ended, and signs in again.
    pub(super) async fn sign_out(&mut self) {
        let name = if self.below(2) == 0 { "signOut" } else { "signOutEverywhere" };
        self.sender.insist(name, json!({})).await;
    }

    /// The next command brings the account back by signing in.
    pub(super) async fn deactivate(&mut self) {
        self.sender.insist("deactivateAccount", json!({ "password": PASSWORD })).await;
    }

    /// Another password, which is the same, or another address, which nobody verifies.
    pub(super) async fn change_credentials(&mut self) {
        if self.below(2) == 0 {
            let input = json!({ "currentPassword": PASSWORD, "newPassword": PASSWORD });
            self.sender.insist("changePassword", input).await;
            return;
        }
        let email = format!("{}@millrace.example", uuid::Uuid::now_v7().simple());
        let input = json!({ "newEmail": email, "password": PASSWORD });
        self.sender.try_to("changeEmail", input, &["LimitReached"]).await;
    }

    /// An admin makes staff of this person, or no staff any more.
    pub(super) async fn be_staff_or_not(&mut self) {
        let name = if self.below(2) == 0 { "grantRole" } else { "revokeRole" };
        let input = json!({ "userId": self.id, "role": "STAFF" });
        self.trader.by_staff(name, input).await;
    }
}
