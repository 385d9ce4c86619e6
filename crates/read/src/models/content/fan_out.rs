//! What an event of `content` leaves to be done chunk by chunk: new cards beside old texts, the removal of what hung on a post, the
//! refill of a window.

use super::card::{self, Card};
use super::comment::LISTED_ON;
use super::hiding::REASON_OF;
use super::window::WINDOW_KEPT;
use super::{ContentDocument, author_of, comment, post, relations};
use crate::projection::{DocumentKey, ERASURE, FanOut, FanOutWork, Lookup, Selector, Unfoldable};
use millrace_events::{Event, PostId, Recorded, UserId};
use std::sync::Arc;

const CARD: &str = "card";
const REMOVAL: &str = "removal";
const REFILL: &str = "refill";

/// The fan-outs that an event opens.
pub(super) fn opened(event: &Recorded, documents: &dyn Lookup<ContentDocument>) -> Vec<FanOut> {
    match &event.event {
        Event::ProfileUpdated(e) if card_is_new(e.user_id, event, documents) => cards(e.user_id, event),
        Event::UserErased(e) => erasures(e.user_id, event),
        Event::PostDeleted(e) => removals(e.post_id, event),
        Event::CommentDeleted(e) if refill_is_due(e.post_id, event, documents) => vec![refill(e.post_id, event)],
        Event::CommentHidden(e) if refill_is_due(e.post_id, event, documents) => vec![refill(e.post_id, event)],
        Event::UserCreated(_) | Event::ProfileUpdated(_) | Event::RoleGranted(_) | Event::RoleRevoked(_) => vec![],
        Event::SessionEnded(_) | Event::AllSessionsEnded(_) | Event::OtherSessionsEnded(_) => vec![],
        Event::PasswordChanged(_) | Event::EmailChangeRequested(_) | Event::EmailVerified(_) => vec![],
        Event::EmailChangeWithdrawn(_) | Event::AccountDeactivated(_) | Event::AccountReactivated(_) => vec![],
        Event::IdentityLinked(_) | Event::IdentityUnlinked(_) => vec![],
        Event::UserFollowed(_) | Event::UserUnfollowed(_) => vec![],
        Event::PostCreated(_) | Event::PostEdited(_) | Event::PostPublished(_) | Event::PostUnpublished(_) => vec![],
        Event::PostHidden(_) | Event::PostUnhidden(_) => vec![],
        Event::CommentAdded(_) | Event::CommentEdited(_) | Event::CommentDeleted(_) => vec![],
        Event::CommentHidden(_) | Event::CommentUnhidden(_) => vec![],
        Event::PostLiked(_) | Event::PostUnliked(_) => vec![],
        Event::ProductCreated(_) | Event::ProductUpdated(_) | Event::ProductRestocked(_) | Event::ProductRetired(_) => {
            vec![]
        }
        Event::StockReserved(_) | Event::StockReleased(_) => vec![],
        Event::OrderPlaced(_) | Event::OrderPaid(_) | Event::OrderCancelled(_) => vec![],
        Event::OrderShipped(_) | Event::OrderDelivered(_) => vec![],
        Event::WalletOpened(_) | Event::WalletMoved(_) => vec![],
        Event::TopUpRequested(_) | Event::TopUpDeclined(_) => vec![],
    }
}

/// One document of a fan-out.
pub(super) fn spread(
    fan_out: &FanOut,
    key: &DocumentKey,
    document: &mut Option<ContentDocument>,
    selected: &[(DocumentKey, ContentDocument)],
    others: &dyn Lookup<ContentDocument>,
) -> Result<(), Unfoldable> {
    match fan_out.task.as_str() {
        CARD => cards_at(&fan_out.reads, others).for_each(|card| replace_cards(document, card)),
        ERASURE => cards_at(&fan_out.reads, others).for_each(|card| {
            replace_cards(document, card);
            forget_reason(document, card.id);
        }),
        REMOVAL => *document = None,
        REFILL => post::refilled(document, selected, others),
        _ => return Err(Unfoldable { key: key.clone(), reason: "not a fan-out of content" }),
    }
    Ok(())
}

fn card_is_new(user_id: UserId, event: &Recorded, documents: &dyn Lookup<ContentDocument>) -> bool {
    author_of(user_id, documents).is_some_and(|card| card.revision == event.position)
}

fn refill_is_due(post_id: PostId, event: &Recorded, documents: &dyn Lookup<ContentDocument>) -> bool {
    match documents.get(&post::key(post_id)) {
        Some(ContentDocument::Post(post)) => post.refill_since == Some(event.position),
        Some(_) | None => false,
    }
}

/// Where cards of a person stand, each with an index.
const CARDS: [(&str, &str); 2] = [(post::KIND, "cardIds"), (comment::KIND, "authorId")];
/// Where a person's reasons for hiding something stand, each with an index.
const REASONS: [(&str, &str); 2] = [(post::KIND, REASON_OF), (comment::KIND, REASON_OF)];

fn cards(user_id: UserId, event: &Recorded) -> Vec<FanOut> {
    sweeps(&CARDS, user_id, CARD, event)
}

fn erasures(user_id: UserId, event: &Recorded) -> Vec<FanOut> {
    [CARDS, REASONS].iter().flat_map(|places| sweeps(places, user_id, ERASURE, event)).collect()
}

fn sweeps(places: &[(&str, &str)], user_id: UserId, task: &str, event: &Recorded) -> Vec<FanOut> {
    places
        .iter()
        .map(|&(kind, field)| {
            let selector = Selector { kind: kind.into(), field: field.into(), value: user_id.to_string() };
            FanOut::of(event, task, FanOutWork::each(selector), vec![card::key(user_id)])
        })
        .collect()
}

fn removals(post_id: PostId, event: &Recorded) -> Vec<FanOut> {
    [comment::KIND, relations::LIKE]
        .into_iter()
        .map(|kind| {
            let work = FanOutWork::each(of_post(kind, post_id));
            FanOut::of(event, REMOVAL, work, vec![])
        })
        .collect()
}

fn refill(post_id: PostId, event: &Recorded) -> FanOut {
    let work = FanOutWork::Refill {
        document: post::key(post_id),
        selector: Selector { field: LISTED_ON.into(), ..of_post(comment::KIND, post_id) },
        newest: u32::try_from(WINDOW_KEPT).unwrap_or(u32::MAX),
    };
    FanOut::of(event, REFILL, work, vec![])
}

fn of_post(kind: &str, post_id: PostId) -> Selector {
    Selector { kind: kind.into(), field: "postId".into(), value: post_id.to_string() }
}

fn replace_cards(document: &mut Option<ContentDocument>, card: &Arc<Card>) {
    match document {
        Some(ContentDocument::Post(post)) => post.renew(card),
        Some(ContentDocument::Comment(comment)) => comment.renew(card),
        Some(ContentDocument::Author(_) | ContentDocument::Like(_) | ContentDocument::Following(_)) | None => {}
    }
}

fn forget_reason(document: &mut Option<ContentDocument>, person: UserId) {
    match document {
        Some(ContentDocument::Post(post)) => post.forget_reason(person),
        Some(ContentDocument::Comment(comment)) => comment.forget_reason(person),
        Some(ContentDocument::Author(_) | ContentDocument::Like(_) | ContentDocument::Following(_)) | None => {}
    }
}

fn cards_at<'a>(
    keys: &'a [DocumentKey],
    others: &'a dyn Lookup<ContentDocument>,
) -> impl Iterator<Item = &'a Arc<Card>> {
    keys.iter().filter_map(|key| match others.get(key) {
        Some(ContentDocument::Author(card)) => Some(card),
        Some(_) | None => None,
    })
}
