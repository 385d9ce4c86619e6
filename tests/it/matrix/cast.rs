//! Those who ask: nobody, another person who owns nothing, the owner, staff, an admin.

use crate::harness::client::{Client, Person};
use crate::harness::stage::Stage;

/// Who asks. The order is that of the rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Nobody,
    Other,
    Owner,
    Staff,
    Admin,
}

impl Who {
    pub const ALL: [Self; 5] = [Self::Nobody, Self::Other, Self::Owner, Self::Staff, Self::Admin];
    /// Those who may see nothing of the owner's.
    pub const STRANGERS: [Self; 2] = [Self::Nobody, Self::Other];

    /// The role that this one has been granted.
    pub fn role(self) -> Option<&'static str> {
        match self {
            Self::Nobody | Self::Other | Self::Owner => None,
            Self::Staff => Some("staff"),
            Self::Admin => Some("admin"),
        }
    }
}

/// All of them, signed in but for nobody.
pub struct Cast {
    pub nobody: Client,
    other: Person,
    pub owner: Person,
    pub staff: Person,
    admin: Person,
}

impl Cast {
    pub async fn gather(stage: &Stage, client: &Client) -> Self {
        Self {
            nobody: client.clone(),
            other: newcomer(stage, client, Who::Other).await,
            owner: newcomer(stage, client, Who::Owner).await,
            staff: newcomer(stage, client, Who::Staff).await,
            admin: newcomer(stage, client, Who::Admin).await,
        }
    }

    /// None for nobody.
    pub fn person(&self, who: Who) -> Option<&Person> {
        match who {
            Who::Nobody => None,
            Who::Other => Some(&self.other),
            Who::Owner => Some(&self.owner),
            Who::Staff => Some(&self.staff),
            Who::Admin => Some(&self.admin),
        }
    }

    pub fn client(&self, who: Who) -> &Client {
        self.person(who).map_or(&self.nobody, |person| &person.client)
    }
}

/// Somebody who has just signed up, and has the role.
pub async fn newcomer(stage: &Stage, client: &Client, who: Who) -> Person {
    let person = client.sign_up(&format!("{who:?}")).await;
    if let Some(role) = who.role() {
        stage.grant(&person, role).await;
    }
    person
}
