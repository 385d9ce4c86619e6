//! The reader that fills late loses.

use super::world::{Impatient, PageReader, Redis, World, page};
use crate::projection::DocumentKey;
use crate::projector::testing::{Gate, Gated, Held, Pages, page_key, post, user};
use crate::reader::{Need, Reader, Source};
use tokio::task::JoinHandle;

/// A reader that has read a page and is about to fill it in.
struct Late {
    reading: JoinHandle<crate::reader::Answer>,
    gate: Gate,
}

impl Late {
    async fn begin(world: &World, key: &DocumentKey) -> Self {
        let slow = Gated::new(world.store(), Held::Reads);
        let gate = slow.gate.clone();
        let (reader, keys) = (Reader::<Pages, _, _>::new(slow, world.cache()), [key.clone()]);
        let reading = tokio::spawn(async move { reader.read(&keys, Need::default(), &Impatient).await.unwrap() });
        gate.reached().await;
        Self { reading, gate }
    }

    /// It answers what it has read, which was right when it was read.
    async fn end(self) -> crate::reader::Answer {
        self.gate.let_through();
        self.reading.await.unwrap()
    }
}

async fn begin() -> (World, PageReader, DocumentKey) {
    let mut world = World::begin().await;
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "One")).await;
    let reader = world.reader();
    (world, reader, page_key(post(1)))
}

async fn shown(reader: &PageReader, key: &DocumentKey) -> (Source, Option<u32>) {
    let answer = reader.read(std::slice::from_ref(key), Need::default(), &Impatient).await.unwrap();
    (answer.source, page(&answer, key).map(|(likes, _)| likes))
}

#[tokio::test]
async fn against_a_change() {
    let (mut world, reader, key) = begin().await;
    let late = Late::begin(&world, &key).await;
    world.fold(Redis::Reached, |log| log.like(post(1), user(2))).await;
    assert_eq!(page(&late.end().await, &key).unwrap().0, 0);
    assert_eq!(shown(&reader, &key).await, (Source::Store, Some(1)), "nothing was filled in");
    assert_eq!(shown(&reader, &key).await, (Source::Cache, Some(1)));
}

#[tokio::test]
async fn against_a_deletion() {
    let (mut world, reader, key) = begin().await;
    let late = Late::begin(&world, &key).await;
    world.fold(Redis::Reached, |log| log.delete(post(1), user(1))).await;
    assert_eq!(page(&late.end().await, &key).unwrap().0, 0);
    assert_eq!(shown(&reader, &key).await, (Source::Store, None), "nothing was filled in");
    assert_eq!(shown(&reader, &key).await, (Source::Cache, None));
}

#[tokio::test]
async fn with_an_absence_against_a_creation() {
    let (mut world, reader, _) = begin().await;
    let key = page_key(post(2));
    let late = Late::begin(&world, &key).await;
    world.fold(Redis::Reached, |log| log.write(post(2), user(1), "Two")).await;
    assert_eq!(page(&late.end().await, &key), None);
    assert_eq!(shown(&reader, &key).await, (Source::Store, Some(0)));
}

/// Its lease has expired; another reader had one, and a third fills after the document is gone.
#[tokio::test]
async fn against_another_reader() {
    let (mut world, reader, key) = begin().await;
    let late = Late::begin(&world, &key).await;
    world.forget_documents().await;
    world.fold(Redis::Reached, |log| log.like(post(1), user(2))).await;
    let second = Late::begin(&world, &key).await;
    assert_eq!(page(&late.end().await, &key).unwrap().0, 0);
    assert_eq!(shown(&reader, &key).await, (Source::Store, Some(1)), "the second one still has the lease");
    assert_eq!(page(&second.end().await, &key).unwrap().0, 1);
    assert_eq!(shown(&reader, &key).await, (Source::Cache, Some(1)));
}
