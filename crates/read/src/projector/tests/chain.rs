use crate::projector::alarm::{Alarm, Obstacle};
use crate::projector::chain::{Fetched, Link, follow, verify, whole_commands};
use crate::projector::source::{Content, Message, StreamState};
use crate::projector::testing::{MemoryStore, Pages, PagesDocument, TestLog, post, user};
use crate::store::Checkpoint;
use millrace_events::{History, Position, Revision};
use uuid::Uuid;

fn log() -> TestLog {
    let mut log = TestLog::new(5);
    log.rename(user(1), "Ada").write_and_like(post(1), user(1), "one").write(post(2), user(1), "two");
    log
}

fn start() -> Link {
    Link { history: None, position: Position::START, event_id: None }
}

fn positions(followed: &[Fetched]) -> Vec<u64> {
    followed.iter().map(|fetched| fetched.envelope.position.0).collect()
}

fn checkpoint_at(log: &TestLog, position: usize) -> Checkpoint {
    let empty = MemoryStore::<PagesDocument>::empty::<Pages>(1).look(|inner| inner.checkpoint.clone());
    let Some(last) = position.checked_sub(1).map(|index| &log.events[index]) else { return empty };
    let (history, revision) = (Some(last.history), Revision::at(last.position));
    Checkpoint { history, revision, last_event: Some(last.event_id), ..empty }
}

fn stream(history: History, last: u64) -> StreamState {
    StreamState { identity: "a".into(), history: Some(history), last: Position(last) }
}

#[test]
fn what_follows_is_taken_and_repeats_are_dropped() {
    let log = log();
    let mut messages = log.messages();
    messages.insert(2, messages[0].clone());
    let followed = follow(start(), messages.clone()).unwrap();
    assert_eq!((positions(&followed.events), followed.obstacle), (vec![1, 2, 3, 4], None));

    let later = follow(Link::after(&log.events[1]), messages).unwrap();
    assert_eq!((positions(&later.events), later.obstacle), (vec![3, 4], None));
}

#[test]
fn a_hole_ends_what_is_taken() {
    let mut messages = log().messages();
    messages.remove(2);
    let followed = follow(start(), messages).unwrap();
    assert_eq!(positions(&followed.events), [1, 2]);
    assert_eq!(followed.obstacle, Some(Obstacle::Hole(Position(3))));
}

#[test]
fn a_stranger_is_never_passed() {
    let mut messages = log().messages();
    messages[1] = Message { sequence: Position(2), bytes: 3, content: Content::Stranger };
    let followed = follow(start(), messages.clone()).unwrap();
    assert_eq!((positions(&followed.events), followed.obstacle), (vec![1], Some(Obstacle::Stranger(Position(2)))));

    let behind = follow(Link::after(&log().events[1]), messages).unwrap();
    assert_eq!(positions(&behind.events), [3, 4], "one behind the checkpoint does not matter");
}

#[test]
fn an_event_at_anothers_place_is_not_taken() {
    let log = log();
    let mut messages = log.messages();
    messages[1].sequence = Position(7);
    let followed = follow(start(), messages).unwrap();
    let misplaced = Obstacle::Misplaced { sequence: Position(7), position: Position(2) };
    assert_eq!((positions(&followed.events), followed.obstacle), (vec![1], Some(misplaced)));
}

#[test]
fn another_predecessor_is_an_alarm_once_what_lies_before_is_folded() {
    let (one, mut other) = (log(), log().branch(2, 5));
    other.like(post(1), user(2)).like(post(1), user(3));
    let mut messages = one.messages();
    messages[3] = other.messages()[3].clone();

    let followed = follow(start(), messages.clone()).unwrap();
    assert_eq!(positions(&followed.events), [1, 2, 3]);
    let broken = follow(Link::after(&one.events[2]), messages).unwrap_err();
    assert!(matches!(broken, Alarm::ChainBroken { position: Position(4), .. }), "{broken}");
}

#[test]
fn an_earlier_history_waits_and_a_later_one_stops() {
    let log = log();
    let link = |history: u128| Link { history: Some(History(Uuid::from_u128(history))), ..Link::after(&log.events[0]) };
    let earlier = follow(link(6), log.messages()[1..].to_vec()).unwrap();
    assert_eq!(earlier.obstacle, Some(Obstacle::EarlierHistory(log.history)));
    assert!(matches!(follow(link(4), log.messages()), Err(Alarm::LaterHistory { .. })));
}

#[test]
fn a_batch_never_ends_inside_a_command() {
    let log = log();
    let events = follow(start(), log.messages()).unwrap().events;
    let takes = |from: usize, events_max| whole_commands(&events[from..], events_max, usize::MAX);
    assert_eq!([takes(0, 1), takes(0, 2), takes(0, 3), takes(0, 100)], [1, 1, 3, 4]);
    assert_eq!(takes(1, 1), 2, "a command larger than the bound is taken whole");
    assert_eq!(whole_commands(&events[1..2], 100, usize::MAX), 0, "half a command is none");
    assert_eq!(whole_commands(&events, 100, 1), 1, "a bound in bytes still lets one command pass");
}

#[test]
fn the_message_at_the_checkpoint_is_compared() {
    let (one, mut other) = (log(), log().branch(3, 5));
    other.like(post(1), user(9));
    let checkpoint = checkpoint_at(&one, 4);
    let state = stream(one.history, 4);
    assert_eq!(verify(&checkpoint, &state, Some(&one.messages()[3])).unwrap(), None);
    assert_eq!(verify(&checkpoint, &state, None).unwrap(), None, "the next event's predecessor will tell");
    let misplaced = Message { sequence: Position(4), ..one.messages().remove(1) };
    assert_eq!(verify(&checkpoint, &state, Some(&misplaced)).unwrap(), None, "a stranger's copy is the relay's affair");
    let alarm = verify(&checkpoint, &state, Some(&other.messages()[3])).unwrap_err();
    assert!(matches!(alarm, Alarm::AnotherEvent { position: Position(4), .. }), "{alarm}");
}

#[test]
fn a_lost_tail_and_an_earlier_history_are_waited_for() {
    let log = log();
    let checkpoint = checkpoint_at(&log, 4);
    let lost = verify(&checkpoint, &stream(log.history, 2), None).unwrap();
    assert_eq!(lost, Some(Obstacle::TailLost { last: Position(2), checkpoint: Position(4) }));
    let earlier = History(Uuid::from_u128(1));
    assert_eq!(verify(&checkpoint, &stream(earlier, 9), None).unwrap(), Some(Obstacle::EarlierHistory(earlier)));
}

#[test]
fn a_later_history_stops_even_if_it_is_shorter() {
    let checkpoint = checkpoint_at(&log(), 4);
    let later = stream(History(Uuid::from_u128(9)), 1);
    assert!(matches!(verify(&checkpoint, &later, None), Err(Alarm::LaterHistory { .. })));
}
