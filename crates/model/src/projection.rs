//! The model's projections: persons and posts, each a list of the events that were folded into it, so that anything that is missing,
//! doubled or out of order shows. In some schedules a second one has the persons too, at its own pace.

use std::collections::BTreeSet;

use millrace_events::{Event, Personal, Recorded, UserId};
use millrace_read::projection::{
    Audience, DocumentKey, FanOut, FanOutWork, Lookup, Projection, Selector, Touches, Unfoldable,
};
use serde::{Deserialize, Serialize};

use crate::world::names::{POST, Thing, USER, number_of};

/// A projection's name.
pub type Name = &'static str;

/// An event's number; negative if what it says was erased.
pub type Mark = i64;

const AUTHOR_FIELD: &str = "authorId";
const CARD: &str = "card";
const ERASED: &str = "erased";

/// A document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sheet {
    /// The person, or the post's author.
    pub author_id: UserId,
    /// Beside a post: the event that the author's name is of. A chunk of a fan-out gives it another one.
    pub card: Option<Mark>,
    /// The events.
    pub marks: Vec<Mark>,
    /// Whether only the author may see it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

impl Sheet {
    /// True if a field has this value.
    pub fn has(&self, field: &str, value: &str) -> bool {
        field == AUTHOR_FIELD && self.author_id.to_string() == value
    }

    /// True if something of a person can still be read in it.
    pub fn tells(&self) -> bool {
        self.marks.iter().chain(&self.card).any(|mark| *mark > 0)
    }

    fn erase(&mut self) {
        self.marks.iter_mut().chain(&mut self.card).for_each(|mark| *mark = -mark.abs());
    }
}

/// The fold of everything.
#[derive(Debug)]
pub struct Pages;

/// The fold of persons alone.
#[derive(Debug)]
pub struct Names;

/// True if a projection has documents of this kind.
pub fn is_in(of: Name, thing: Thing) -> bool {
    of == Pages::NAME || matches!(thing, Thing::User(_))
}

fn user_key(user: UserId) -> DocumentKey {
    DocumentKey::new(USER, user)
}

/// Whom an event is about, and the document that it writes.
fn subject(event: &Recorded) -> Option<(UserId, DocumentKey)> {
    match &event.event {
        Event::UserCreated(e) => Some((e.user_id, user_key(e.user_id))),
        Event::ProfileUpdated(e) => Some((e.user_id, user_key(e.user_id))),
        Event::UserErased(e) => Some((e.user_id, user_key(e.user_id))),
        Event::PostCreated(e) | Event::PostEdited(e) => Some((e.author_id, DocumentKey::new(POST, e.post_id))),
        Event::PostPublished(e) | Event::PostUnpublished(e) => Some((e.author_id, DocumentKey::new(POST, e.post_id))),
        Event::PostDeleted(e) => Some((e.author_id, DocumentKey::new(POST, e.post_id))),
        _ => None,
    }
}

fn mark(event: &Recorded) -> Option<Mark> {
    let number = Mark::try_from(number_of(event.event_id)).ok()?;
    let text = match &event.event {
        Event::UserCreated(e) => &e.first_name,
        Event::ProfileUpdated(e) => &e.first_name,
        Event::PostCreated(e) | Event::PostEdited(e) => &e.title,
        // There is nothing personal in it.
        _ => return Some(-number),
    };
    match text {
        Personal::Known { .. } => Some(number),
        Personal::Erased { .. } => Some(-number),
        Personal::Sealed { .. } => None,
    }
}

fn card_of(user: UserId, others: &dyn Lookup<Sheet>) -> Mark {
    others.get(&user_key(user)).and_then(|sheet| sheet.marks.last().copied()).unwrap_or_default()
}

impl Projection for Pages {
    const NAME: &'static str = "pages";
    const FOLD_VERSION: u32 = 1;
    type Document = Sheet;

    fn touches(event: &Recorded) -> Touches {
        let Some((person, key)) = subject(event) else { return Touches::default() };
        let reads = if key.kind() == POST { vec![user_key(person)] } else { Vec::new() };
        Touches { writes: vec![key], reads }
    }

    fn apply(
        event: &Recorded,
        key: &DocumentKey,
        document: &mut Option<Sheet>,
        others: &dyn Lookup<Sheet>,
    ) -> Result<(), Unfoldable> {
        let Some((author_id, _)) = subject(event) else { return Ok(()) };
        if matches!(event.event, Event::PostDeleted(_)) {
            *document = None;
            return Ok(());
        }
        let mark = mark(event).ok_or_else(|| Unfoldable { key: key.clone(), reason: "not readable" })?;
        let card = (key.kind() == POST).then(|| card_of(author_id, others));
        let sheet = document.get_or_insert_with(|| Sheet { author_id, card, marks: Vec::new(), hidden: false });
        sheet.marks.push(mark);
        match event.event {
            Event::UserErased(_) => sheet.erase(),
            Event::PostUnpublished(_) => sheet.hidden = true,
            Event::PostPublished(_) => sheet.hidden = false,
            _ => {}
        }
        Ok(())
    }

    fn fan_outs(event: &Recorded, _: &dyn Lookup<Sheet>) -> Vec<FanOut> {
        let Some((person, key)) = subject(event).filter(|(_, key)| key.kind() == USER) else { return Vec::new() };
        let task = if matches!(event.event, Event::UserErased(_)) { ERASED } else { CARD };
        let selector = Selector { kind: POST.to_owned(), field: AUTHOR_FIELD.to_owned(), value: person.to_string() };
        vec![FanOut {
            position: event.position,
            since: None,
            event_id: event.event_id,
            command_id: event.command_id,
            at: event.at,
            task: task.to_owned(),
            work: FanOutWork::each(selector),
            reads: vec![key],
        }]
    }

    fn spread(
        fan_out: &FanOut,
        _: &DocumentKey,
        document: &mut Option<Sheet>,
        _: &[(DocumentKey, Sheet)],
        others: &dyn Lookup<Sheet>,
    ) -> Result<(), Unfoldable> {
        if let Some(sheet) = document.as_mut().filter(|_| fan_out.task == ERASED) {
            sheet.erase();
        }
        let newest = fan_out.reads.first().and_then(|key| others.get(key)).and_then(|sheet| sheet.marks.last());
        if let (Some(sheet), Some(newest)) = (document, newest)
            && sheet.card.unwrap_or_default().abs() < newest.abs()
        {
            sheet.card = Some(*newest);
        }
        Ok(())
    }

    fn refill_reads(_: &[(DocumentKey, Sheet)]) -> Vec<DocumentKey> {
        Vec::new()
    }

    fn topics(key: &DocumentKey, _: &Sheet) -> BTreeSet<String> {
        BTreeSet::from([key.to_string()])
    }

    fn audience(_: &DocumentKey, sheet: &Sheet) -> Audience {
        if sheet.hidden { Audience::Person(sheet.author_id) } else { Audience::Everyone }
    }

    fn indexes() -> Vec<serde_json::Value> {
        Vec::new()
    }
}

impl Projection for Names {
    const NAME: &'static str = "names";
    const FOLD_VERSION: u32 = Pages::FOLD_VERSION;
    type Document = Sheet;

    fn touches(event: &Recorded) -> Touches {
        let person = subject(event).filter(|(_, key)| key.kind() == USER);
        Touches { writes: person.into_iter().map(|(_, key)| key).collect(), reads: Vec::new() }
    }

    fn apply(
        event: &Recorded,
        key: &DocumentKey,
        document: &mut Option<Sheet>,
        others: &dyn Lookup<Sheet>,
    ) -> Result<(), Unfoldable> {
        Pages::apply(event, key, document, others)
    }

    fn fan_outs(_: &Recorded, _: &dyn Lookup<Sheet>) -> Vec<FanOut> {
        Vec::new()
    }

    fn spread(
        _: &FanOut,
        _: &DocumentKey,
        _: &mut Option<Sheet>,
        _: &[(DocumentKey, Sheet)],
        _: &dyn Lookup<Sheet>,
    ) -> Result<(), Unfoldable> {
        Ok(())
    }

    fn refill_reads(_: &[(DocumentKey, Sheet)]) -> Vec<DocumentKey> {
        Vec::new()
    }

    fn topics(key: &DocumentKey, sheet: &Sheet) -> BTreeSet<String> {
        Pages::topics(key, sheet)
    }

    fn audience(key: &DocumentKey, sheet: &Sheet) -> Audience {
        Pages::audience(key, sheet)
    }

    fn indexes() -> Vec<serde_json::Value> {
        Vec::new()
    }
}
