//! Which hits count, and what their token covers.

use super::world::{Impatient, Redis, World, page};
use crate::projector::testing::{page_key, post, user};
use crate::reader::{Need, OnTimeout, ReadError, Source};
use crate::store::DocumentStore;

#[tokio::test]
async fn the_token_of_an_answer_covers_what_was_not_there() {
    let mut world = World::begin().await;
    let (other, absent) = (page_key(post(1)), page_key(post(2)));
    world.fold(Redis::Reached, |log| log.write(post(2), user(1), "Soon gone")).await;
    world.fold(Redis::Away, |log| log.delete(post(2), user(1))).await;
    let gone_at = world.store().checkpoint().await.unwrap().revision;
    let (reader, keys) = (world.reader(), [absent.clone()]);
    let read = reader.read(&keys, Need::default(), &Impatient).await.unwrap();
    assert_eq!((read.source, read.revision, page(&read, &absent)), (Source::Store, gone_at, None));
    let again = reader.read(&keys, Need::default(), &Impatient).await.unwrap();
    assert_eq!((again.source, page(&again, &absent)), (Source::Cache, None));
    assert_eq!(again.revision, gone_at, "head stands at 1, where the page was there");
    let mixed = reader.read(&[absent, other], Need::default(), &Impatient).await.unwrap();
    assert_eq!((mixed.source, mixed.revision), (Source::Mixed, gone_at));
}

#[tokio::test]
async fn a_token_that_owes_nothing_is_not_waited_for_while_the_log_is_empty() {
    let world = World::begin().await;
    let (reader, key) = (world.reader(), page_key(post(1)));
    let answer = reader.read(std::slice::from_ref(&key), world.need(0), &Impatient).await.unwrap();
    assert!(!answer.stale && answer.history.is_none() && page(&answer, &key).is_none());
    assert!(!reader.reached(world.need(0), &Impatient).await.unwrap());
    let owed = reader.read(&[key], world.need(1), &Impatient).await;
    assert!(matches!(owed, Err(ReadError::ConsistencyTimeout { .. })), "{owed:?}");
}

#[tokio::test]
async fn an_older_answer_is_marked_and_only_given_if_asked_for() {
    let mut world = World::begin().await;
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "One")).await;
    let (reader, key) = (world.reader(), page_key(post(1)));
    let need = Need { on_timeout: OnTimeout::Stale, ..world.need(2) };
    let answer = reader.read(std::slice::from_ref(&key), need, &Impatient).await.unwrap();
    assert_eq!((answer.stale, page(&answer, &key)), (true, Some((0, "One".to_owned()))));
    assert!(reader.reached(need, &Impatient).await.unwrap());
}

#[tokio::test]
async fn an_answer_is_of_one_generation() {
    let mut world = World::begin().await;
    let (hit, missing) = (page_key(post(1)), page_key(post(2)));
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "Old").write(post(2), user(1), "Old")).await;
    let reader = world.reader();
    let hits = [hit.clone()];
    for source in [Source::Store, Source::Cache] {
        assert_eq!(reader.read(&hits, Need::default(), &Impatient).await.unwrap().source, source);
    }
    world.begin_anew().await;
    world.fold(Redis::Away, |log| log.write(post(1), user(1), "New").write(post(2), user(1), "New")).await;
    let answer = reader.read(&[hit.clone(), missing.clone()], Need::default(), &Impatient).await.unwrap();
    assert_eq!((answer.generation, answer.history, answer.source), (2, Some(world.log.history), Source::Store));
    let new = Some((0, "New".to_owned()));
    assert_eq!((page(&answer, &hit), page(&answer, &missing)), (new.clone(), new));
}

#[tokio::test]
async fn where_the_served_generation_is_gone_the_next_read_asks_which_one_is_served() {
    let mut world = World::begin().await;
    world.begin_anew().await;
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "One")).await;
    let store = world.store();
    assert_eq!(store.checkpoint().await.unwrap().generation, 2);
    world.empty_mongodb().await;
    assert!(store.checkpoint().await.is_err());
    assert_eq!(store.checkpoint().await.unwrap().generation, 1);
}

#[tokio::test]
async fn hits_do_not_count_while_the_projector_does_not_reach_the_cache() {
    let mut world = World::begin().await;
    let feed = world.feed();
    let reader = world.reader().following(feed.progress());
    let keys = [page_key(post(1))];
    world.fold(Redis::Reached, |log| log.write(post(1), user(1), "One")).await;
    feed.tick().await.unwrap();
    for source in [Source::Store, Source::Cache] {
        assert_eq!(reader.read(&keys, Need::default(), &Impatient).await.unwrap().source, source);
    }
    world.fold(Redis::Away, |log| log.like(post(1), user(2))).await;
    feed.tick().await.unwrap();
    let late = reader.read(&keys, Need::default(), &Impatient).await.unwrap();
    assert_eq!((late.source, page(&late, &keys[0])), (Source::Cache, Some((0, "One".to_owned()))), "a moment late");
    feed.tick().await.unwrap();
    let stuck = reader.read(&keys, Need::default(), &Impatient).await.unwrap();
    assert_eq!((stuck.source, page(&stuck, &keys[0])), (Source::Store, Some((1, "One".to_owned()))));
    world.fold(Redis::Reached, |log| log.like(post(1), user(3))).await;
    let again = reader.read(&keys, Need::default(), &Impatient).await.unwrap();
    assert_eq!((again.source, page(&again, &keys[0])), (Source::Cache, Some((2, "One".to_owned()))));
}
