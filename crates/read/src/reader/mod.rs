//! Reading documents: from the cache where a hit counts, else from the store; never older than what the request is owed.

mod answer;
mod core;
mod counts;
mod debt;
mod flight;
mod list;
mod looked;
mod looks;
mod owed;
mod patience;
mod served;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Found, Need, OnTimeout, ReadError, Source};
pub use core::Reader;
pub use debt::Debt;
pub use list::{ListQuery, Page, Sort, SortKey};
pub use looks::WAITERS_MAX;
pub use patience::{Deadline, Patience};
pub use served::{NotServedYet, ServedStore};
