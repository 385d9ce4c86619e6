//! Paging of lists: Relay's arguments, and cursors that name a place by its sort key.

use super::error::Refusal;
use crate::projection::DocumentKey;
use crate::reader::{Sort, SortKey};
use async_graphql::SimpleObject;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// How many entries a list answers if nothing is said.
pub const PAGE_DEFAULT: usize = 20;
/// The most entries that a list answers.
pub const PAGE_MAX: usize = 100;
const CURSOR_BYTES_MAX: usize = 256;

/// Where an entry stands in its list: by what the list is sorted by, and then by key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// What the sort's field has in it.
    pub value: i64,
    /// Its key.
    pub key: DocumentKey,
    /// What the list is sorted by.
    pub sort: Sort,
}

impl Place {
    /// The place of an entry in a list whose newest comes first.
    pub fn new(created_micros: i64, key: DocumentKey) -> Self {
        Self::sorted(Sort::NEWEST, created_micros, key)
    }

    /// The place of an entry in a list with this order.
    pub fn sorted(sort: Sort, value: i64, key: DocumentKey) -> Self {
        Self { value, key, sort }
    }

    /// The opaque text that clients hold. It names any order but the usual one, so that it is good for its own list only.
    pub fn to_cursor(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}~{}{}", self.value, self.key, suffix(self.sort)))
    }

    /// The same for the reader.
    pub fn to_sort_key(&self) -> SortKey {
        SortKey { value: self.value, key: self.key.clone() }
    }

    /// Reads a cursor of a list of this kind of documents in this order.
    fn from_cursor(kind: &str, sort: Sort, text: &str) -> Option<Self> {
        if text.len() > CURSOR_BYTES_MAX {
            return None;
        }
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (value, key) = text.strip_suffix(suffix(sort).as_str())?.split_once('~')?;
        let place = Self::sorted(sort, value.parse().ok()?, DocumentKey::from_store(key));
        (place.key.kind() == kind && !key.contains('~')).then_some(place)
    }
}

fn suffix(sort: Sort) -> String {
    if sort == Sort::NEWEST {
        return String::new();
    }
    format!("~{}{}", sort.field, if sort.descending { '-' } else { '+' })
}

/// Relay's four arguments, as they came.
#[derive(Debug, Clone, Default)]
pub struct PageArguments {
    /// How many from the start.
    pub first: Option<i32>,
    /// Behind which entry.
    pub after: Option<String>,
    /// How many from the end.
    pub last: Option<i32>,
    /// Before which entry.
    pub before: Option<String>,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// How many entries, 1 to [`PAGE_MAX`].
    pub size: usize,
    /// True if they are counted from the end.
    pub from_end: bool,
    /// Only what stands behind this place.
    pub after: Option<Place>,
    /// Only what stands before this place.
    pub before: Option<Place>,
    /// In which order the list is.
    pub sort: Sort,
}

impl Paging {
    /// The first entries of a list whose newest comes first.
    pub fn first(size: usize) -> Self {
        Self { size, from_end: false, after: None, before: None, sort: Sort::NEWEST }
    }
}

impl PageArguments {
    /// Checks the arguments for a list of this kind of documents, whose newest comes first.
    pub fn parse(&self, kind: &str) -> Result<Paging, Refusal> {
        self.parse_sorted(kind, Sort::NEWEST)
    }

    /// Checks the arguments for a list of this kind of documents in this order.
    pub fn parse_sorted(&self, kind: &str, sort: Sort) -> Result<Paging, Refusal> {
        let (argument, wanted) = match (self.first, self.last) {
            (Some(_), Some(_)) => return Err(Refusal::BothEnds),
            (None, Some(last)) => ("last", Some(last)),
            (first, None) => ("first", first),
        };
        Ok(Paging {
            size: size(argument, wanted)?,
            from_end: argument == "last",
            after: place(kind, sort, "after", self.after.as_deref())?,
            before: place(kind, sort, "before", self.before.as_deref())?,
            sort,
        })
    }
}

fn size(argument: &'static str, wanted: Option<i32>) -> Result<usize, Refusal> {
    let Some(wanted) = wanted else { return Ok(PAGE_DEFAULT) };
    match usize::try_from(wanted) {
        Err(_) | Ok(0) => Err(Refusal::EmptyPage { argument }),
        Ok(size) if size > PAGE_MAX => Err(Refusal::LimitExceeded { limit: argument, max: PAGE_MAX }),
        Ok(size) => Ok(size),
    }
}

fn place(kind: &str, sort: Sort, argument: &'static str, cursor: Option<&str>) -> Result<Option<Place>, Refusal> {
    let Some(cursor) = cursor else { return Ok(None) };
    Place::from_cursor(kind, sort, cursor).map(Some).ok_or(Refusal::MalformedCursor { argument })
}

/// How much a list weighs in a query's complexity: as many times its entries as it may answer.
pub fn weight(first: Option<i32>, last: Option<i32>) -> usize {
    let wanted = first.or(last).and_then(|wanted| usize::try_from(wanted).ok()).unwrap_or(PAGE_DEFAULT);
    wanted.clamp(1, PAGE_MAX)
}

/// Where a page stands in its list.
#[derive(Debug, Clone, PartialEq, Eq, SimpleObject)]
pub struct PageInfo {
    /// True if entries follow behind this page.
    pub has_next_page: bool,
    /// True if entries stand before this page.
    pub has_previous_page: bool,
    /// Cursor of the first entry, to go on from; null if there is none. A page may have few entries or none, and the list go on.
    pub start_cursor: Option<String>,
    /// Cursor of the last entry, to go on from; null if there is none. A page may have few entries or none, and the list go on.
    pub end_cursor: Option<String>,
}

/// The entries of a page, in the list's order.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// The entries with their places.
    pub entries: Vec<(Place, T)>,
    /// True if there are more in the direction of travel.
    pub more: bool,
}

impl<T> Page<T> {
    /// Cuts a page out of the beginning of a list, if nothing that stands behind it can belong to the page; `is_whole` if nothing does.
    pub fn of_beginning(kept: Vec<(Place, T)>, is_whole: bool, paging: &Paging) -> Option<Self> {
        let last = kept.last().map(|(place, _)| place.clone());
        let ends_within = last.zip(paging.before.as_ref()).is_some_and(|(last, before)| last <= *before);
        let page = Self::cut(kept, paging);
        if is_whole || ends_within {
            return Some(page);
        }
        let is_full = !paging.from_end && page.entries.len() == paging.size;
        // What is asked for up to a place behind the beginning may end with the page: whether it does is not known here.
        let goes_on = page.more || paging.before.is_none();
        (is_full && goes_on).then_some(Self { more: true, ..page })
    }

    /// Cuts a page out of entries that are in the list's order and hold all of it, or a beginning that reaches beyond the page.
    pub fn cut(all: impl IntoIterator<Item = (Place, T)>, paging: &Paging) -> Self {
        let behind = |place: &Place| paging.after.as_ref().is_none_or(|after| place < after);
        let before = |place: &Place| paging.before.as_ref().is_none_or(|before| place > before);
        let mut entries: Vec<_> = all.into_iter().filter(|(place, _)| behind(place) && before(place)).collect();
        let surplus = entries.len().saturating_sub(paging.size);
        if paging.from_end {
            entries.drain(..surplus);
        } else {
            entries.truncate(paging.size);
        }
        Self { entries, more: surplus > 0 }
    }

    /// What `pageInfo` answers. A cursor names an entry, so a page behind one has at least that entry before it.
    pub fn info(&self, paging: &Paging) -> PageInfo {
        let cursor = |entry: Option<&(Place, T)>| entry.map(|(place, _)| place.to_cursor());
        let (after, before) = (paging.after.is_some(), paging.before.is_some());
        PageInfo {
            has_next_page: if paging.from_end { before } else { self.more },
            has_previous_page: if paging.from_end { self.more } else { after },
            start_cursor: cursor(self.entries.first()),
            end_cursor: cursor(self.entries.last()),
        }
    }

    /// The same page of other entries; those for which `map` answers none fall away.
    pub fn filter_map<U>(self, mut map: impl FnMut(T) -> Option<U>) -> Page<U> {
        let entries = self.entries.into_iter().filter_map(|(place, entry)| Some((place, map(entry)?))).collect();
        Page { entries, more: self.more }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place_at(n: i64) -> Place {
        Place::new(n, DocumentKey::new("post", n))
    }

    fn paging(arguments: &PageArguments) -> Paging {
        arguments.parse("post").unwrap()
    }

    fn cut(arguments: &PageArguments) -> (Vec<i64>, PageInfo) {
        let paging = paging(arguments);
        let page = Page::cut((1..=9).rev().map(|n| (place_at(n), n)), &paging);
        (page.entries.iter().map(|(_, n)| *n).collect(), page.info(&paging))
    }

    #[test]
    fn a_cursor_reads_back_for_its_own_list_only() {
        let cursor = place_at(-7).to_cursor();
        let read = |kind: &str, text: &str| Place::from_cursor(kind, Sort::NEWEST, text);
        assert_eq!(read("post", &cursor), Some(place_at(-7)));
        assert_eq!(read("comment", &cursor), None);
        for junk in ["", "!", "AAAA", &"A".repeat(400)] {
            assert_eq!(read("post", junk), None, "{junk}");
        }
        let by_price = Sort { field: "priceMinor", descending: false };
        let cheap = Place::sorted(by_price, 7, DocumentKey::new("product", 1));
        assert_eq!(Place::from_cursor("product", by_price, &cheap.to_cursor()), Some(cheap.clone()));
        assert_eq!(read("product", &cheap.to_cursor()), None, "another order is another list");
        assert_eq!(Place::from_cursor("post", by_price, &cursor), None);
    }

    #[test]
    fn sizes_are_one_to_a_hundred() {
        let first = |first| PageArguments { first: Some(first), ..PageArguments::default() }.parse("post");
        assert_eq!(paging(&PageArguments::default()).size, PAGE_DEFAULT);
        assert_eq!(first(100).map(|paging| paging.size), Ok(100));
        assert_eq!(first(101), Err(Refusal::LimitExceeded { limit: "first", max: PAGE_MAX }));
        assert_eq!(first(0), Err(Refusal::EmptyPage { argument: "first" }));
        assert_eq!(first(-1), Err(Refusal::EmptyPage { argument: "first" }));
        let both = PageArguments { first: Some(1), last: Some(1), ..PageArguments::default() };
        assert_eq!(both.parse("post"), Err(Refusal::BothEnds));
        let junk = PageArguments { before: Some("junk".into()), ..PageArguments::default() };
        assert_eq!(junk.parse("post"), Err(Refusal::MalformedCursor { argument: "before" }));
    }

    #[test]
    fn pages_from_either_end() {
        let (entries, info) = cut(&PageArguments { first: Some(2), ..PageArguments::default() });
        assert_eq!((entries, info.has_next_page, info.has_previous_page), (vec![9, 8], true, false));
        let after = Some(place_at(8).to_cursor());
        let (entries, info) = cut(&PageArguments { first: Some(7), after, ..PageArguments::default() });
        assert_eq!((entries, info.has_next_page, info.has_previous_page), ((1..=7).rev().collect(), false, true));
        let (entries, info) = cut(&PageArguments { last: Some(2), ..PageArguments::default() });
        assert_eq!((entries, info.has_next_page, info.has_previous_page), (vec![2, 1], false, true));
        let before = Some(place_at(2).to_cursor());
        let (entries, info) = cut(&PageArguments { last: Some(3), before, ..PageArguments::default() });
        assert_eq!(
            (entries, info.has_next_page, info.end_cursor),
            (vec![5, 4, 3], true, Some(place_at(3).to_cursor()))
        );
    }

    /// Of a list of nine the first five are kept: 9, 8, 7, 6, 5.
    fn beginning(is_whole: bool, arguments: PageArguments) -> Option<(Vec<i64>, bool)> {
        let kept = (5..=9).rev().map(|n| (place_at(n), n)).collect();
        let page = Page::of_beginning(kept, is_whole, &paging(&arguments))?;
        Some((page.entries.into_iter().map(|(_, n)| n).collect(), page.more))
    }

    #[test]
    fn a_beginning_gives_the_pages_that_nothing_behind_it_belongs_to() {
        let first = |first| PageArguments { first: Some(first), ..PageArguments::default() };
        let at = |n| Some(place_at(n).to_cursor());
        assert_eq!(beginning(false, first(2)), Some((vec![9, 8], true)));
        assert_eq!(
            beginning(false, first(5)),
            Some((vec![9, 8, 7, 6, 5], true)),
            "exactly what is kept, and there is more"
        );
        assert_eq!(beginning(true, first(5)), Some((vec![9, 8, 7, 6, 5], false)));
        assert_eq!(beginning(false, first(6)), None);
        assert_eq!(beginning(true, first(6)), Some((vec![9, 8, 7, 6, 5], false)));
        assert_eq!(beginning(false, PageArguments { after: at(7), ..first(2) }), Some((vec![6, 5], true)));
        assert_eq!(beginning(false, PageArguments { after: at(5), ..first(2) }), None);
        assert_eq!(beginning(false, PageArguments { before: at(5), ..first(4) }), Some((vec![9, 8, 7, 6], false)));
        assert_eq!(beginning(false, PageArguments { before: at(3), ..first(5) }), None, "is 4 there?");
        assert_eq!(beginning(false, PageArguments { before: at(3), ..first(4) }), Some((vec![9, 8, 7, 6], true)));
        let last = |last| PageArguments { last: Some(last), ..PageArguments::default() };
        assert_eq!(beginning(false, last(2)), None);
        assert_eq!(beginning(true, last(2)), Some((vec![6, 5], true)));
        assert_eq!(beginning(false, PageArguments { before: at(6), ..last(2) }), Some((vec![8, 7], true)));
        assert_eq!(beginning(false, PageArguments { before: at(4), ..last(2) }), None);
        let none = Page::<i64>::of_beginning(vec![], false, &paging(&first(1)));
        assert!(none.is_none(), "nothing is kept, and something is there");
    }

    #[test]
    fn a_list_weighs_what_it_may_answer() {
        assert_eq!((weight(None, None), weight(Some(5), None), weight(None, Some(7))), (20, 5, 7));
        assert_eq!((weight(Some(-1), None), weight(Some(1_000_000), None), weight(Some(0), None)), (20, 100, 1));
    }
}
