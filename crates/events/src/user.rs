//! What happens to a person's account.

use crate::{ErasureId, Personal, Role, SessionId, Timestamp, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A person signed up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserCreated {
    /// The new person.
    pub user_id: UserId,
    /// First name.
    pub first_name: Personal<String>,
    /// Last name.
    pub last_name: Personal<String>,
    /// E-mail address, as written at sign-up.
    pub email: Personal<String>,
}

/// A person changed how they show themselves. Carries the whole profile as it is now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProfileUpdated {
    /// Whose profile.
    pub user_id: UserId,
    /// First name.
    pub first_name: Personal<String>,
    /// Last name.
    pub last_name: Personal<String>,
    /// Picture, if there is one.
    pub avatar_url: Personal<Option<String>>,
    /// Words about themselves, if there are any.
    pub bio: Personal<Option<String>>,
}

/// A role was granted or revoked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleChanged {
    /// Whose role.
    pub user_id: UserId,
    /// Which role.
    pub role: Role,
}

/// One sign-in ended: signed out, or its refresh token was used twice. Its access tokens are void from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionEnded {
    /// Whose sign-in.
    pub user_id: UserId,
    /// Which one.
    pub session_id: SessionId,
}

/// All sign-ins of a person ended. Access tokens issued up to this moment are void.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllSessionsEnded {
    /// Whose sign-ins.
    pub user_id: UserId,
    /// Tokens issued up to this moment are void.
    pub issued_until: Timestamp,
}

/// All sign-ins of a person ended but one. Access tokens of the others issued up to this moment are void.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OtherSessionsEnded {
    /// Whose sign-ins.
    pub user_id: UserId,
    /// The one that goes on.
    pub kept_session_id: SessionId,
    /// Tokens of all others issued up to this moment are void.
    pub issued_until: Timestamp,
}

/// A person has a new password. Nothing of it is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PasswordChanged {
    /// Whose.
    pub user_id: UserId,
}

/// A person wants another e-mail address. It counts once it is verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailChangeRequested {
    /// Who.
    pub user_id: UserId,
    /// The wanted address.
    pub new_email: Personal<String>,
}

/// A person wants no other e-mail address any more: the one that was asked for is not to be verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailChangeWithdrawn {
    /// Who.
    pub user_id: UserId,
}

/// A person has shown that mail to an address reaches them. From now on it is the account's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EmailVerified {
    /// Who.
    pub user_id: UserId,
    /// The address.
    pub email: Personal<String>,
}

/// A person may sign in by an account that they have with an OpenID provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityLinked {
    /// Who.
    pub user_id: UserId,
    /// What all requests with the provider's own tokens are known by, as a sign-in's are by its id, until it is unlinked.
    pub session_id: SessionId,
    /// The provider. Where somebody has accounts says something about them.
    pub issuer: Personal<String>,
    /// Who they are there.
    pub subject: Personal<String>,
    /// Tokens issued up to this moment are void: all sign-ins were ended then, or the provider was unlinked. Linking makes none good again.
    pub issued_until: Option<Timestamp>,
}

/// A person may sign in by an account with an OpenID provider no longer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdentityUnlinked {
    /// Who.
    pub user_id: UserId,
    /// The one that the link was given.
    pub session_id: SessionId,
}

/// A person deactivated their account: nobody but themselves and staff sees its page until they have it back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountDeactivated {
    /// Whose.
    pub user_id: UserId,
}

/// A person has their account back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountReactivated {
    /// Whose.
    pub user_id: UserId,
}

/// A person was erased: their key is destroyed, so that whatever it sealed in the log reads as erased from now on. Folding this event
/// takes it out of documents. Access tokens issued up to this moment are void.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserErased {
    /// Who it was: an id that leads to nobody any more.
    pub user_id: UserId,
    /// The receipt of what was removed where.
    pub erasure_id: ErasureId,
    /// Tokens issued up to this moment are void.
    pub issued_until: Timestamp,
}
