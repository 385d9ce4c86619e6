//! Who follows whom.

use super::entry::mutations;
use millrace_command::follow::{FollowUser, UnfollowUser};
use millrace_read::graphql::User;

mutations! {
    FollowMutations:

    /// Follows a person: their posts come into the feed. Following twice changes nothing.
    follow_user(FollowUser) -> FollowUserPayload {
        show {
            /// The person who is followed now.
            user: User,
        }
    }

    /// Ends following a person. Changes nothing if they are not followed.
    unfollow_user(UnfollowUser) -> UnfollowUserPayload {
        show {
            /// The person who is not followed any more.
            user: User,
        }
    }
}
