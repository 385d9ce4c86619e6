//! Following people.

use crate::CommandError;
use crate::command::{Command, Handled};
use crate::rows::{self, follow, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::InputObject;
use millrace_events::aggregate::pair_id;
use millrace_events::follow::FollowChanged;
use millrace_events::{Event, UserId};
use serde::{Deserialize, Serialize};

/// Begins following a person. Following twice is no error.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "FollowUserInput")]
#[serde(rename_all = "camelCase")]
pub struct FollowUser {
    /// Whom to follow.
    pub user_id: UserId,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Ends following a person. Ending it twice is no error.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UnfollowUserInput")]
#[serde(rename_all = "camelCase")]
pub struct UnfollowUser {
    /// Whom to follow no longer.
    pub user_id: UserId,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// Whom it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowDone {
    /// The person who is followed, or no longer.
    pub user: UserId,
}

impl Command for FollowUser {
    const NAME: &'static str = "followUser";
    type Valid = UserId;
    type Outcome = FollowDone;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<UserId, Vec<CommandError>> {
        Ok(self.user_id)
    }

    async fn handle(followed: &UserId, unit: &mut UnitOfWork) -> Handling<Handled<FollowDone>> {
        set(unit, *followed, true).await
    }
}

impl Command for UnfollowUser {
    const NAME: &'static str = "unfollowUser";
    type Valid = UserId;
    type Outcome = FollowDone;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<UserId, Vec<CommandError>> {
        Ok(self.user_id)
    }

    async fn handle(followed: &UserId, unit: &mut UnitOfWork) -> Handling<Handled<FollowDone>> {
        set(unit, *followed, false).await
    }
}

async fn set(unit: &mut UnitOfWork, followed: UserId, active: bool) -> Handling<Handled<FollowDone>> {
    let follower = unit.user_id()?;
    let pair = follow::locked(unit.db(), follower.0, followed.0).await?;
    // Whoever is erased or does not want to be seen cannot be followed, but left.
    let is_there = match active {
        true => user::is_active(unit.db(), followed.0).await?,
        false => pair.is_some() || user::exists(unit.db(), followed.0).await?,
    };
    if !is_there {
        return Err(CommandError::not_found("person", "userId").into());
    }
    let handled = Handled::new(FollowDone { user: followed });
    let Some(event) = decide(pair.as_ref().map(|pair| pair.active), follower, followed, active)? else {
        return Ok(match pair {
            Some(pair) => handled.at_version(rows::version(pair.version)),
            None => handled,
        });
    };
    let version = write(unit, pair, follower, followed, active).await?;
    unit.record(pair_id(follower.0, followed.0), version, event);
    Ok(handled.at_version(version))
}

/// What happens; `None` if it is so already.
fn decide(now: Option<bool>, follower: UserId, followed: UserId, active: bool) -> Result<Option<Event>, CommandError> {
    if follower == followed {
        return Err(CommandError::not_allowed("You cannot follow yourself.", "userId"));
    }
    let changed = FollowChanged { follower_id: follower, followed_id: followed };
    Ok(match (now.unwrap_or(false), active) {
        (false, true) => Some(Event::UserFollowed(changed)),
        (true, false) => Some(Event::UserUnfollowed(changed)),
        _ => None,
    })
}

async fn write(
    unit: &UnitOfWork,
    pair: Option<follow::Model>,
    follower: UserId,
    followed: UserId,
    active: bool,
) -> Handling<u32> {
    let changed_at = unit.at().moment();
    if let Some(pair) = pair {
        follow::advance(unit.db(), &pair, active, changed_at).await?;
        return Ok(rows::version(pair.version) + 1);
    }
    let (follower_id, followed_id) = (follower.0, followed.0);
    rows::insert(unit.db(), follow::Model { follower_id, followed_id, version: 1, active, changed_at }).await?;
    Ok(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_change_is_an_event() {
        let (ada, bob) = (UserId::generate(), UserId::generate());
        let changed = FollowChanged { follower_id: ada, followed_id: bob };
        for (now, wanted, then) in [
            (None, true, Some(Event::UserFollowed(changed.clone()))),
            (Some(false), true, Some(Event::UserFollowed(changed.clone()))),
            (Some(true), true, None),
            (None, false, None),
            (Some(false), false, None),
            (Some(true), false, Some(Event::UserUnfollowed(changed))),
        ] {
            assert_eq!(decide(now, ada, bob, wanted), Ok(then), "{now:?} {wanted}");
        }
    }

    #[test]
    fn nobody_follows_themselves() {
        let ada = UserId::generate();
        let refused = CommandError::not_allowed("You cannot follow yourself.", "userId");
        assert_eq!(decide(None, ada, ada, true), Err(refused));
    }
}
