//! Any order of writes, rings (lost, doubled, late), ticks, polls, reconnects and trimming: each change once, in order, or a word
//! that it is gone.

use super::world::*;
use crate::live::{Closing, Cursor, Item, LiveLimits};
use crate::projection::Change;
use futures_util::FutureExt;
use proptest::prelude::*;
use std::collections::BTreeSet;

const NOTES: [&str; 3] = ["a", "b", "c"];

#[derive(Debug, Clone)]
enum Act {
    Write {
        note: usize,
    },
    /// So many changes, beginning so far before the last one.
    Ring {
        feed: usize,
        back: usize,
        count: usize,
    },
    Tick {
        feed: usize,
    },
    Take {
        items: usize,
    },
    Resume {
        feed: usize,
    },
    Listen {
        notes: u8,
    },
    Trim {
        keep: u64,
    },
    CutOver,
    Away {
        is_away: bool,
    },
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0..NOTES.len()).prop_map(|note| Act::Write { note }),
        8 => (0..2_usize, 1..6_usize, 1..6_usize).prop_map(|(feed, back, count)| Act::Ring { feed, back, count }),
        3 => (0..2_usize).prop_map(|feed| Act::Tick { feed }),
        6 => (1..5_usize).prop_map(|items| Act::Take { items }),
        2 => (0..2_usize).prop_map(|feed| Act::Resume { feed }),
        2 => (1..8_u8).prop_map(|notes| Act::Listen { notes }),
        1 => (0..6_u64).prop_map(|keep| Act::Trim { keep }),
        1 => Just(Act::CutOver),
        1 => any::<bool>().prop_map(|is_away| Act::Away { is_away }),
    ]
}

/// One subscriber, and what it is due.
struct World {
    store: MemoryStore,
    feeds: [TestFeed; 2],
    generation: u32,
    /// All changes of the generation, whether or not they are still kept.
    written: Vec<Change>,
    trimmed: u64,
    topics: BTreeSet<String>,
    subscription: TestSubscription,
    last: Option<Cursor>,
    given: usize,
}

fn set_of(notes: u8) -> BTreeSet<String> {
    let chosen = NOTES.iter().enumerate().filter(|(index, _)| notes & (1 << index) != 0);
    chosen.map(|(_, note)| key(note).to_string()).collect()
}

impl World {
    fn new() -> Self {
        let store = MemoryStore::new();
        let limits = LiveLimits { waiting_max: 4, ..LiveLimits::default() };
        let make = || feed_with(&store, limits).now_or_never().unwrap();
        let feeds = [make(), make()];
        let topics = set_of(1);
        let subscription = feeds[0].subscribe(request(["a"], None)).unwrap();
        let (written, last) = (vec![], None);
        Self { store, feeds, generation: 1, written, trimmed: 0, topics, subscription, last, given: 0 }
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Write { note } => self.written.push(self.store.write(NOTES[note])),
            Act::Ring { feed, back, count } => {
                let from = self.written.len().saturating_sub(back);
                let changes = self.written.iter().skip(from).take(count).cloned().collect();
                let ring = crate::cache::Ring::of(self.generation, changes);
                let _away = self.feeds[feed].hear(ring).now_or_never().unwrap();
            }
            Act::Tick { feed } => drop(self.feeds[feed].tick().now_or_never().unwrap()),
            Act::Take { items } => self.take(items),
            Act::Resume { feed } => self.resume(feed),
            Act::Listen { notes } => self.listen(notes),
            Act::Trim { keep } => {
                self.trimmed = self.trimmed.max((self.written.len() as u64).saturating_sub(keep));
                self.store.trim(self.trimmed);
            }
            Act::CutOver => {
                self.generation += 1;
                self.store.cut_over(self.generation, 1);
                (self.written, self.trimmed) = (vec![], 0);
            }
            Act::Away { is_away } => self.store.set_away(is_away),
        }
    }

    fn listen(&mut self, notes: u8) {
        self.topics = set_of(notes);
        self.subscription.set_topics(self.topics.clone()).unwrap();
    }

    fn resume(&mut self, feed: usize) {
        let request = crate::live::Request { topics: self.topics.clone(), ..request(["a"], self.last.clone()) };
        self.subscription = self.feeds[feed].subscribe(request).unwrap();
    }

    fn take(&mut self, items: usize) {
        for _ in 0..items {
            let Some(item) = ready(&mut self.subscription) else { return };
            match item {
                Item::Snapshot { cursor, .. } => {
                    assert_eq!(self.last, None, "only without a cursor");
                    self.last = Some(cursor);
                }
                Item::Change { cursor, change } => self.check(cursor, &change),
                Item::HistoryGone => self.check_gone(),
                Item::Closed { cursor, why: Closing::Slow | Closing::Store(_) } => {
                    assert_eq!(cursor, self.last);
                    self.resume(0);
                    return;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// The changes of its topics after its last item, in the generation that it follows.
    fn due(&self) -> Option<&Change> {
        let last = self.last.as_ref().filter(|last| last.generation == self.generation)?;
        let is_due = |change: &&Change| change.seq > last.seq && !change.topics.is_disjoint(&self.topics);
        self.written.iter().find(is_due)
    }

    fn check(&mut self, cursor: Cursor, change: &Change) {
        let last = self.last.as_ref().expect("a change before its snapshot");
        assert_eq!(cursor.generation, last.generation, "seq counts within a generation");
        if cursor.generation == self.generation {
            assert_eq!(Some(change), self.due(), "after {last:?}");
        }
        self.given += 1;
        self.last = Some(cursor);
    }

    /// Only if there is a reason for it; then it begins anew.
    fn check_gone(&mut self) {
        let last = self.last.take().expect("gone before its snapshot");
        let (is_other, is_trimmed) = (last.generation != self.generation, last.seq < self.trimmed);
        // A feed that missed what was trimmed cannot know whether it concerned this subscriber.
        assert!(is_other || is_trimmed || self.trimmed > 0, "gone after {last:?} without a reason");
        self.resume(0);
    }

    fn settle(&mut self) {
        self.store.set_away(false);
        for _ in 0..3 {
            for feed in &self.feeds {
                feed.tick().now_or_never().unwrap().unwrap();
            }
            self.take(usize::MAX);
        }
        assert_eq!(self.due(), None, "never told");
        assert_eq!(self.last.as_ref().map(|last| last.generation), Some(self.generation));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases * 8, ..ProptestConfig::default() })]

    #[test]
    fn each_change_is_told_once_and_in_order(acts in prop::collection::vec(act(), 1..80)) {
        let mut world = World::new();
        for act in &acts {
            world.act(act);
        }
        world.settle();
    }
}
