//! The data set: people, posts and comments, as their commands would have left them.

pub mod fill;
pub mod ids;
pub mod recorder;
mod rows;
pub mod shop;
pub mod shop_rows;
pub mod words;

use crate::dice::{Dice, Zipf};
use crate::plan::{COMMENTS, POSTS, SEED, USERS, ZIPF_EXPONENT};
use millrace_events::Timestamp;
use time::{Duration, OffsetDateTime};

/// From one event to the next. All of them lie within a day, so that nothing that is kept for a day is gone.
const EVENT_INTERVAL: Duration = Duration::milliseconds(100);

/// How large a data set is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// People.
    pub users: u32,
    /// Posts.
    pub posts: u32,
    /// Comments.
    pub comments: u32,
}

impl Size {
    /// That of the measurements.
    pub const FULL: Self = Self { users: USERS, posts: POSTS, comments: COMMENTS };

    /// Events: one for each person, post and comment.
    pub fn events(self) -> u32 {
        self.users + self.posts + self.comments
    }
}

/// What the data set looks like: who wrote what, when.
#[derive(Debug)]
pub struct World {
    /// How large it is.
    pub size: Size,
    popularity: Zipf,
    began: OffsetDateTime,
}

/// A thing that was written: by whom, where, when. Numbers are places in the data set.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// Its own number.
    pub number: u32,
    /// The person who wrote it.
    pub author: u32,
    /// The post that it is on; of a post, itself.
    pub post: u32,
    /// When.
    pub at: Timestamp,
}

impl World {
    /// A data set whose last event is happening now.
    pub fn new(size: Size, now: OffsetDateTime) -> Self {
        let popularity = Zipf::new(size.posts, ZIPF_EXPONENT);
        Self { size, popularity, began: now - EVENT_INTERVAL * size.events() }
    }

    /// When a person signed up.
    pub fn signed_up_at(&self, user: u32) -> Timestamp {
        self.at(user)
    }

    /// A post. Its number is also its rank: post 0 is read and commented most.
    pub fn post(&self, number: u32) -> Written {
        Written { number, author: self.someone(number), post: number, at: self.at(self.size.users + number) }
    }

    /// A comment.
    pub fn comment(&self, number: u32) -> Written {
        let event = self.size.users + self.size.posts + number;
        let post = self.some_post(&mut Dice::new(SEED + 1, event as usize));
        Written { number, author: self.someone(event), post, at: self.at(event) }
    }

    /// A post as readers choose it.
    pub fn some_post(&self, dice: &mut Dice) -> u32 {
        self.popularity.draw(dice)
    }

    fn someone(&self, event: u32) -> u32 {
        let person = Dice::new(SEED, event as usize).below(self.size.users as usize);
        u32::try_from(person).unwrap_or_default()
    }

    fn at(&self, event: u32) -> Timestamp {
        Timestamp::new(self.began + EVENT_INTERVAL * event)
    }
}
