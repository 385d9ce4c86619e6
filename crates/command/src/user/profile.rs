//! Accounts: how people show themselves.

use crate::CommandError;
use crate::command::{Command, Handled};
use crate::fault::Fault;
use crate::fields::{Change, Fields, check_version};
use crate::rows::{self, user};
use crate::unit_of_work::{Handling, UnitOfWork};
use async_graphql::{InputObject, MaybeUndefined};
use millrace_events::user::ProfileUpdated;
use millrace_events::values::{Bio, ImageUrl, PersonName};
use millrace_events::{Event, Personal, UserId};
use sea_orm::Set;
use serde::{Deserialize, Serialize};

/// Changes how you show yourself. What is left out stays as it is.
#[derive(Debug, Clone, InputObject, Serialize, Deserialize)]
#[graphql(name = "UpdateProfileInput")]
#[serde(rename_all = "camelCase")]
pub struct UpdateProfile {
    /// First name, up to 80 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name, up to 80 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Address of a picture (http or https); null takes it away.
    #[serde(default, skip_serializing_if = "MaybeUndefined::is_undefined")]
    pub avatar_url: MaybeUndefined<String>,
    /// Words about yourself, up to 1,000 characters; null takes them away.
    #[serde(default, skip_serializing_if = "MaybeUndefined::is_undefined")]
    pub bio: MaybeUndefined<String>,
    /// The version that your account must still be at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u32>,
    /// Makes repetitions harmless: within 24 hours the same key and input take effect once. At most 64 bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
}

/// What updating the profile did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileChanged {
    /// Whose profile.
    pub user: UserId,
}

/// The wanted changes of a profile, parsed.
#[derive(Debug, Clone)]
pub struct ProfileChange {
    first_name: Option<PersonName>,
    last_name: Option<PersonName>,
    avatar_url: Change<ImageUrl>,
    bio: Change<Bio>,
    expected_version: Option<u32>,
}

/// How a person shows themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Profile {
    first_name: String,
    last_name: String,
    avatar_url: Option<String>,
    bio: Option<String>,
}

impl Command for UpdateProfile {
    const NAME: &'static str = "updateProfile";
    type Valid = ProfileChange;
    type Outcome = ProfileChanged;

    fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    fn validate(&self) -> Result<ProfileChange, Vec<CommandError>> {
        let mut fields = Fields::default();
        let first_name = fields.take_optional("firstName", self.first_name.as_deref(), PersonName::parse);
        let last_name = fields.take_optional("lastName", self.last_name.as_deref(), PersonName::parse);
        let avatar_url = fields.take_change("avatarUrl", &self.avatar_url, ImageUrl::parse);
        let bio = fields.take_change("bio", &self.bio, Bio::parse);
        let parts = first_name.zip(last_name).zip(avatar_url.zip(bio));
        fields.finish(parts.map(|((first_name, last_name), (avatar_url, bio))| ProfileChange {
            first_name,
            last_name,
            avatar_url,
            bio,
            expected_version: self.expected_version,
        }))
    }

    async fn handle(valid: &ProfileChange, unit: &mut UnitOfWork) -> Handling<Handled<ProfileChanged>> {
        let user_id = unit.user_id()?;
        let user = user::locked_for_change(unit.db(), user_id.0).await?.ok_or(Fault::NotSignedIn)?;
        let version = rows::version(user.version);
        let handled = Handled::new(ProfileChanged { user: user_id });
        let Some(profile) = decide_profile(&Profile::of(&user), version, valid)? else {
            return Ok(handled.at(user_id, version));
        };
        let version = user::advance(unit.db(), &user, profile.columns(), unit.at().moment()).await?;
        unit.record(user_id.0, version, Event::ProfileUpdated(profile.updated(user_id)));
        Ok(handled.at(user_id, version))
    }
}

/// The profile as it shall be; `None` if there is nothing to change.
fn decide_profile(now: &Profile, version: u32, change: &ProfileChange) -> Result<Option<Profile>, CommandError> {
    check_version(change.expected_version, version)?;
    let mut next = now.clone();
    if let Some(name) = &change.first_name {
        next.first_name = name.as_str().to_owned();
    }
    if let Some(name) = &change.last_name {
        next.last_name = name.as_str().to_owned();
    }
    change.avatar_url.apply(&mut next.avatar_url, ImageUrl::as_str);
    change.bio.apply(&mut next.bio, Bio::as_str);
    Ok((next != *now).then_some(next))
}

impl Profile {
    fn of(user: &user::Model) -> Self {
        Self {
            first_name: user.first_name.clone(),
            last_name: user.last_name.clone(),
            avatar_url: user.avatar_url.clone(),
            bio: user.bio.clone(),
        }
    }

    fn columns(&self) -> user::ActiveModel {
        user::ActiveModel {
            first_name: Set(self.first_name.clone()),
            last_name: Set(self.last_name.clone()),
            avatar_url: Set(self.avatar_url.clone()),
            bio: Set(self.bio.clone()),
            ..Default::default()
        }
    }

    fn updated(self, user_id: UserId) -> ProfileUpdated {
        ProfileUpdated {
            user_id,
            first_name: Personal::known(user_id, self.first_name),
            last_name: Personal::known(user_id, self.last_name),
            avatar_url: Personal::known(user_id, self.avatar_url),
            bio: Personal::known(user_id, self.bio),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Profile {
        Profile {
            first_name: "Ada".into(),
            last_name: "Lovelace".into(),
            avatar_url: Some("https://a.example/ada.png".into()),
            bio: None,
        }
    }

    fn nothing() -> ProfileChange {
        ProfileChange {
            first_name: None,
            last_name: None,
            avatar_url: Change::Keep,
            bio: Change::Keep,
            expected_version: None,
        }
    }

    #[test]
    fn what_is_left_out_stays() {
        let change = ProfileChange { bio: Change::Set(Bio::parse("Engines.").unwrap()), ..nothing() };
        let wanted = Profile { bio: Some("Engines.".into()), ..ada() };
        assert_eq!(decide_profile(&ada(), 1, &change), Ok(Some(wanted)));
    }

    #[test]
    fn null_takes_away() {
        let change = ProfileChange { avatar_url: Change::Clear, ..nothing() };
        assert_eq!(decide_profile(&ada(), 1, &change), Ok(Some(Profile { avatar_url: None, ..ada() })));
    }

    #[test]
    fn the_same_again_changes_nothing() {
        let change = ProfileChange { first_name: PersonName::parse("Ada").ok(), ..nothing() };
        assert_eq!(decide_profile(&ada(), 1, &change), Ok(None));
        assert_eq!(decide_profile(&ada(), 1, &nothing()), Ok(None));
    }

    #[test]
    fn another_version_than_the_expected_one_is_a_conflict() {
        let change = ProfileChange { expected_version: Some(3), ..nothing() };
        assert_eq!(decide_profile(&ada(), 4, &change), Err(CommandError::version_conflict(3, 4)));
    }

    #[test]
    fn undefined_and_null_survive_the_internal_api() {
        let text = r#"{"firstName":"Ada","avatarUrl":null}"#;
        let change: UpdateProfile = serde_json::from_str(text).unwrap();
        assert_eq!((&change.avatar_url, &change.bio), (&MaybeUndefined::Null, &MaybeUndefined::Undefined));
        let again: UpdateProfile = serde_json::from_str(&serde_json::to_string(&change).unwrap()).unwrap();
        assert_eq!((again.avatar_url, again.bio), (change.avatar_url, change.bio));
    }
}
