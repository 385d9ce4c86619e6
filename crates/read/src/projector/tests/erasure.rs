use super::Store;
use crate::models::content::{Content, ContentDocument, card, post};
use crate::models::tests::{Folded, Log, id};
use crate::projection::Projection;
use crate::projector::draft::{Cause, Draft};
use crate::projector::state::{State, States};
use crate::projector::testing::Pages;
use millrace_events::{Position, PostId, Revision, UserId};
use std::sync::Arc;

const ADA: UserId = UserId(id(1));
const POST: PostId = PostId(id(9));
const PARKED: Option<Position> = Some(Position(2));

/// Documents as they are after these events, all of them parked.
fn parked(log: &Log) -> States<ContentDocument> {
    let mut states = States::default();
    for (key, document) in Folded::<Content>::of(&log.events).documents {
        let state = State { revision: Revision::at(Position(2)), broken_since: PARKED, document: Some(document) };
        states.set(key, Arc::new(state));
    }
    states
}

/// Whatever is wrong with a document, what it holds of an erased person goes; it stays parked, and other events leave it alone.
#[test]
fn an_erasure_reaches_parked_documents() {
    let checkpoint = Store::empty::<Pages>(1).look(|inner| inner.checkpoint.clone());
    let mut log = Log::default();
    log.sign_up(ADA, "Ada").post(POST, ADA, true);
    let states = parked(&log);
    log.edit_post(POST, ADA, "Other").erase(ADA);
    let (edited, erased) = (&log.events[2], &log.events[3]);
    let mut draft = Draft::<Content>::begin(&checkpoint, Revision::at(Position(4)), states);
    let page = post::key(POST);
    draft.change(&Cause::event(edited), &page, |document, others| Content::apply(edited, &page, document, others));
    let card = card::key(ADA);
    draft.change(&Cause::event(erased), &card, |document, others| Content::apply(erased, &card, document, others));
    for fan_out in &Content::fan_outs(erased, draft.documents()) {
        draft.change(&Cause::fan_out(fan_out), &page, |document, others| {
            Content::spread(fan_out, &page, document, &[], others)
        });
    }
    let written = draft.finish(checkpoint).commit.documents;
    assert_eq!(written.len(), 2, "the card and the page");
    for (key, stored) in &written {
        let stored = stored.as_ref().unwrap();
        let json = serde_json::to_string(&stored.document).unwrap();
        assert!(stored.broken_since == PARKED && json.contains("Deleted user"), "{key}: {json}");
        assert!(["Ada", "Title", "Other", "water"].iter().all(|word| !json.contains(word)), "{key}: {json}");
    }
}
