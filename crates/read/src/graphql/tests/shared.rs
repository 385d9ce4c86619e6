//! What members of a group make for each other.

use crate::graphql::shared::{
    Audience, Group, Groups, Moment, Operation, Place, TELLINGS_KEPT_BYTES_MAX, TELLINGS_KEPT_MAX, Telling,
};
use crate::reader::OnTimeout;
use futures_util::future::join_all;
use millrace_events::{ConsistencyToken, History, Position, Revision};
use std::cell::Cell;
use std::sync::Arc;
use tokio::task::yield_now;
use uuid::Uuid;

fn operation(query: &str) -> Operation {
    Operation { query: query.into(), name: None, variables: String::new(), on_timeout: OnTimeout::Error }
}

fn moment(seq: u64) -> Moment {
    Moment::Changed(Place { history: None, generation: 1, seq })
}

fn showing(position: u64) -> ConsistencyToken {
    let mut token = ConsistencyToken::of_command(History(Uuid::nil()), Position::START);
    token.projections.insert("content".into(), (1, Revision::at(Position(position))));
    token
}

fn telling(position: u64) -> Telling {
    Telling { payload: Some(position.to_string().into()), token: Some(showing(position)), ..Telling::default() }
}

fn members(count: usize) -> (Arc<Groups>, Vec<Arc<Group>>) {
    let groups = Arc::new(Groups::default());
    let members = (0..count).map(|_| groups.join(&operation("a"), None)).collect();
    (groups, members)
}

/// Makes a telling of this position, takes its time, and counts.
async fn make(made: &Cell<usize>, position: u64) -> Telling {
    made.set(made.get() + 1);
    yield_now().await;
    telling(position)
}

#[tokio::test]
async fn members_at_the_same_moment_have_it_made_once() {
    let ((_groups, members), made) = (members(100), Cell::new(0));
    for seq in 1..=3 {
        let all =
            join_all(members.iter().map(|member| member.telling(moment(seq), [None; 2], || make(&made, seq)))).await;
        assert!(all.iter().all(|(telling, _)| telling.payload.as_deref() == Some(&*seq.to_string())));
        assert_eq!(
            (made.get(), all.iter().filter(|(_, is_mine)| *is_mine).count()),
            (usize::try_from(seq).unwrap(), 1)
        );
    }
}

#[tokio::test]
async fn one_that_goes_away_while_it_makes_something_leaves_it_to_the_next() {
    let ((_groups, members), made) = (members(3), Cell::new(0));
    let mut first = Box::pin(members[0].telling(moment(1), [None; 2], std::future::pending));
    let mut second = Box::pin(members[1].telling(moment(1), [None; 2], || make(&made, 1)));
    assert!(futures_util::poll!(&mut first).is_pending() && futures_util::poll!(&mut second).is_pending());
    assert_eq!(made.get(), 0, "the first one makes it");
    drop(first);
    assert!(second.await.1);
    assert!(!members[2].telling(moment(1), [None; 2], || make(&made, 1)).await.1);
}

#[tokio::test]
async fn whoever_was_shown_more_has_it_made_again_and_all_others_take_that() {
    let ((_groups, members), made) = (members(50), Cell::new(0));
    members[0].telling(moment(1), [None; 2], || make(&made, 3)).await;
    let shown = showing(5);
    let again = members.iter().map(|member| member.telling(moment(1), [None, Some(&shown)], || make(&made, 5)));
    let again = join_all(again).await;
    assert!(again.iter().all(|(telling, _)| telling.payload.as_deref() == Some("5")));
    assert_eq!(made.get(), 2);
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_wait_and_kept_for_nobody() {
    let ((_groups, members), made) = (members(3), Cell::new(0));
    let fail = || async { Telling { has_errors: true, is_last: true, ..make(&made, 1).await } };
    let all = join_all(members[..2].iter().map(|member| member.telling(moment(1), [None; 2], fail))).await;
    assert!(all.iter().all(|(telling, _)| telling.has_errors));
    assert_eq!(made.get(), 1);
    let (later, is_mine) = members[2].telling(moment(1), [None; 2], || make(&made, 1)).await;
    assert!(is_mine && !later.has_errors);
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_nothing_is_kept_for_one() {
    let ((groups, mut members), made) = (members(2), Cell::new(0));
    let last = TELLINGS_KEPT_MAX as u64 + 1;
    for seq in 1..=last {
        members[0].telling(moment(seq), [None; 2], || make(&made, seq)).await;
    }
    assert!(!members[1].telling(moment(2), [None; 2], || make(&made, 2)).await.1);
    assert!(members[1].telling(moment(1), [None; 2], || make(&made, 1)).await.1, "it was behind by more than is kept");
    let large = || async {
        Telling { payload: Some("x".repeat(TELLINGS_KEPT_BYTES_MAX / 2 + 1).into()), ..Telling::default() }
    };
    members[0].telling(moment(100), [None; 2], large).await;
    members[0].telling(moment(101), [None; 2], large).await;
    assert!(members[1].telling(moment(100), [None; 2], large).await.1, "both together are too large");
    members.truncate(1);
    for _ in 0..2 {
        assert!(members[0].telling(moment(200), [None; 2], || make(&made, 200)).await.1);
    }
    drop(members);
    assert_eq!(groups.len(), 0);
}

#[test]
fn a_group_is_one_operation_of_one_audience() {
    let groups = Arc::new(Groups::default());
    let (ada, ben) = (super::stage::viewer(super::live::ADA), super::stage::viewer(super::live::BEN));
    let join = |query: &str, audience| groups.join(&operation(query), audience);
    let one = join("a", None);
    assert!(Arc::ptr_eq(&one, &join("a", None)));
    for other in [join("b", None), join("a", Some(Audience::of(&ada)))] {
        assert!(!Arc::ptr_eq(&one, &other));
    }
    let own = join("a", Some(Audience::of(&ada)));
    assert!(Arc::ptr_eq(&own, &join("a", Some(Audience::of(&ada)))));
    assert!(!Arc::ptr_eq(&own, &join("a", Some(Audience::of(&ben)))));
}
