//! The catalogue: every event that can happen, in one list. Names and schemas are a contract, kept as a snapshot in `catalogue.json`.
//!
//! Adding an event: its struct in its noun's file, one line here. The compiler then names each fold that must decide about it.

use crate::comment::{CommentDeleted, CommentHidden, CommentUnhidden, CommentWritten};
use crate::follow::FollowChanged;
use crate::like::LikeChanged;
use crate::order::{OrderCancelled, OrderPaid, OrderPlaced, OrderSent};
use crate::post::{PostDeleted, PostHidden, PostUnhidden, PostVisibilityChanged, PostWritten};
use crate::product::{ProductCreated, ProductRestocked, ProductRetired, ProductUpdated, StockMoved};
use crate::user::{
    AccountDeactivated, AccountReactivated, AllSessionsEnded, EmailChangeRequested, EmailChangeWithdrawn,
    EmailVerified, IdentityLinked, IdentityUnlinked, OtherSessionsEnded, PasswordChanged, ProfileUpdated, RoleChanged,
    SessionEnded, UserCreated, UserErased,
};
use crate::wallet::{TopUpDeclined, TopUpRequested, WalletMoved, WalletOpened};
use crate::{AggregateKind, ids};
use serde_json::Value;

/// Why an event could not be read. Such an event stops a projection: what it means cannot be guessed.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Neither this version nor an upcast from it is known: this program is older than the event.
    #[error("unknown event {name} v{version}")]
    Unknown {
        /// Name in the envelope.
        name: String,
        /// Schema version in the envelope.
        version: u32,
    },
    /// The payload does not fit the event's schema.
    #[error("payload of {name} v{version} does not fit its schema")]
    Payload {
        /// Name in the envelope.
        name: String,
        /// Schema version in the envelope.
        version: u32,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
}

macro_rules! catalogue {
    ($( $name:literal v $version:literal on $kind:ident => $variant:ident($payload:ty) ),+ $(,)?) => {
        /// An event: what happened.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Event {
            $( #[doc = concat!("`", $name, "`")] $variant($payload) ),+
        }

        /// The kinds of events, without their data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum EventKind {
            $( #[doc = concat!("`", $name, "`")] $variant ),+
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &[Self] = &[ $( Self::$variant ),+ ];

            /// The name in envelopes.
            pub fn name(self) -> &'static str {
                match self { $( Self::$variant => $name ),+ }
            }

            /// The schema version that is written today.
            pub fn schema_version(self) -> u32 {
                match self { $( Self::$variant => $version ),+ }
            }

            /// The kind of aggregate that it happens to.
            pub fn aggregate(self) -> AggregateKind {
                match self { $( Self::$variant => AggregateKind::$kind ),+ }
            }

            /// The JSON schema of its payload.
            pub fn schema(self) -> schemars::Schema {
                match self { $( Self::$variant => schemars::schema_for!($payload) ),+ }
            }
        }

        impl Event {
            /// Its kind.
            pub fn kind(&self) -> EventKind {
                match self { $( Self::$variant(_) => EventKind::$variant ),+ }
            }

            /// Its fields as JSON, with personal data readable.
            pub fn payload(&self) -> Result<Value, serde_json::Error> {
                match self { $( Self::$variant(payload) => serde_json::to_value(payload) ),+ }
            }

            fn decode_current(name: &str, version: u32, payload: Value) -> Result<Self, DecodeError> {
                let misfit = |source| DecodeError::Payload { name: name.to_owned(), version, source };
                match (name, version) {
                    $( ($name, $version) => serde_json::from_value(payload).map(Self::$variant).map_err(misfit), )+
                    _ => Err(DecodeError::Unknown { name: name.to_owned(), version }),
                }
            }
        }
    };
}

catalogue! {
    "user.created" v 1 on User => UserCreated(UserCreated),
    "user.profileUpdated" v 1 on User => ProfileUpdated(ProfileUpdated),
    "user.roleGranted" v 1 on User => RoleGranted(RoleChanged),
    "user.roleRevoked" v 1 on User => RoleRevoked(RoleChanged),
    "user.sessionEnded" v 1 on User => SessionEnded(SessionEnded),
    "user.allSessionsEnded" v 1 on User => AllSessionsEnded(AllSessionsEnded),
    "user.otherSessionsEnded" v 1 on User => OtherSessionsEnded(OtherSessionsEnded),
    "user.passwordChanged" v 1 on User => PasswordChanged(PasswordChanged),
    "user.emailChangeRequested" v 1 on User => EmailChangeRequested(EmailChangeRequested),
    "user.emailChangeWithdrawn" v 1 on User => EmailChangeWithdrawn(EmailChangeWithdrawn),
    "user.emailVerified" v 1 on User => EmailVerified(EmailVerified),
    "user.identityLinked" v 2 on User => IdentityLinked(IdentityLinked),
    "user.identityUnlinked" v 1 on User => IdentityUnlinked(IdentityUnlinked),
    "user.deactivated" v 1 on User => AccountDeactivated(AccountDeactivated),
    "user.reactivated" v 1 on User => AccountReactivated(AccountReactivated),
    "user.erased" v 1 on User => UserErased(UserErased),
    "follow.followed" v 1 on Follow => UserFollowed(FollowChanged),
    "follow.unfollowed" v 1 on Follow => UserUnfollowed(FollowChanged),
    "post.created" v 1 on Post => PostCreated(PostWritten),
    "post.edited" v 1 on Post => PostEdited(PostWritten),
    "post.published" v 1 on Post => PostPublished(PostVisibilityChanged),
    "post.unpublished" v 1 on Post => PostUnpublished(PostVisibilityChanged),
    "post.hidden" v 1 on Post => PostHidden(PostHidden),
    "post.unhidden" v 1 on Post => PostUnhidden(PostUnhidden),
    "post.deleted" v 1 on Post => PostDeleted(PostDeleted),
    "comment.added" v 1 on Comment => CommentAdded(CommentWritten),
    "comment.edited" v 1 on Comment => CommentEdited(CommentWritten),
    "comment.hidden" v 1 on Comment => CommentHidden(CommentHidden),
    "comment.unhidden" v 1 on Comment => CommentUnhidden(CommentUnhidden),
    "comment.deleted" v 2 on Comment => CommentDeleted(CommentDeleted),
    "like.added" v 1 on Like => PostLiked(LikeChanged),
    "like.removed" v 1 on Like => PostUnliked(LikeChanged),
    "product.created" v 1 on Product => ProductCreated(ProductCreated),
    "product.updated" v 1 on Product => ProductUpdated(ProductUpdated),
    "product.restocked" v 1 on Product => ProductRestocked(ProductRestocked),
    "product.retired" v 1 on Product => ProductRetired(ProductRetired),
    "product.reserved" v 1 on Product => StockReserved(StockMoved),
    "product.released" v 1 on Product => StockReleased(StockMoved),
    "order.placed" v 1 on Order => OrderPlaced(OrderPlaced),
    "order.paid" v 1 on Order => OrderPaid(OrderPaid),
    "order.shipped" v 1 on Order => OrderShipped(OrderSent),
    "order.delivered" v 1 on Order => OrderDelivered(OrderSent),
    "order.cancelled" v 1 on Order => OrderCancelled(OrderCancelled),
    "wallet.opened" v 1 on Wallet => WalletOpened(WalletOpened),
    "wallet.topUpRequested" v 1 on Wallet => TopUpRequested(TopUpRequested),
    "wallet.topUpDeclined" v 1 on Wallet => TopUpDeclined(TopUpDeclined),
    "wallet.moved" v 1 on Wallet => WalletMoved(WalletMoved),
}

/// How an old schema version becomes the next one.
struct Upcast {
    name: &'static str,
    from: u32,
    step: fn(Value) -> Value,
}

/// Each step leads from one version to the next; steps are applied until today's version is reached.
const UPCASTS: &[Upcast] = &[
    Upcast { name: "comment.deleted", from: 1, step: of_a_comment_in_sight },
    Upcast { name: "user.identityLinked", from: 1, step: of_a_link_that_takes_all },
];

/// When version 1 was written, comments could not be hidden.
fn of_a_comment_in_sight(mut payload: Value) -> Value {
    if let Value::Object(fields) = &mut payload {
        fields.insert("wasHidden".to_owned(), Value::Bool(false));
    }
    payload
}

/// When version 1 was written, a link took tokens of any age.
fn of_a_link_that_takes_all(mut payload: Value) -> Value {
    if let Value::Object(fields) = &mut payload {
        fields.insert("issuedUntil".to_owned(), Value::Null);
    }
    payload
}

impl Event {
    /// Reads an event out of an envelope's fields, whichever schema version it was written in.
    pub fn decode(name: &str, version: u32, payload: Value) -> Result<Self, DecodeError> {
        let (version, payload) = upcast(UPCASTS, name, version, payload);
        Self::decode_current(name, version, payload)
    }
}

fn upcast(steps: &[Upcast], name: &str, version: u32, payload: Value) -> (u32, Value) {
    let mut current = (version, payload);
    while let Some(step) = steps.iter().find(|step| step.name == name && step.from == current.0) {
        current = (step.from + 1, (step.step)(current.1));
    }
    current
}

macro_rules! id_schemas {
    ($($id:ident),+) => { $(
        impl schemars::JsonSchema for ids::$id {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($id).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": "uuid" })
            }
        }
    )+ };
}

id_schemas!(UserId, PostId, CommentId, SessionId, ProductId, OrderId, WalletId, TransactionId, TopUpId, ErasureId);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};
    use std::path::Path;

    fn snapshot() -> String {
        let entries: Map<String, Value> = EventKind::ALL
            .iter()
            .map(|kind| {
                (format!("{} v{}", kind.name(), kind.schema_version()), serde_json::to_value(kind.schema()).unwrap())
            })
            .collect();
        serde_json::to_string_pretty(&sorted(entries.into())).unwrap() + "\n"
    }

    /// Keys in one order, whether or not some other crate has switched serde_json to keep theirs.
    fn sorted(value: Value) -> Value {
        match value {
            Value::Object(object) => {
                let sorted: std::collections::BTreeMap<_, _> =
                    object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
                Value::Object(sorted.into_iter().collect())
            }
            Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
            plain => plain,
        }
    }

    /// `UPDATE=1 cargo test -p millrace-events` writes it anew; a changed schema needs a new version and an upcast.
    #[test]
    fn the_catalogue_is_the_one_in_the_snapshot() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalogue.json");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, snapshot()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(file).unwrap(), snapshot(), "the events' schemas changed");
    }

    #[test]
    fn names_are_unique_and_begin_with_their_aggregate() {
        let mut names = std::collections::BTreeSet::new();
        for kind in EventKind::ALL {
            assert!(names.insert(kind.name()), "{} stands twice", kind.name());
            assert!(kind.name().starts_with(&format!("{}.", kind.aggregate().as_str())), "{}", kind.name());
        }
    }

    #[test]
    fn old_versions_are_upcast_step_by_step() {
        let steps = [
            Upcast { name: "a.b", from: 1, step: |v| json!([v, 2]) },
            Upcast { name: "a.b", from: 2, step: |v| json!([v, 3]) },
            Upcast { name: "a.c", from: 1, step: |_| json!("other") },
        ];
        assert_eq!(upcast(&steps, "a.b", 1, json!(1)), (3, json!([[1, 2], 3])));
        assert_eq!(upcast(&steps, "a.b", 3, json!(1)), (3, json!(1)));
    }

    #[test]
    fn a_deletion_from_before_comments_could_be_hidden_still_reads() {
        let (comment_id, post_id, author_id) =
            (ids::CommentId::generate(), ids::PostId::generate(), ids::UserId::generate());
        let payload = json!({ "commentId": comment_id, "postId": post_id, "authorId": author_id });
        let read = Event::decode("comment.deleted", 1, payload.clone()).unwrap();
        assert_eq!(read, Event::CommentDeleted(CommentDeleted { comment_id, post_id, author_id, was_hidden: false }));
        assert!(Event::decode("comment.deleted", 2, payload).is_err(), "today's version always says it");
    }

    #[test]
    fn a_link_of_before_tokens_could_be_too_old_is_still_read() {
        let (user_id, session_id) = (ids::UserId::generate(), ids::SessionId::generate());
        let erased = json!(crate::Personal::<String>::Erased { of: user_id });
        let payload = json!({ "userId": user_id, "sessionId": session_id, "issuer": erased, "subject": erased });
        let read = Event::decode("user.identityLinked", 1, payload).unwrap();
        assert!(matches!(read, Event::IdentityLinked(e) if e.session_id == session_id && e.issued_until.is_none()));
    }

    #[test]
    fn an_unknown_event_and_a_misfit_are_told_apart() {
        assert!(matches!(Event::decode("post.created", 99, json!({})), Err(DecodeError::Unknown { version: 99, .. })));
        assert!(matches!(Event::decode("post.created", 1, json!({})), Err(DecodeError::Payload { .. })));
    }
}
