//! Lists, straight from MongoDB: a page of one kind of documents, with a checkpoint that covers it.
//!
//! Values of a filter are always bound as strings: nothing that a client sends becomes a query.

use super::answer::{Need, ReadError};
use super::core::Reader;
use super::patience::Patience;
use super::served::ServedStore;
use crate::cache::Cache;
use crate::projection::{DocumentKey, Projection};
use crate::store::{Checkpoint, DocumentStore, StoreError, Stored};
use mongodb::bson::{Bson, Document, doc};

/// The most entries of one page.
pub const LIST_ENTRIES_MAX: usize = 1_000;

/// While one page is read, the projection may go over to the next generation; more often than this is not waited for.
const GENERATIONS_MAX: usize = 3;

/// No page could be read within one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the projection goes over to other generations again and again")]
struct CutOverAgain;

/// What a list is sorted by: a field with a whole number, then the key in the same direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sort {
    /// The field; with the conditions before it and the key behind it there must be an index.
    pub field: &'static str,
    /// True if the highest comes first.
    pub descending: bool,
}

impl Sort {
    /// The newest first.
    pub const NEWEST: Self = Self { field: "createdMicros", descending: true };
}

impl Default for Sort {
    fn default() -> Self {
        Self::NEWEST
    }
}

/// Where an entry stands in its list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SortKey {
    /// What the sort's field has in it.
    pub value: i64,
    /// Its key.
    pub key: DocumentKey,
}

/// Which documents, and which page of them.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// The documents' kind.
    pub kind: &'static str,
    /// Each field must have (or hold) one of its values.
    pub any_of: Vec<(&'static str, Vec<String>)>,
    /// Words to search for, in the fields of the text index.
    pub text: Option<String>,
    /// In which order.
    pub sort: Sort,
    /// Only what comes after this entry.
    pub after: Option<SortKey>,
    /// Only what comes before this entry.
    pub before: Option<SortKey>,
    /// Take the page from the end of the list.
    pub backward: bool,
    /// How many entries at the most.
    pub limit: usize,
}

/// A page, in list order.
#[derive(Debug, Clone)]
pub struct Page<D> {
    /// A checkpoint that covers all that the page shows.
    pub checkpoint: Checkpoint,
    /// The entries.
    pub entries: Vec<(DocumentKey, Stored<D>)>,
    /// True if there are more in the direction in which the page was taken.
    pub has_more: bool,
    /// True if it is older than what was owed, as the request allowed.
    pub stale: bool,
}

impl<P: Projection, C: Cache> Reader<P, ServedStore<P>, C> {
    /// One page, as new as the need says.
    ///
    /// The checkpoint is waited for before, and read again after: it covers all that the page shows.
    pub async fn page(
        &self,
        query: &ListQuery,
        need: Need,
        patience: &impl Patience,
    ) -> Result<Page<P::Document>, ReadError> {
        if query.limit > LIST_ENTRIES_MAX {
            return Err(ReadError::TooManyKeys { max: LIST_ENTRIES_MAX });
        }
        let stale = self.reached(need, patience).await?;
        let direction = if query.backward == query.sort.descending { 1 } else { -1 };
        let sort = doc! { query.sort.field: direction, "_id": direction };
        let (mut entries, checkpoint) = self.find(query, sort).await.map_err(ReadError::Store)?;
        let has_more = entries.len() > query.limit;
        entries.truncate(query.limit);
        if query.backward {
            entries.reverse();
        }
        Ok(Page { checkpoint, entries, has_more, stale })
    }

    /// Entries, and a checkpoint of the same generation: a retired one is found out only by its checkpoint.
    async fn find(&self, query: &ListQuery, sort: Document) -> Result<Listed<P::Document>, StoreError> {
        for _ in 0..GENERATIONS_MAX {
            let (generation, entries) = self.store().find(filter(query), sort.clone(), query.limit + 1).await?;
            let checkpoint = self.store().checkpoint().await?;
            if checkpoint.generation == generation {
                return Ok((entries, checkpoint));
            }
        }
        Err(CutOverAgain.into())
    }
}

type Listed<D> = (Vec<(DocumentKey, Stored<D>)>, Checkpoint);

fn filter(query: &ListQuery) -> Document {
    let mut filter = doc! { "kind": query.kind };
    for (field, values) in &query.any_of {
        let condition: Bson = match values.as_slice() {
            [value] => Bson::String(value.clone()),
            many => doc! { "$in": many.to_vec() }.into(),
        };
        filter.insert(*field, condition);
    }
    if let Some(words) = &query.text {
        filter.insert("$text", doc! { "$search": words });
    }
    let (behind, before) = if query.sort.descending { ("$lt", "$gt") } else { ("$gt", "$lt") };
    let bounds: Vec<Document> = [(&query.after, behind), (&query.before, before)]
        .into_iter()
        .filter_map(|(place, operator)| place.as_ref().map(|place| beyond(query.sort.field, place, operator)))
        .collect();
    if !bounds.is_empty() {
        filter.insert("$and", bounds);
    }
    filter
}

fn beyond(field: &str, place: &SortKey, operator: &str) -> Document {
    let SortKey { value, key } = place;
    doc! { "$or": [
        { field: { operator: value } },
        { field: value, "_id": { operator: key.as_str() } },
    ] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_binds_values_as_strings() {
        let query = ListQuery {
            kind: "post",
            any_of: vec![("authorId", vec!["{\"$gt\":\"\"}".into()]), ("tags", vec!["a".into(), "b".into()])],
            ..ListQuery::default()
        };
        assert_eq!(
            filter(&query),
            doc! { "kind": "post", "authorId": "{\"$gt\":\"\"}", "tags": { "$in": ["a", "b"] } }
        );
    }

    #[test]
    fn a_page_lies_between_its_bounds() {
        let place = |value| Some(SortKey { value, key: DocumentKey::new("post", 1) });
        let query = ListQuery { kind: "post", after: place(9), before: place(3), ..ListQuery::default() };
        let found = filter(&query);
        let bounds = found.get_array("$and").unwrap();
        assert_eq!(bounds.len(), 2);
        assert!(bounds[0].to_string().contains("$lt") && bounds[1].to_string().contains("$gt"));
        let lowest_first = Sort { field: "priceMinor", descending: false };
        let found = filter(&ListQuery { sort: lowest_first, ..query });
        let bounds = found.get_array("$and").unwrap();
        assert!(bounds[0].to_string().contains("$gt") && bounds[1].to_string().contains("$lt"));
        assert!(bounds[0].to_string().contains("priceMinor"));
    }
}
