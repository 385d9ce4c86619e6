//! Comments.

use super::entry::mutations;
use millrace_command::comment::{AddComment, DeleteComment, EditComment, HideComment, UnhideComment};
use millrace_events::CommentId;
use millrace_read::graphql::{Comment, Post};

mutations! {
    CommentMutations:

    /// Adds a comment to a post.
    add_comment(AddComment) -> AddCommentPayload {
        show {
            /// The new comment.
            comment: Comment,
            /// The post, with the comment.
            post: Post,
        }
    }

    /// Rewrites one's own comment.
    edit_comment(EditComment) -> EditCommentPayload {
        show {
            /// The comment, changed.
            comment: Comment,
            /// The post that it stands on.
            post: Post,
        }
    }

    /// Hides a comment from everybody but its author and staff, who find it by its id: it stands in no list. For staff.
    hide_comment(HideComment) -> HideCommentPayload {
        show {
            /// The comment, hidden now.
            comment: Comment,
            /// The post, without the comment.
            post: Post,
        }
    }

    /// Hides a comment no longer: it stands in its old place again. For staff.
    unhide_comment(UnhideComment) -> UnhideCommentPayload {
        show {
            /// The comment, as it was before.
            comment: Comment,
            /// The post, with the comment.
            post: Post,
        }
    }

    /// Deletes one's own comment, or any comment on one's own post.
    delete_comment(DeleteComment) -> DeleteCommentPayload {
        show {
            /// The post, without the comment.
            post: Post,
        }
        tell {
            /// The comment that is gone.
            deleted_comment_id: CommentId,
        }
    }
}
