//! The test projection: pages with their author's name on them, cards of authors, and walls with an author's newest pages.

use crate::projection::{Audience, DocumentKey, FanOut, FanOutWork, Lookup, Projection, Selector, Touches, Unfoldable};
use millrace_events::{Event, Personal, PostId, Recorded, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A title that cannot be applied.
pub const UNFOLDABLE: &str = "unfoldable";
const WALL_MAX: usize = 3;

pub struct Pages;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum PagesDocument {
    Page(Page),
    Card(Card),
    Wall(Wall),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub author_id: UserId,
    pub author: Card,
    pub title: Option<String>,
    pub likes: u32,
    pub public: bool,
    pub created_micros: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    pub name: Option<String>,
    /// Position of the event that it is of.
    pub version: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Wall {
    /// Newest first.
    pub pages: Vec<DocumentKey>,
    /// How many there are in all.
    pub count: u32,
}

pub fn page_key(id: PostId) -> DocumentKey {
    DocumentKey::new("page", id)
}

pub fn card_key(id: UserId) -> DocumentKey {
    DocumentKey::new("card", id)
}

pub fn wall_key(id: UserId) -> DocumentKey {
    DocumentKey::new("wall", id)
}

impl Projection for Pages {
    const NAME: &'static str = "pages";
    const FOLD_VERSION: u32 = 3;
    type Document = PagesDocument;

    fn touches(event: &Recorded) -> Touches {
        let (writes, reads) = match &event.event {
            Event::ProfileUpdated(e) => (vec![card_key(e.user_id)], vec![]),
            Event::PostCreated(e) => (vec![page_key(e.post_id), wall_key(e.author_id)], vec![card_key(e.author_id)]),
            Event::PostDeleted(e) => (vec![page_key(e.post_id), wall_key(e.author_id)], vec![]),
            Event::PostUnpublished(e) => (vec![page_key(e.post_id)], vec![]),
            Event::PostLiked(e) => (vec![page_key(e.post_id)], vec![]),
            _ => (vec![], vec![]),
        };
        Touches { writes, reads }
    }

    fn apply(
        event: &Recorded,
        key: &DocumentKey,
        document: &mut Option<PagesDocument>,
        others: &dyn Lookup<PagesDocument>,
    ) -> Result<(), Unfoldable> {
        match (&event.event, document) {
            (Event::ProfileUpdated(e), document) => {
                let card = Card { name: text(&e.first_name), version: event.position.0 };
                *document = Some(PagesDocument::Card(card));
            }
            (Event::PostCreated(e), document) if key.kind() == "page" => {
                if is_unfoldable(&e.title) {
                    return Err(Unfoldable { key: key.clone(), reason: "its title says so" });
                }
                let author = card(others, e.author_id).unwrap_or(Card { name: None, version: 0 });
                *document = Some(PagesDocument::Page(Page {
                    author_id: e.author_id,
                    author,
                    title: text(&e.title),
                    likes: 0,
                    public: true,
                    created_micros: event.at.unix_ms() * 1_000,
                }));
            }
            // A wall shows pages that there are, as its refill does.
            (Event::PostCreated(e), _) if is_unfoldable(&e.title) => {}
            (Event::PostCreated(e), document) => {
                let found = document.get_or_insert(PagesDocument::Wall(Wall { pages: vec![], count: 0 }));
                if let PagesDocument::Wall(wall) = found {
                    wall.pages.retain(|page| *page != page_key(e.post_id));
                    wall.pages.insert(0, page_key(e.post_id));
                    wall.pages.truncate(WALL_MAX);
                    wall.count += 1;
                }
            }
            (Event::PostDeleted(_), document) if key.kind() == "page" => *document = None,
            (Event::PostDeleted(e), Some(PagesDocument::Wall(wall))) => {
                wall.pages.retain(|page| *page != page_key(e.post_id));
                wall.count = wall.count.saturating_sub(1);
            }
            (Event::PostUnpublished(_), Some(PagesDocument::Page(page))) => page.public = false,
            (Event::PostLiked(_), Some(PagesDocument::Page(page))) => page.likes += 1,
            _ => {}
        }
        Ok(())
    }

    fn fan_outs(event: &Recorded, documents: &dyn Lookup<PagesDocument>) -> Vec<FanOut> {
        let open = |task: &str, work, reads| FanOut {
            position: event.position,
            since: None,
            event_id: event.event_id,
            command_id: event.command_id,
            at: event.at,
            task: task.to_owned(),
            work,
            reads,
        };
        match &event.event {
            Event::ProfileUpdated(e) => {
                let work = FanOutWork::each(pages_of(e.user_id));
                vec![open("page.author", work, vec![card_key(e.user_id)])]
            }
            Event::PostDeleted(e) => match documents.get(&wall_key(e.author_id)) {
                Some(PagesDocument::Wall(wall)) if wall.pages.len() < WALL_MAX => {
                    let (document, selector) = (wall_key(e.author_id), pages_of(e.author_id));
                    vec![open(
                        "wall.refill",
                        FanOutWork::Refill { document, selector, newest: WALL_MAX as u32 },
                        vec![],
                    )]
                }
                _ => vec![],
            },
            _ => vec![],
        }
    }

    fn spread(
        _: &FanOut,
        _: &DocumentKey,
        document: &mut Option<PagesDocument>,
        selected: &[(DocumentKey, PagesDocument)],
        others: &dyn Lookup<PagesDocument>,
    ) -> Result<(), Unfoldable> {
        match document {
            Some(PagesDocument::Page(page)) => match card(others, page.author_id) {
                Some(card) if card.version > page.author.version => page.author = card,
                _ => {}
            },
            Some(PagesDocument::Wall(wall)) => wall.pages = selected.iter().map(|(key, _)| key.clone()).collect(),
            _ => {}
        }
        Ok(())
    }

    fn refill_reads(_: &[(DocumentKey, PagesDocument)]) -> Vec<DocumentKey> {
        vec![]
    }

    fn topics(key: &DocumentKey, document: &PagesDocument) -> BTreeSet<String> {
        let mut topics = BTreeSet::from([key.to_string()]);
        if let PagesDocument::Page(page) = document {
            topics.insert(format!("{}/pages", card_key(page.author_id)));
        }
        topics
    }

    fn audience(_: &DocumentKey, document: &PagesDocument) -> Audience {
        match document {
            PagesDocument::Page(page) if page.public => Audience::Everyone,
            PagesDocument::Page(page) => Audience::Person(page.author_id),
            PagesDocument::Card(_) | PagesDocument::Wall(_) => Audience::Nobody,
        }
    }

    fn indexes() -> Vec<Value> {
        vec![json!({"name": "newest_of_author", "key": {"authorId": 1, "createdMicros": -1, "_id": -1},
                "partialFilterExpression": {"kind": "page"}})]
    }
}

fn pages_of(author: UserId) -> Selector {
    Selector { kind: "page".into(), field: "authorId".into(), value: author.to_string() }
}

fn card(others: &dyn Lookup<PagesDocument>, person: UserId) -> Option<Card> {
    match others.get(&card_key(person)) {
        Some(PagesDocument::Card(card)) => Some(card.clone()),
        _ => None,
    }
}

fn text(personal: &Personal<String>) -> Option<String> {
    personal.value().cloned()
}

fn is_unfoldable(title: &Personal<String>) -> bool {
    title.value().is_some_and(|title| title == UNFOLDABLE)
}
