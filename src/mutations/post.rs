//! Posts.

use super::entry::mutations;
use millrace_command::post::{CreatePost, DeletePost, EditPost, HidePost, PublishPost, UnhidePost, UnpublishPost};
use millrace_events::PostId;
use millrace_read::graphql::Post;

mutations! {
    PostMutations:

    /// Writes a post: public at once, or a draft.
    create_post(CreatePost) -> CreatePostPayload {
        show {
            /// The new post.
            post: Post,
        }
    }

    /// Rewrites one's own post. What is not given stays as it is.
    edit_post(EditPost) -> EditPostPayload {
        show {
            /// The post, changed.
            post: Post,
        }
    }

    /// Makes one's own draft public.
    publish_post(PublishPost) -> PublishPostPayload {
        show {
            /// The post, public now.
            post: Post,
        }
    }

    /// Makes one's own public post a draft again.
    unpublish_post(UnpublishPost) -> UnpublishPostPayload {
        show {
            /// The post, a draft now.
            post: Post,
        }
    }

    /// Hides a post from everybody but its author and staff. Its author may still rewrite and delete it, but not publish it. For staff.
    hide_post(HidePost) -> HidePostPayload {
        show {
            /// The post, hidden now.
            post: Post,
        }
    }

    /// Hides a post no longer: it is again what it was before, public or a draft. For staff.
    unhide_post(UnhidePost) -> UnhidePostPayload {
        show {
            /// The post, as it was before.
            post: Post,
        }
    }

    /// Deletes one's own post, with its comments and likes.
    delete_post(DeletePost) -> DeletePostPayload {
        tell {
            /// The post that is gone.
            deleted_post_id: PostId,
        }
    }
}
