//! What a projector does with events and fan-outs: load, fold on copies, commit by compare, and only then swap the copies in.

use super::alarm::Alarm;
use super::core::{Projector, RoundError, Step};
use super::draft::Drafted;
use super::fold::{Batch, Sighted, Unopened};
use super::source::Source;
use super::spread;
use super::state::{State, States};
use crate::cache::Cache;
use crate::projection::{Document, DocumentKey, FanOut, FanOutWork, Projection, Selector};
use crate::store::{Checkpoint, Committed, DeadLetter, DocumentStore, Snapshot};
use millrace_events::fail_point::reach;
use millrace_events::{Envelope, KeyState, UserId, rule};
use std::collections::HashMap;
use std::sync::Arc;

fn say_parked<P: Projection>(letter: &DeadLetter) {
    let DeadLetter { key, position, event, reason } = letter;
    let projection = P::NAME;
    tracing::error!(projection, %key, %position, event, reason, "a document is parked: see `millrace parked`");
}

/// A drafted chunk and how many documents it looked at.
struct Chunk<D> {
    drafted: Drafted<D>,
    documents: usize,
}

/// Keys of persons, and documents; none if the store has moved on.
type Gathered<D> = (HashMap<UserId, KeyState>, Option<States<D>>);

/// None if nothing is missing.
async fn read<D: Document, S: DocumentStore<D>>(
    store: &S,
    missing: &[DocumentKey],
) -> Result<Option<Snapshot<D>>, RoundError> {
    if missing.is_empty() {
        return Ok(None);
    }
    store.read(missing).await.map(Some).map_err(RoundError::Store)
}

impl<P, S, D, C> Projector<P, S, D, C>
where
    P: Projection,
    S: Source,
    D: DocumentStore<P::Document>,
    C: Cache,
{
    /// Folds events that follow the checkpoint.
    pub(super) async fn fold(&mut self, from: Checkpoint, envelopes: Vec<Envelope>) -> Result<Step, RoundError> {
        reach("projector.fetched").await;
        let Some(history) = envelopes.first().map(|envelope| envelope.history) else {
            return Ok(self.stay(from, Step::Idle));
        };
        let sighted = Sighted::of::<P>(envelopes);
        let (keys, loaded) = self.gather(&from, &sighted).await?;
        let batch = match Batch::open(sighted, history, &keys) {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(self.stay(from, Step::Idle)),
            Err(Unopened::Obstacle(obstacle)) => return Ok(self.wait_for(from, obstacle)),
            Err(Unopened::Alarm(alarm)) => return Err(alarm.into()),
        };
        let Some(states) = loaded else { return Ok(Step::CompareLost) };
        let stream = self.stream.as_ref().map(|(state, _)| state.identity.clone());
        let drafted = batch.fold::<P>(&from, stream, states);
        reach("projector.folded").await;
        match self.commit(&from, drafted).await? {
            Committed::Yes => {
                self.chunk_is_next = true;
                Ok(Step::Folded { events: batch.len() })
            }
            Committed::CompareLost => Ok(Step::CompareLost),
            Committed::TooLarge => self.fold_less(from, &batch),
        }
    }

    fn fold_less(&mut self, from: Checkpoint, batch: &Batch) -> Result<Step, RoundError> {
        if let Some(command_id) = batch.only_command() {
            return Err(Alarm::TooLarge { position: from.revision.position.next(), command_id }.into());
        }
        self.portion.halve_events(batch.len());
        Ok(self.stay(from, Step::TooLarge))
    }

    /// Does the next chunk of a fan-out.
    pub(super) async fn spread(&mut self, from: Checkpoint, fan_out: &FanOut) -> Result<Step, RoundError> {
        let chunk = match &fan_out.work {
            FanOutWork::Each { selector, done, .. } => self.draft_each(&from, fan_out, selector, done.as_ref()).await?,
            FanOutWork::Refill { document, selector, newest } => {
                self.draft_refill(&from, fan_out, document, selector, *newest as usize).await?
            }
        };
        let Some(Chunk { drafted, documents }) = chunk else { return Ok(Step::CompareLost) };
        match self.commit(&from, drafted).await? {
            Committed::Yes => {
                self.chunk_is_next = false;
                Ok(Step::Spread)
            }
            Committed::CompareLost => Ok(Step::CompareLost),
            Committed::TooLarge if documents <= 1 => {
                Err(Alarm::TooLarge { position: fan_out.position, command_id: fan_out.command_id }.into())
            }
            Committed::TooLarge => {
                self.portion.halve_documents(documents);
                Ok(self.stay(from, Step::TooLarge))
            }
        }
    }

    /// The selected documents may be newer than the checkpoint: then the commit loses its compare.
    async fn draft_each(
        &mut self,
        from: &Checkpoint,
        fan_out: &FanOut,
        selector: &Selector,
        done: Option<&DocumentKey>,
    ) -> Result<Option<Chunk<P::Document>>, RoundError> {
        let limit = self.portion.documents;
        let selected = self.store.select(selector, done, limit).await.map_err(RoundError::Store)?;
        let Some(mut states) = self.load(from, &fan_out.reads).await? else { return Ok(None) };
        let documents = selected.len();
        let mut keys = Vec::with_capacity(documents);
        for (key, stored) in selected {
            states.set(key.clone(), Arc::new(State::from(stored)));
            keys.push(key);
        }
        let drafted = spread::spread_each::<P>(from, fan_out, &keys, limit, states);
        Ok(Some(Chunk { drafted, documents }))
    }

    async fn draft_refill(
        &mut self,
        from: &Checkpoint,
        fan_out: &FanOut,
        document: &DocumentKey,
        selector: &Selector,
        newest: usize,
    ) -> Result<Option<Chunk<P::Document>>, RoundError> {
        let selected = self.store.newest(selector, newest).await.map_err(RoundError::Store)?;
        let selected: Vec<_> = selected.into_iter().map(|(key, stored)| (key, stored.document)).collect();
        let mut wanted = P::refill_reads(&selected);
        wanted.extend(fan_out.reads.iter().cloned());
        wanted.push(document.clone());
        let Some(states) = self.load(from, &wanted).await? else { return Ok(None) };
        let drafted = spread::spread_refill::<P>(from, fan_out, document, &selected, states);
        Ok(Some(Chunk { drafted, documents: 1 }))
    }

    /// Keys and documents of the events, both asked for at once: an event that comes alone waits for the slower of the two.
    async fn gather(&mut self, from: &Checkpoint, sighted: &Sighted) -> Result<Gathered<P::Document>, RoundError> {
        self.kept.belong_to(from.revision);
        let (states, missing) = self.kept.gather(&sighted.wanted());
        let persons = sighted.persons();
        let (keys, snapshot) = tokio::join!(self.source.keys(&persons), read(&self.store, &missing));
        let keys = keys.map_err(RoundError::Source)?;
        Ok((keys, self.add(from, states, &missing, snapshot?)))
    }

    /// Documents as they are at the checkpoint; none if the store has moved on.
    async fn load(
        &mut self,
        from: &Checkpoint,
        wanted: &[DocumentKey],
    ) -> Result<Option<States<P::Document>>, RoundError> {
        self.kept.belong_to(from.revision);
        let (states, missing) = self.kept.gather(wanted);
        let snapshot = read(&self.store, &missing).await?;
        Ok(self.add(from, states, &missing, snapshot))
    }

    /// What was kept, and what was read because it was not; none if that is of another revision.
    fn add(
        &mut self,
        from: &Checkpoint,
        mut states: States<P::Document>,
        missing: &[DocumentKey],
        snapshot: Option<Snapshot<P::Document>>,
    ) -> Option<States<P::Document>> {
        let Some(snapshot) = snapshot else { return Some(states) };
        if snapshot.checkpoint.revision != from.revision {
            return None;
        }
        let loaded = States::of_snapshot(missing, snapshot);
        self.kept.keep(&loaded);
        states.extend(loaded);
        Some(states)
    }

    /// Commits, swaps the copies in, and writes them through. After a doubtful answer nothing of it is kept.
    async fn commit(&mut self, from: &Checkpoint, drafted: Drafted<P::Document>) -> Result<Committed, RoundError> {
        let _under_way = self.committing.begin();
        let Drafted { commit, states } = drafted;
        if !rule("folds_on_copies") {
            self.kept.keep(&states);
        }
        let committed = match self.store.commit(from.revision, &commit).await {
            Err(_) if !rule("docs_kept_only_if_certain") => {
                let now = self.store.checkpoint().await.map_err(RoundError::Store)?;
                if now.revision == commit.checkpoint.revision { Committed::Yes } else { Committed::CompareLost }
            }
            answer => answer.map_err(RoundError::Store)?,
        };
        if committed != Committed::Yes {
            return Ok(committed);
        }
        commit.dead_letters.iter().for_each(say_parked::<P>);
        reach("projector.committed").await;
        self.portion.grow();
        self.kept.advance(commit.checkpoint.revision, &states);
        self.write_through(from, &commit).await;
        self.seen = Some(commit.checkpoint.clone());
        self.checkpoint = Some(commit.checkpoint);
        Ok(committed)
    }
}
