//! Personal data in events: readable only while the person's key lives.

use crate::UserId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value that says something about a person, or that a person wrote.
///
/// In the log it lies sealed with the person's key ([`crate::seal`]). Erasing destroys the key, and every later reader meets `Erased`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Personal<T> {
    /// Readable: before sealing, and after opening with a live key.
    Known {
        /// Whose key seals it.
        of: UserId,
        /// The value.
        value: T,
    },
    /// As it lies in the log.
    Sealed {
        /// Whose key seals it.
        of: UserId,
        /// Nonce and ciphertext in base64url.
        sealed: String,
    },
    /// The person's key was destroyed.
    Erased {
        /// Whose key it was.
        of: UserId,
    },
}

impl<T> Personal<T> {
    /// A readable value of this person.
    pub fn known(of: UserId, value: T) -> Self {
        Self::Known { of, value }
    }

    /// Whose key seals it.
    pub fn of(&self) -> UserId {
        match self {
            Self::Known { of, .. } | Self::Sealed { of, .. } | Self::Erased { of } => *of,
        }
    }

    /// The value, unless it is erased or still sealed.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Sealed { .. } | Self::Erased { .. } => None,
        }
    }
}

/// The name under which the wire form of [`Personal`] is found in a payload.
pub(crate) const PERSONAL: &str = "$personal";

#[derive(Serialize, Deserialize)]
pub(crate) struct Wire<T> {
    #[serde(rename = "$personal")]
    pub content: Content<T>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Content<T> {
    pub of: UserId,
    #[serde(flatten)]
    pub state: State<T>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State<T> {
    Plain(T),
    Sealed(String),
    Erased(bool),
}

impl<T: Serialize> Serialize for Personal<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (of, state) = match self {
            Self::Known { of, value } => (*of, State::Plain(value)),
            Self::Sealed { of, sealed } => (*of, State::Sealed(sealed.clone())),
            Self::Erased { of } => (*of, State::Erased(true)),
        };
        Wire { content: Content { of, state } }.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Personal<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Content { of, state } = Wire::<T>::deserialize(deserializer)?.content;
        Ok(match state {
            State::Plain(value) => Self::Known { of, value },
            State::Sealed(sealed) => Self::Sealed { of, sealed },
            State::Erased(_) => Self::Erased { of },
        })
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Personal<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Personal_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "x-personal": true, "x-plain": generator.subschema_for::<T>() })
    }
}
