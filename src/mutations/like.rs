//! Likes of posts.

use super::entry::mutations;
use millrace_command::like::{LikePost, UnlikePost};
use millrace_read::graphql::Post;

mutations! {
    LikeMutations:

    /// Likes a post. Liking twice changes nothing.
    like_post(LikePost) -> LikePostPayload {
        show {
            /// The post, with the like.
            post: Post,
        }
    }

    /// Takes a like back. Changes nothing if there is none.
    unlike_post(UnlikePost) -> UnlikePostPayload {
        show {
            /// The post, without the like.
            post: Post,
        }
    }
}
