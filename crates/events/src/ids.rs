//! Typed ids. In GraphQL each is an opaque, global `ID`: its type and a UUID v7 in base64url.

use async_graphql::{InputValueError, InputValueResult, Scalar, ScalarType, Value};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is no id of the wanted type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The text was not made by this API.
    #[error("not an id of this API")]
    Malformed,
    /// A well-formed id of another type.
    #[error("an id of a {found}, where one of a {expected} is wanted")]
    OtherType {
        /// The wanted type.
        expected: &'static str,
        /// The type that the id names.
        found: &'static str,
    },
}

const GLOBAL_ID_BYTES: usize = 17;

macro_rules! ids {
    ($( $(#[$doc:meta])* $name:ident = $tag:literal $type_name:literal ),+ $(,)?) => {
        /// An id of any type, as `node(id)` takes it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum GlobalId {
            $(
                #[doc = concat!("The id of a ", $type_name, ".")]
                $name($name)
            ),+
        }

        impl GlobalId {
            /// Reads the opaque form that GraphQL clients hold.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| IdError::Malformed)?;
                let bytes: [u8; GLOBAL_ID_BYTES] = bytes.try_into().map_err(|_| IdError::Malformed)?;
                let mut uuid = [0; 16];
                uuid.copy_from_slice(&bytes[1..]);
                match bytes[0] {
                    $( $tag => Ok(Self::$name($name(Uuid::from_bytes(uuid)))), )+
                    _ => Err(IdError::Malformed),
                }
            }

            /// The GraphQL type that the id names.
            pub fn type_name(&self) -> &'static str {
                match self { $( Self::$name(_) => $type_name ),+ }
            }
        }

        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
            #[serde(transparent)]
            pub struct $name(pub Uuid);

            impl $name {
                /// The opaque form that GraphQL clients hold.
                pub fn to_global(self) -> String {
                    let mut bytes = [$tag; GLOBAL_ID_BYTES];
                    bytes[1..].copy_from_slice(self.0.as_bytes());
                    URL_SAFE_NO_PAD.encode(bytes)
                }

                /// Reads the opaque form; an id of another type is an error that says so.
                pub fn from_global(text: &str) -> Result<Self, IdError> {
                    match GlobalId::parse(text)? {
                        GlobalId::$name(id) => Ok(id),
                        other => Err(IdError::OtherType { expected: $type_name, found: other.type_name() }),
                    }
                }

                /// A new id that sorts after those made before it.
                pub fn generate() -> Self {
                    Self(Uuid::now_v7())
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    self.0.fmt(f)
                }
            }

            #[Scalar(name = "ID")]
            impl ScalarType for $name {
                fn parse(value: Value) -> InputValueResult<Self> {
                    match value {
                        Value::String(text) => Self::from_global(&text).map_err(InputValueError::custom),
                        other => Err(InputValueError::expected_type(other)),
                    }
                }
                fn to_value(&self) -> Value {
                    Value::String(self.to_global())
                }
            }
        )+
    };
}

ids! {
    /// A person with an account.
    UserId = 1 "User",
    /// A post.
    PostId = 2 "Post",
    /// A comment.
    CommentId = 3 "Comment",
    /// A product.
    ProductId = 4 "Product",
    /// An order.
    OrderId = 5 "Order",
    /// One person's money in one currency.
    WalletId = 6 "Wallet",
    /// One movement of money, with all its entries.
    TransactionId = 7 "Transaction",
    /// Money that a payment provider was asked for.
    TopUpId = 8 "TopUp",
    /// One erasure of a person: the receipt of what was removed where.
    ErasureId = 9 "Erasure",
    /// One command, whether or not it was accepted.
    CommandId = 64 "Command",
    /// One sign-in on one device, until it is signed out.
    SessionId = 65 "Session",
}

/// Identity of an event (UUID v7). It never tells the order: the position does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(pub Uuid);

impl EventId {
    /// A new identity.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl std::fmt::Display for EventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_global_id_reads_back_as_the_same_id() {
        let id = PostId::generate();
        assert_eq!(PostId::from_global(&id.to_global()), Ok(id));
    }

    #[test]
    fn an_id_of_another_type_is_refused_by_name() {
        let id = UserId::generate().to_global();
        assert_eq!(PostId::from_global(&id), Err(IdError::OtherType { expected: "Post", found: "User" }));
    }

    #[test]
    fn what_was_not_made_here_is_malformed() {
        for text in ["", "7", "!!!!", "AAAA", &"A".repeat(400)] {
            assert_eq!(PostId::from_global(text), Err(IdError::Malformed), "{text}");
        }
    }
}
