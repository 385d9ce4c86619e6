//! Why a bearer token is refused, and how often that is: a client is told only that its token does not count.

use super::problem::Problem;
use metrics::{counter, describe_counter};
use millrace_command::auth::AccessTokenError;
use millrace_command::auth::openid::Refusal as IdTokenRefusal;

const REFUSED: &str = "millrace_bearer_refused_total";

/// What is wrong with a bearer token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BearerRefusal {
    /// It has no form that a token can have, or came in another way than as `Bearer`.
    Malformed,
    /// It was made by nobody whose tokens are taken, or for somebody else, or was changed.
    Invalid,
    /// It was good once.
    Expired,
    /// It is not good yet.
    NotYet,
    /// It is a good one of an OpenID provider, and nobody is linked who may come in with it.
    Unlinked,
    /// It is good, and its sign-in has ended.
    Ended,
}

impl BearerRefusal {
    const ALL: [Self; 6] = [Self::Malformed, Self::Invalid, Self::Expired, Self::NotYet, Self::Unlinked, Self::Ended];

    /// What it is called in metrics.
    fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Invalid => "invalid",
            Self::Expired => "expired",
            Self::NotYet => "not_yet",
            Self::Unlinked => "unlinked",
            Self::Ended => "ended",
        }
    }
}

impl From<AccessTokenError> for BearerRefusal {
    fn from(error: AccessTokenError) -> Self {
        match error {
            AccessTokenError::Malformed => Self::Malformed,
            AccessTokenError::Invalid(_) => Self::Invalid,
            AccessTokenError::Expired => Self::Expired,
            AccessTokenError::NotYet => Self::NotYet,
        }
    }
}

impl From<IdTokenRefusal> for BearerRefusal {
    fn from(refusal: IdTokenRefusal) -> Self {
        match refusal {
            IdTokenRefusal::TooLong | IdTokenRefusal::Malformed => Self::Malformed,
            IdTokenRefusal::Expired => Self::Expired,
            IdTokenRefusal::NotYet => Self::NotYet,
            _ => Self::Invalid,
        }
    }
}

/// Tells what is counted, and shows each reason before it first counts. To be called after the recorder of metrics is
/// made.
pub fn describe() {
    describe_counter!(REFUSED, "Requests and sockets whose bearer token was refused, by what is wrong with it.");
    BearerRefusal::ALL.iter().for_each(|refusal| counter!(REFUSED, "reason" => refusal.reason()).increment(0));
}

/// Counts a token that is refused, if that is the problem. It is called where the refusal is told, not where it is
/// found: a token of a sign-in that has ended may still be taken.
pub fn count(problem: &Problem) {
    if let Problem::Unauthenticated(refusal) = problem {
        counter!(REFUSED, "reason" => refusal.reason()).increment(1);
    }
}
