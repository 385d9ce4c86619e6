//! A defect in one request is the end of that request alone: what panics is answered like any other fault of ours.

use crate::http::problem::Problem;
use futures_util::FutureExt;
use std::panic::AssertUnwindSafe;

/// What comes of the work, or [`Problem::Internal`] if it panics. What requests share is whole after that: what they hold of it is given
/// back when it is dropped, and a lock that was held counts as free.
pub async fn caught<T>(work: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or(Err(Problem::Internal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_fault_of_ours_and_nothing_else_is() {
        assert_eq!(caught(async { Ok(1) }).await, Ok(1));
        assert_eq!(caught::<()>(async { Err(Problem::Unavailable) }).await, Err(Problem::Unavailable));
        let words = String::from("what somebody has sent");
        assert_eq!(caught::<()>(async move { panic!("{words}") }).await, Err(Problem::Internal));
    }
}
