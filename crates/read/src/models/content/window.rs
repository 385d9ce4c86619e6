//! The newest comments, as they lie in their post. Always a prefix of all of its comments, newest first.

use super::card::Card;
use super::comment::Comment;
use crate::models::fields::{big_int, global_id};
use millrace_events::{CommentId, Position, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How many comments a post keeps.
pub const WINDOW_KEPT: usize = 40;
/// How many of them are served; with fewer, although there are more, the post's comments are served from their collection.
pub const WINDOW_SERVED: usize = 20;

/// A comment as it lies in its post.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WindowComment {
    /// Which comment.
    #[serde(with = "global_id")]
    pub id: CommentId,
    /// Version of the comment.
    pub version: u32,
    /// Position of the event that changed it last.
    #[serde(with = "big_int")]
    pub revision: Position,
    /// When it was written.
    pub created_at: Timestamp,
    /// The same, for sorting.
    pub created_micros: i64,
    /// When its text changed last, or staff showed it again.
    pub updated_at: Timestamp,
    /// What it says.
    pub text: String,
    /// Who wrote it.
    pub author: Arc<Card>,
}

impl WindowComment {
    /// The copy of a comment.
    pub fn of(comment: &Comment) -> Self {
        Self {
            id: comment.id,
            version: comment.version,
            revision: comment.revision,
            created_at: comment.created_at,
            created_micros: comment.created_micros,
            updated_at: comment.updated_at,
            text: comment.text.clone(),
            author: comment.author.clone(),
        }
    }

    /// Position of the last change of text or author.
    pub fn revision(&self) -> Position {
        self.revision.max(self.author.revision)
    }

    /// Shows a newer card of its author. That of an erased one takes the text away.
    pub(super) fn renew(self: &mut Arc<Self>, card: &Arc<Card>) {
        if !self.author.gives_way_to(card) {
            return;
        }
        let comment = Arc::make_mut(self);
        comment.author = Arc::clone(card);
        if card.erased {
            comment.text.clear();
        }
    }

    fn order(&self) -> (i64, CommentId) {
        (self.created_micros, self.id)
    }
}

/// Puts a comment in its place. Into a window that does not hold all comments only one that is newer than its last can come: behind
/// the last there may be others that it does not know.
pub(super) fn admit(window: &mut Vec<Arc<WindowComment>>, comment: WindowComment, holds_all: bool) {
    let place = window.partition_point(|other| other.order() > comment.order());
    if place == window.len() && !holds_all {
        return;
    }
    window.insert(place, Arc::new(comment));
    window.truncate(WINDOW_KEPT);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::fields::micros;
    use millrace_events::UserId;
    use time::OffsetDateTime;
    use uuid::Uuid;

    fn comment(second: i64) -> WindowComment {
        let at = Timestamp::new(OffsetDateTime::from_unix_timestamp(second).unwrap());
        let author = Arc::new(Card {
            id: UserId(Uuid::from_u128(1)),
            first_name: "A".into(),
            last_name: "B".into(),
            full_name: "A B".into(),
            profile_url: "/users/1".into(),
            avatar_url: None,
            erased: false,
            revision: Position(1),
        });
        WindowComment {
            id: CommentId(Uuid::from_u128(u128::from(second.unsigned_abs()))),
            version: 1,
            revision: Position(1),
            created_at: at,
            created_micros: micros(at),
            updated_at: at,
            text: String::new(),
            author,
        }
    }

    fn seconds(window: &[Arc<WindowComment>]) -> Vec<i64> {
        window.iter().map(|comment| comment.created_micros / 1_000_000).collect()
    }

    #[test]
    fn a_comment_of_a_late_clock_finds_its_place() {
        let mut window = vec![Arc::new(comment(9)), Arc::new(comment(5))];
        admit(&mut window, comment(7), false);
        assert_eq!(seconds(&window), [9, 7, 5]);
    }

    #[test]
    fn behind_the_last_of_a_part_nothing_is_admitted() {
        let mut window = vec![Arc::new(comment(9)), Arc::new(comment(5))];
        admit(&mut window, comment(3), false);
        assert_eq!(seconds(&window), [9, 5]);
        admit(&mut window, comment(3), true);
        assert_eq!(seconds(&window), [9, 5, 3]);
    }

    #[test]
    fn a_full_window_loses_its_oldest() {
        let mut window = Vec::new();
        for second in 1..=41 {
            admit(&mut window, comment(second), true);
        }
        assert_eq!((window.len(), seconds(&window)[0], seconds(&window)[39]), (WINDOW_KEPT, 41, 2));
    }
}
