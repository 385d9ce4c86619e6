//! What people do with posts and comments, and with each other.

use super::{OWN_POSTS_MAX, Worker};
use crate::harness::client::id_of;
use serde_json::json;

impl Worker {
    pub(super) async fn comment(&mut self) {
        let (post, text) = (self.a_post(), format!("Words {}", self.below(1_000_000)));
        let payload = self.sender.insist("addComment", json!({ "postId": post, "text": text })).await;
        self.comments.push(id_of(&payload));
    }

    pub(super) async fn edit_comment(&mut self) {
        let text = format!("Other words {}", self.below(1_000_000));
        if let Some(comment) = self.comments.last() {
            self.sender.insist("editComment", json!({ "commentId": comment, "text": text })).await;
        }
    }

    pub(super) async fn remove_comment(&mut self) {
        if let Some(comment) = self.comments.pop() {
            self.sender.insist("deleteComment", json!({ "commentId": comment })).await;
        }
    }

    fn a_post(&mut self) -> String {
        let index = self.below(self.posts.len());
        self.posts[index].clone()
    }

    pub(super) async fn about_a_post(&mut self, name: &str) {
        let post = self.a_post();
        self.sender.insist(name, json!({ "postId": post })).await;
    }

    pub(super) async fn about_somebody(&mut self, name: &str) {
        let index = self.below(self.others.len());
        // Whoever has deactivated their account cannot be followed.
        self.sender.try_to(name, json!({ "userId": self.others[index] }), &["NotFound"]).await;
    }

    pub(super) async fn write_post(&mut self) {
        if self.own_posts.len() < OWN_POSTS_MAX {
            let publish = self.below(2) == 0;
            let input = json!({ "title": "Another", "body": "Words.", "tags": ["water"], "publish": publish });
            let payload = self.sender.insist("createPost", input).await;
            self.own_posts.push(id_of(&payload));
        }
    }

    pub(super) async fn edit_post(&mut self) {
        let (which, number) = (self.below(3), self.below(1_000));
        let Some(post) = self.own_posts.last() else { return };
        let input = match which {
            0 => json!({ "postId": post, "title": format!("Yet another {number}") }),
            1 => json!({ "postId": post, "body": format!("Words {number}.") }),
            _ => json!({ "postId": post, "tags": [format!("tag{}", number % 3)] }),
        };
        self.sender.insist("editPost", input).await;
    }

    /// What staff hide cannot be published, nor be made a draft.
    pub(super) async fn about_an_own_post(&mut self, name: &str) {
        if let Some(post) = self.own_posts.first() {
            self.sender.try_to(name, json!({ "postId": post }), &["InvalidTransition"]).await;
        }
    }

    /// Staff hide a post or a comment of this person, or show it again.
    pub(super) async fn be_moderated(&mut self) {
        let (hides, is_post) = (self.below(2) == 0, self.below(2) == 0);
        let (post, comment) = (self.own_posts.first(), self.comments.last());
        let (name, mut input) = match (is_post, hides, post, comment) {
            (true, true, Some(id), _) => ("hidePost", json!({ "postId": id })),
            (true, false, Some(id), _) => ("unhidePost", json!({ "postId": id })),
            (false, true, _, Some(id)) => ("hideComment", json!({ "commentId": id })),
            (false, false, _, Some(id)) => ("unhideComment", json!({ "commentId": id })),
            _ => return,
        };
        if hides {
            input["reason"] = json!("It names a neighbour.");
        }
        self.trader.by_staff(name, input).await;
    }

    pub(super) async fn delete_post(&mut self) {
        if let Some(post) = self.own_posts.pop() {
            self.sender.insist("deletePost", json!({ "postId": post })).await;
        }
    }
}
