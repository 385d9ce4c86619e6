//! What a document is made of, as far as limits and cost are concerned.

use std::iter;
use std::ops::Range;

/// The kind of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A query.
    Query,
    /// A mutation.
    Mutation,
    /// A subscription.
    Subscription,
}

/// The definitions of a document, and their selections in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline<'a> {
    pub(crate) operations: Vec<Operation<'a>>,
    pub(crate) fragments: Vec<Fragment<'a>>,
    pub(crate) items: Vec<Item<'a>>,
    pub(crate) arguments: Vec<(&'a str, Argument<'a>)>,
    /// The fragments, each after those that it spreads; known once they have been looked at.
    pub(crate) order: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operation<'a> {
    pub(crate) kind: Kind,
    pub(crate) name: Option<&'a str>,
    /// With the values that they have if none comes.
    pub(crate) variables: Vec<(&'a str, Argument<'a>)>,
    pub(crate) items: Range<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fragment<'a> {
    pub(crate) name: &'a str,
    pub(crate) on: &'a str,
    pub(crate) items: Range<usize>,
}

/// A selection. Those within it follow it, up to `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    pub(crate) selection: Selection<'a>,
    /// Fields around it in its definition.
    pub(crate) depth: usize,
    /// Lists of the schema around it in its definition.
    pub(crate) lists: usize,
    /// True below `__schema` or `__type` of its definition.
    pub(crate) of_schema: bool,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection<'a> {
    Field { name: &'a str, arguments: Range<usize> },
    Inline { on: Option<&'a str> },
    Spread { name: &'a str },
}

/// What an argument is, as far as it says how long a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument<'a> {
    Int(i64),
    List(usize),
    Variable(&'a str),
    Other,
}

impl<'a> Outline<'a> {
    /// The operation that is executed under this name; none if it is not clear which.
    pub(crate) fn operation(&self, name: Option<&str>) -> Option<&Operation<'a>> {
        match (name, &self.operations[..]) {
            (Some(_), all) => all.iter().find(|operation| operation.name == name),
            (None, [one]) => Some(one),
            (None, _) => None,
        }
    }

    /// True if every operation is a query of nothing but fields about the schema (`__schema`, `__type`, `__typename`), none of them in a
    /// fragment.
    pub fn is_about_the_schema(&self) -> bool {
        self.operations.iter().all(|operation| {
            operation.kind == Kind::Query && self.own(&operation.items).all(|item| item.selection.is_of_the_schema())
        })
    }

    /// True if anything in the document, executed or not, leads into the schema (`__schema`, `__type`).
    pub fn reads_the_schema(&self) -> bool {
        self.items.iter().any(|item| item.selection.begins_schema())
    }

    /// The selections of a definition that lie in no other.
    fn own(&self, items: &Range<usize>) -> impl Iterator<Item = &Item<'a>> {
        let first = self.items[items.clone()].first();
        iter::successors(first, move |item| self.items[..items.end].get(item.end))
    }

    /// What is executed under this name; none if it is not clear.
    pub fn kind(&self, name: Option<&str>) -> Option<Kind> {
        self.operation(name).map(|operation| operation.kind)
    }
}

impl Selection<'_> {
    /// True for the way into the schema.
    pub(crate) fn begins_schema(&self) -> bool {
        matches!(self, Self::Field { name: "__schema" | "__type", .. })
    }

    /// True for fields that every schema has. Fields about the schema begin so, and no others may.
    fn is_of_the_schema(&self) -> bool {
        matches!(self, Self::Field { name, .. } if name.starts_with("__"))
    }

    /// True for a list of the schema's parts that can lie in itself again. The names are those of graphql-js, which limits the same.
    pub(crate) fn is_list_of_schema(&self) -> bool {
        let Self::Field { name, .. } = self else { return false };
        matches!(*name, "fields" | "inputFields" | "interfaces" | "possibleTypes")
    }
}
