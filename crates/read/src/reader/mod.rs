//! Reading documents: from the cache where a hit counts, else from the store; never older than what the request is owed.

mod answer;
mod core;
mod flight;
mod list;
mod patience;
mod served;

pub use answer::{Answer, Found, Need, OnTimeout, ReadError, Source};
pub use core::Reader;
pub use list::{ListQuery, Page, SortKey};
pub use patience::{Deadline, Moved, Patience};
pub use served::{NotServedYet, ServedStore};
