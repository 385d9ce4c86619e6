//! Events as commands record them.

use millrace_events::post::{PostDeleted, PostVisibilityChanged, PostWritten};
use millrace_events::user::{ProfileUpdated, UserCreated, UserErased};
use millrace_events::{ErasureId, Event, Personal, Timestamp};
use time::OffsetDateTime;

use super::decision::Change;
use crate::world::names::{Thing, post_id, user_id};

/// The event that tells of a change.
pub fn event(thing: Thing, change: Change, text: String) -> Event {
    let author_id = user_id(thing.person());
    let said = |text: &str| Personal::known(author_id, text.to_owned());
    match (thing, change) {
        (Thing::User(_), Change::SignUp) => Event::UserCreated(UserCreated {
            user_id: author_id,
            first_name: said(&text),
            last_name: said("Model"),
            email: said("model@example.org"),
        }),
        (Thing::User(_), Change::Erase) => Event::UserErased(UserErased {
            user_id: author_id,
            erasure_id: ErasureId(author_id.0),
            issued_until: timestamp(0),
        }),
        (Thing::User(_), _) => Event::ProfileUpdated(ProfileUpdated {
            user_id: author_id,
            first_name: said(&text),
            last_name: said("Model"),
            avatar_url: Personal::known(author_id, None),
            bio: Personal::known(author_id, None),
        }),
        (Thing::Post(post), Change::Delete) => {
            Event::PostDeleted(PostDeleted { post_id: post_id(post), author_id, was_published: true })
        }
        (Thing::Post(post), Change::Hide) => {
            Event::PostUnpublished(PostVisibilityChanged { post_id: post_id(post), author_id })
        }
        (Thing::Post(post), Change::Show) => {
            Event::PostPublished(PostVisibilityChanged { post_id: post_id(post), author_id })
        }
        (Thing::Post(post), change) => {
            let written = PostWritten {
                post_id: post_id(post),
                author_id,
                title: said(&text),
                body: said("…"),
                tags: Personal::known(author_id, Vec::new()),
                published: true,
            };
            if change == Change::Write { Event::PostCreated(written) } else { Event::PostEdited(written) }
        }
    }
}

/// The clock of a schedule: a second per step.
pub fn timestamp(now: u64) -> Timestamp {
    let seconds = i64::try_from(now).unwrap_or_default();
    Timestamp::new(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
}
