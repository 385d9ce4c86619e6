//! What an answer was made of. While none of these documents has changed, making it again would give the same.

use super::gathered::Seen;
use super::read_side::Documents;
use crate::projection::DocumentKey;
use crate::reader::Answer;
use millrace_events::{History, Revision};

/// The most documents that are looked up again for one answer.
const DOCUMENTS_MAX: usize = 500;

/// The documents of one projection that an answer was made of, each at the revision that it had then.
///
/// History, generation and revision together name a document's content: a fold is a pure function of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The projection.
    pub projection: &'static str,
    history: History,
    generation: u32,
    /// Their keys.
    pub keys: Vec<DocumentKey>,
    /// The revision of each; none of one that did not exist.
    revisions: Vec<Option<Revision>>,
}

impl Shown {
    /// True if all of them are in this answer as they were.
    pub fn is_still_in(&self, answer: &Answer) -> bool {
        let is_as_it_was = |(key, revision): (&DocumentKey, &Option<Revision>)| {
            let found = answer.documents.get(key);
            found.is_some_and(|found| found.as_ref().map(|found| found.revision) == *revision)
        };
        answer.history == Some(self.history)
            && answer.generation == self.generation
            && self.keys.iter().zip(&self.revisions).all(is_as_it_was)
    }

    fn is_of(&self, projection: &str, history: History, generation: u32) -> bool {
        self.projection == projection && self.history == history && self.generation == generation
    }
}

/// All documents that an answer was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Basis(pub Vec<Shown>);

/// A basis that grows while a request is answered.
#[derive(Debug, Default)]
pub struct GrowingBasis {
    basis: Basis,
    /// True once something went into the answer that no revision stands for, such as a list.
    has_more: bool,
}

impl GrowingBasis {
    /// Something else than documents read by their keys goes into the answer.
    pub fn note_more(&mut self) {
        self.has_more = true;
    }

    /// Documents that were read by these keys. What no history stands behind, or is stale, stands for nothing.
    pub fn take<D>(&mut self, projection: &'static str, seen: &Seen, keys: &[DocumentKey], documents: &Documents<D>) {
        let Seen { generation, .. } = *seen;
        let Some(history) = seen.history.filter(|_| !seen.stale) else { return self.note_more() };
        let revisions = keys.iter().map(|key| documents.get(key).map(|found| found.revision));
        match self.basis.0.iter_mut().find(|shown| shown.is_of(projection, history, generation)) {
            Some(shown) => {
                shown.keys.extend_from_slice(keys);
                shown.revisions.extend(revisions);
            }
            None => {
                let (keys, revisions) = (keys.to_vec(), revisions.collect());
                self.basis.0.push(Shown { projection, history, generation, keys, revisions });
            }
        }
    }

    /// The whole basis; none if there is more than that in the answer, or nothing, or too much to look up.
    pub fn whole(&self) -> Option<Basis> {
        let documents: usize = self.basis.0.iter().map(|shown| shown.keys.len()).sum();
        (!self.has_more && (1..=DOCUMENTS_MAX).contains(&documents)).then(|| self.basis.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::read_side::Found;
    use super::*;
    use crate::reader::{self, Source};
    use millrace_events::Position;
    use std::collections::HashMap;
    use uuid::Uuid;

    const HISTORY: History = History(Uuid::nil());

    fn key(n: usize) -> DocumentKey {
        DocumentKey::new("post", n)
    }

    fn at(position: u64) -> Revision {
        Revision::at(Position(position))
    }

    fn seen(history: Option<History>, stale: bool) -> Seen {
        Seen { history, generation: 2, revision: at(9), lag_ms: None, stale, source: None }
    }

    /// Document 1 at position 4; document 2 does not exist.
    fn grown() -> GrowingBasis {
        let mut growing = GrowingBasis::default();
        let documents = Documents::from([(key(1), Found { revision: at(4), document: () })]);
        growing.take("content", &seen(Some(HISTORY), false), &[key(1)], &documents);
        growing.take("content", &seen(Some(HISTORY), false), &[key(2)], &Documents::<()>::new());
        growing
    }

    fn answer(first: Option<u64>, second: Option<u64>) -> Answer {
        let found = |position| reader::Found { revision: at(position), json: "{}".into(), is_parked: false };
        let documents = HashMap::from([(key(1), first.map(found)), (key(2), second.map(found))]);
        let (history, revision) = (Some(HISTORY), at(9));
        Answer { history, generation: 2, revision, documents, source: Source::Cache, stale: false }
    }

    #[test]
    fn it_stands_while_nothing_has_changed_come_or_gone() {
        let Basis(shown) = grown().whole().unwrap();
        let [shown] = &shown[..] else { panic!("one projection") };
        assert!(shown.is_still_in(&answer(Some(4), None)));
        assert!(!shown.is_still_in(&answer(Some(5), None)), "changed");
        assert!(!shown.is_still_in(&answer(None, None)), "gone");
        assert!(!shown.is_still_in(&answer(Some(4), Some(5))), "come");
        let other = Answer { generation: 3, ..answer(Some(4), None) };
        assert!(!shown.is_still_in(&other), "another fold may have made another document of the same events");
        let other = Answer { history: Some(History(Uuid::max())), ..answer(Some(4), None) };
        assert!(!shown.is_still_in(&other), "another life of the log");
        let partly = Answer { documents: HashMap::new(), ..answer(None, None) };
        assert!(!shown.is_still_in(&partly));
    }

    #[test]
    fn what_is_more_than_documents_has_no_basis() {
        assert_eq!(GrowingBasis::default().whole(), None, "nothing was read");
        let mut growing = grown();
        assert!(growing.whole().is_some());
        growing.note_more();
        assert_eq!(growing.whole(), None);
        let mut growing = grown();
        growing.take("content", &seen(Some(HISTORY), true), &[key(3)], &Documents::<()>::new());
        assert_eq!(growing.whole(), None, "stale");
        let mut growing = grown();
        growing.take("content", &seen(None, false), &[key(3)], &Documents::<()>::new());
        assert_eq!(growing.whole(), None, "an empty log");
    }
}
