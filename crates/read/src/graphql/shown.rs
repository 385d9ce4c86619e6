//! Pages of lists in which not everybody sees every entry. The newest come first in all of them.
//!
//! What is hidden leaves no trace, in a cursor neither: a page is filled with what stands behind it.

use super::error::Refusal;
use super::page::{PAGE_MAX, Page, Paging, Place};
use crate::projection::DocumentKey;
use std::future::Future;

/// The most parts of a list that are read for one page. Each but the first has [`PAGE_MAX`] entries.
const PARTS_MAX: usize = 10;

/// A page without what is hidden.
#[derive(Debug, Clone)]
pub struct Shown<T> {
    /// What is shown.
    pub page: Page<T>,
    /// Where to go on, if so much is hidden in a row that the page was not filled. It names nobody.
    pub goes_on_at: Option<Place>,
}

/// Reads a page, and while entries of it are hidden by `show`, what stands behind it.
pub async fn shown_page<T, U, Reading, Showing>(
    paging: &Paging,
    read: impl Fn(Paging) -> Reading,
    show: impl Fn(Vec<(Place, T)>) -> Showing,
) -> Result<Shown<U>, Refusal>
where
    Reading: Future<Output = Result<Page<T>, Refusal>>,
    Showing: Future<Output = Result<Vec<(Place, U)>, Refusal>>,
{
    let (mut shown, mut part, mut places) = (Vec::new(), paging.clone(), Vec::new());
    for _ in 0..PARTS_MAX {
        let Page { entries, more } = read(part.clone()).await?;
        places = entries.iter().map(|(place, _)| place.clone()).collect();
        append(&mut shown, show(entries).await?, paging.from_end);
        let end = if paging.from_end { places.first() } else { places.last() };
        let Some(end) = end.filter(|_| more && shown.len() < paging.size) else {
            return Ok(Shown { page: cut(shown, paging, more), goes_on_at: None });
        };
        part = beyond(part, end.clone());
    }
    let goes_on_at = between(&places, paging.from_end);
    if let Some(at) = &goes_on_at {
        shown.retain(|(place, _)| if paging.from_end { place < at } else { place > at });
    }
    Ok(Shown { page: cut(shown, paging, true), goes_on_at })
}

/// Puts what was read later where it stands in the list.
fn append<U>(shown: &mut Vec<(Place, U)>, mut later: Vec<(Place, U)>, from_end: bool) {
    if from_end {
        std::mem::swap(shown, &mut later);
    }
    shown.append(&mut later);
}

/// More may have been read than the page has room for: then there is more in the list, whatever the store says.
fn cut<U>(shown: Vec<(Place, U)>, paging: &Paging, more: bool) -> Page<U> {
    let page = Page::cut(shown, paging);
    Page { more: page.more || more, ..page }
}

fn beyond(part: Paging, end: Place) -> Paging {
    let part = Paging { size: PAGE_MAX, ..part };
    if part.from_end { Paging { before: Some(end), ..part } } else { Paging { after: Some(end), ..part } }
}

/// The last place of a part at which nothing stands, and behind which the list goes on: two entries of one moment are not parted by it.
fn between(places: &[Place], from_end: bool) -> Option<Place> {
    let differ = |pair: &&[Place]| pair[0].value != pair[1].value;
    let (found, key) = match from_end {
        true => (places.windows(2).find(differ).map(|pair| &pair[1]), BEHIND_ALL_IDS),
        false => (places.windows(2).rev().find(differ).map(|pair| &pair[0]), ""),
    };
    found.map(|place| Place { key: DocumentKey::new(place.key.kind(), key), ..place.clone() })
}

/// Ids are digits, and letters up to f.
const BEHIND_ALL_IDS: &str = "z";

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::future::ready;

    const KIND: &str = "user";

    /// Three of each moment, the newest first.
    fn place(n: i64) -> Place {
        Place::new(n / 3, DocumentKey::new(KIND, format_args!("{n:08}")))
    }

    async fn page(all: i64, paging: &Paging, is_hidden: fn(i64) -> bool) -> Shown<i64> {
        let read = |part: Paging| ready(Ok(Page::cut((0..all).rev().map(|n| (place(n), n)), &part)));
        let show =
            |entries: Vec<(Place, i64)>| ready(Ok(entries.into_iter().filter(|(_, n)| !is_hidden(*n)).collect()));
        shown_page(paging, read, show).await.unwrap()
    }

    /// Walks the whole list; answers what was shown, and how many pages that took.
    async fn walk(all: i64, size: usize, from_end: bool, is_hidden: fn(i64) -> bool) -> (Vec<i64>, usize) {
        let (mut paging, mut seen) = (Paging { from_end, ..Paging::first(size) }, Vec::new());
        for pages in 1.. {
            let Shown { page, goes_on_at } = page(all, &paging, is_hidden).await;
            let end = if from_end { page.entries.first() } else { page.entries.last() };
            let end = goes_on_at.or(end.map(|(place, _)| place.clone()));
            let hidden: BTreeSet<_> = (0..all).filter(|n| is_hidden(*n)).map(place).collect();
            assert!(end.iter().all(|end| !hidden.contains(end)), "a cursor names {end:?}");
            let shown = page.entries.iter().map(|(_, n)| *n);
            if from_end {
                seen.extend(shown.rev())
            } else {
                seen.extend(shown)
            }
            if !page.more {
                return (seen, pages);
            }
            paging = if from_end { Paging { before: end, ..paging } } else { Paging { after: end, ..paging } };
            assert!(paging.after.is_some() || paging.before.is_some(), "there is more, and no way to it");
        }
        unreachable!("a walk has an end")
    }

    async fn is_whole(all: i64, size: usize, pages_max: usize, is_hidden: fn(i64) -> bool) {
        let wanted: Vec<i64> = (0..all).filter(|n| !is_hidden(*n)).collect();
        let (backward, pages) = walk(all, size, true, is_hidden).await;
        assert_eq!((backward, pages <= pages_max), (wanted.clone(), true), "{pages} pages from the end");
        let (forward, pages) = walk(all, size, false, is_hidden).await;
        assert_eq!((forward, pages <= pages_max), (wanted.into_iter().rev().collect(), true), "{pages} pages");
    }

    #[tokio::test]
    async fn every_page_is_full_until_the_list_ends() {
        is_whole(20, 3, 7, |_| false).await;
        is_whole(20, 3, 5, |n| n % 2 == 0).await;
        is_whole(20, 1, 3, |n| n != 7 && n != 8).await;
        is_whole(300, 3, 1, |_| true).await;
    }

    #[tokio::test]
    async fn whoever_is_hidden_by_the_thousand_is_walked_over() {
        is_whole(5_000, 2, 20, |n| n > 4 && n < 4_990).await;
        is_whole(5_000, 1, 20, |n| n % 2_500 != 1).await;
    }
}
