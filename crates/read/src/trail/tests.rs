use super::{Arrivals, Passages, now_us};
use crate::cache::Ring;
use crate::live::tests::world::change;
use crate::projection::{Audience, Change};
use millrace_events::{Position, Revision};

fn of_event(position: u64) -> Change {
    change("a", position, Position(position), Audience::Everyone, Audience::Everyone)
}

#[test]
fn what_came_is_told_with_the_ring_that_shows_it() {
    let (arrivals, passages) = (Arrivals::default(), Passages::default());
    let before = now_us();
    arrivals.note((1..=3).map(|position| (Position(position), before - 7)));
    let changes = [of_event(2), of_event(2), of_event(3)];
    let passed = arrivals.behind(&changes).unwrap();
    assert_eq!(passed.arrivals.iter().map(|arrival| arrival.position.0).collect::<Vec<_>>(), [2, 3]);
    passages.hear(&changes, &passed);
    let passage = passages.at(Position(3)).unwrap();
    assert_eq!(passage.arrival.streamed_us, before - 7);
    assert!(before <= passage.arrival.received_us && passage.arrival.received_us <= passage.shown_us);
    assert!(passage.to_subscribers_us() >= 0);
    assert_eq!(passages.at(Position(1)), None);
    assert_eq!((passages.since(before).len(), passages.since(now_us() + 1_000_000).len()), (2, 0));
}

#[test]
fn what_was_not_seen_to_come_is_not_told() {
    let arrivals = Arrivals::default();
    arrivals.note([(Position(5), now_us())]);
    assert_eq!(arrivals.behind(&[of_event(4)]), None);
    let chunk = Change { revision: Revision::at(Position(5)).after_chunk(), ..of_event(5) };
    assert_eq!(arrivals.behind(&[chunk]), None, "a fan-out's chunk says nothing of its event");
}

#[test]
fn events_that_come_again_are_noted_once() {
    let arrivals = Arrivals::default();
    arrivals.note([4, 5, 6, 5].map(|position| (Position(position), 1)));
    let told = arrivals.behind(&[of_event(4), of_event(5), of_event(6)]).unwrap();
    assert_eq!(told.arrivals.len(), 2, "the sixth has not come again yet");
}

#[test]
fn what_a_ring_tells_of_the_way_is_short() {
    let (arrivals, ring) = (Arrivals::default(), Ring::of(1, (1..=50).map(of_event).collect()));
    arrivals.note((1..=50).map(|position| (Position(position), now_us())));
    let telling = Ring { passed: arrivals.behind(&ring.changes), ..ring.clone() };
    let bytes = |ring: &Ring| serde_json::to_string(ring).unwrap().len();
    let told = bytes(&telling) - bytes(&ring);
    assert!((200..=400).contains(&told), "{told} bytes beside {}", bytes(&ring));
}

#[test]
fn only_the_last_passages_are_kept_and_the_later_of_two_at_a_position() {
    let (arrivals, passages) = (Arrivals::default(), Passages::default());
    let hear = |position: u64, streamed_us| {
        arrivals.note([(Position(position), streamed_us)]);
        let changes = [of_event(position)];
        passages.hear(&changes, &arrivals.behind(&changes).unwrap());
    };
    let (first, many) = (now_us(), 5_000);
    hear(1, 1);
    hear(1, 2);
    assert_eq!(passages.at(Position(1)).unwrap().arrival.streamed_us, 2);
    (2..many).for_each(|position| hear(position, 3));
    assert_eq!((passages.at(Position(1)), passages.at(Position(2))), (None, None), "forgotten");
    assert!(passages.at(Position(many - 1)).is_some());
    assert_eq!(passages.since(first).len(), 4_096);
}
