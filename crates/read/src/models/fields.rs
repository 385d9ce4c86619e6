//! Forms of fields that documents share: ids as GraphQL shows them, times that sort, personal data that may be erased.

use crate::projection::{DocumentKey, Unfoldable};
use millrace_events::{Personal, Timestamp, UserId};

/// Microseconds since 1970: the field `createdMicros`, by which lists are sorted (RFC 3339 text drops trailing zeros and does not sort).
pub fn micros(at: Timestamp) -> i64 {
    i64::try_from(at.moment().unix_timestamp_nanos().div_euclid(1_000)).unwrap_or(i64::MAX)
}

/// The path under which an application shows a person.
pub fn profile_url(id: UserId) -> String {
    format!("/users/{}", id.to_global())
}

/// The value, or `None` if its person's key was destroyed.
///
/// A value that is still sealed was never opened, and folding it would erase it for good: that is an error.
pub fn readable<'a, T>(personal: &'a Personal<T>, key: &DocumentKey) -> Result<Option<&'a T>, Unfoldable> {
    match personal {
        Personal::Known { value, .. } => Ok(Some(value)),
        Personal::Erased { .. } => Ok(None),
        Personal::Sealed { .. } => Err(Unfoldable { key: key.clone(), reason: "personal data is still sealed" }),
    }
}

/// A person's names as they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// First name.
    pub first: String,
    /// Last name.
    pub last: String,
}

impl Names {
    /// The names out of an event; erased ones are those of a deleted user.
    pub fn of(first: &Personal<String>, last: &Personal<String>, key: &DocumentKey) -> Result<Self, Unfoldable> {
        Ok(match (readable(first, key)?, readable(last, key)?) {
            (Some(first), Some(last)) => Self { first: first.clone(), last: last.clone() },
            (None, _) | (_, None) => Self::deleted(),
        })
    }

    /// What stands in place of the names of an erased person.
    pub fn deleted() -> Self {
        Self { first: "Deleted".into(), last: "user".into() }
    }

    /// Both names.
    pub fn full(&self) -> String {
        format!("{} {}", self.first, self.last)
    }
}

/// Serde form of an id: the opaque text that GraphQL clients hold, so that answers can be cut from the document as it lies.
pub mod global_id {
    use millrace_events::ids::IdError;
    use millrace_events::{CommentId, OrderId, PostId, ProductId, TopUpId, TransactionId, UserId, WalletId};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::borrow::Cow;

    /// An id that has an opaque form.
    pub trait GlobalForm: Copy + Sized {
        /// The opaque form.
        fn to_text(self) -> String;
        /// Reads it.
        fn from_text(text: &str) -> Result<Self, IdError>;
    }

    macro_rules! global_forms {
        ($($id:ident),+) => { $(
            impl GlobalForm for $id {
                fn to_text(self) -> String {
                    self.to_global()
                }

                fn from_text(text: &str) -> Result<Self, IdError> {
                    Self::from_global(text)
                }
            }
        )+ };
    }

    global_forms!(UserId, PostId, CommentId, ProductId, OrderId, WalletId, TransactionId, TopUpId);

    /// Writes the opaque form.
    pub fn serialize<T: GlobalForm, S: Serializer>(id: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&id.to_text())
    }

    /// Reads the opaque form.
    pub fn deserialize<'de, T: GlobalForm, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::from_text(&Cow::<str>::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Serde form of a position as GraphQL's `BigInt`: a string.
pub mod big_int {
    use millrace_events::Position;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::borrow::Cow;

    /// Writes the string.
    pub fn serialize<S: Serializer>(position: &Position, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(position)
    }

    /// Reads the string.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Position, D::Error> {
        Cow::<str>::deserialize(deserializer)?.parse().map(Position).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::OffsetDateTime;

    #[test]
    fn micros_order_times_whose_texts_do_not() {
        let at = |nanos| Timestamp::new(OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap());
        let (earlier, later) = (at(1_700_000_000_000_000_000), at(1_700_000_000_500_000_000));
        assert!(micros(earlier) < micros(later) && earlier.to_string() > later.to_string());
    }

    #[test]
    fn a_sealed_value_is_no_erased_value() {
        let (of, key) = (UserId::generate(), DocumentKey::new("user", "x"));
        assert_eq!(readable(&Personal::Erased::<String> { of }, &key), Ok(None));
        assert!(readable(&Personal::Sealed::<String> { of, sealed: "s".into() }, &key).is_err());
    }
}
