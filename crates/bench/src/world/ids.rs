//! Ids of the data set, computed from numbers, so that a script of `pgbench` can compute them, too.

use millrace_events::{CommentId, PostId, ProductId, SessionId, UserId};
use uuid::Uuid;

/// A UUID v7 of one kind of thing, without its number. `statements/*.sql` spell it out.
const BASE: u128 = 0x0198_0000_0000_7000_8000_0000_0000_0000;
const KIND_BITS: u32 = 64;

fn id(kind: u128, number: u32) -> Uuid {
    Uuid::from_u128(BASE | (kind << KIND_BITS) | u128::from(number))
}

/// The person with this number.
pub fn user(number: u32) -> UserId {
    UserId(id(1, number))
}

/// The post with this number.
pub fn post(number: u32) -> PostId {
    PostId(id(2, number))
}

/// The comment with this number.
pub fn comment(number: u32) -> CommentId {
    CommentId(id(3, number))
}

/// The sign-in of the person with this number.
pub fn session(number: u32) -> SessionId {
    SessionId(id(4, number))
}

/// The product with this number, in the copy for `pgbench`.
pub fn product(number: u32) -> ProductId {
    ProductId(id(5, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_ones_that_the_scripts_compute() {
        assert_eq!(user(10).0.to_string(), "01980000-0000-7001-8000-00000000000a");
        assert_eq!(post(9_999).0.to_string(), "01980000-0000-7002-8000-00000000270f");
        assert_eq!(session(0).0.to_string(), "01980000-0000-7004-8000-000000000000");
        let buying = include_str!("../../statements/place_and_pay.sql");
        for kind in ["01980000-0000-7001-8000-", "01980000-0000-7004-8000-", "01980000-0000-7005-8000-"] {
            assert!(
                buying.contains(kind) && product(1).0.to_string().starts_with("01980000-0000-7005-8000-"),
                "{kind}"
            );
        }
        let scripts =
            [include_str!("../../statements/add_comment.sql"), include_str!("../../statements/like_post.sql")];
        for script in scripts {
            for kind in ["01980000-0000-7001-8000-", "01980000-0000-7002-8000-", "01980000-0000-7004-8000-"] {
                assert!(script.contains(kind), "{kind}");
            }
        }
    }
}
