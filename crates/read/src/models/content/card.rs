//! `author:ID`: a person as they stand beside what they wrote. Copies of it lie in posts, comments and windows.

use super::ContentDocument;
use crate::models::fields::{Names, big_int, global_id, profile_url, readable};
use crate::projection::{DocumentKey, Lookup, Unfoldable};
use millrace_events::user::{ProfileUpdated, UserCreated};
use millrace_events::{Position, Recorded, UserId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The kind of these documents.
pub const KIND: &str = "author";

/// A person as they stand beside what they wrote.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Who it is.
    #[serde(with = "global_id")]
    pub id: UserId,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Both names.
    pub full_name: String,
    /// Path of the person's page in an application.
    pub profile_url: String,
    /// Picture.
    pub avatar_url: Option<String>,
    /// True once the person is erased: where such a card comes to stand, what its person wrote goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// Position of the event that last changed something on the card. A copy gives way only to a higher one.
    #[serde(with = "big_int")]
    pub revision: Position,
}

/// The key of a person's card.
pub fn key(id: UserId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

impl Card {
    fn new(id: UserId, names: Names, avatar_url: Option<String>, revision: Position) -> Self {
        Self {
            id,
            full_name: names.full(),
            first_name: names.first,
            last_name: names.last,
            profile_url: profile_url(id),
            avatar_url,
            erased: false,
            revision,
        }
    }

    /// The newest card of a person. Of somebody unknown it is that of a deleted user, which every other card replaces.
    pub(super) fn of(id: UserId, others: &dyn Lookup<ContentDocument>) -> Arc<Self> {
        match others.get(&key(id)) {
            Some(ContentDocument::Author(card)) => Arc::clone(card),
            Some(_) | None => Arc::new(Self::new(id, Names::deleted(), None, Position::START)),
        }
    }

    /// True if the other is a newer card of the same person.
    pub(super) fn gives_way_to(&self, other: &Self) -> bool {
        self.id == other.id && self.revision < other.revision
    }

    fn shows_the_same_as(&self, other: &Self) -> bool {
        self.full_name == other.full_name
            && self.first_name == other.first_name
            && self.last_name == other.last_name
            && self.avatar_url == other.avatar_url
    }
}

pub(super) fn created(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &UserCreated,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let names = Names::of(&e.first_name, &e.last_name, key)?;
    *document = Some(ContentDocument::Author(Arc::new(Card::new(e.user_id, names, None, event.position))));
    Ok(())
}

/// The card of an erased person always counts as a newer one, so that it is spread and takes their texts away.
pub(super) fn erased(document: &mut Option<ContentDocument>, event: &Recorded) {
    let Some(ContentDocument::Author(card)) = document else { return };
    let newer = Card::new(card.id, Names::deleted(), None, event.position);
    *card = Arc::new(Card { erased: true, ..newer });
}

/// A profile that shows the same card keeps its revision, so that nothing has to be spread.
pub(super) fn profile_updated(
    document: &mut Option<ContentDocument>,
    event: &Recorded,
    e: &ProfileUpdated,
    key: &DocumentKey,
) -> Result<(), Unfoldable> {
    let Some(ContentDocument::Author(card)) = document else { return Ok(()) };
    let names = Names::of(&e.first_name, &e.last_name, key)?;
    let avatar_url = readable(&e.avatar_url, key)?.cloned().flatten();
    let newer = Card::new(e.user_id, names, avatar_url, event.position);
    if !card.shows_the_same_as(&newer) {
        *card = Arc::new(newer);
    }
    Ok(())
}
