//! How large a document is once its fragments are spread out, without spreading them out: each fragment is counted once, after those
//! that it spreads.

use crate::Steps;
use crate::limits::Limits;
use crate::outline::{Item, Kind, Outline, Selection};
use crate::refusal::{Limit, Refusal};
use std::collections::HashMap;
use std::ops::Range;

/// What a definition holds, with its fragments spread out.
#[derive(Debug, Clone, Copy, Default)]
struct Extent {
    selections: usize,
    root_fields: usize,
    sign_ins: usize,
    depth: usize,
    /// Below `__schema` or `__type` of this very definition.
    schema_depth: usize,
    /// Lists of the schema within each other.
    lists: usize,
    /// The same where it certainly is the schema.
    schema_lists: usize,
}

/// Refuses an outline that holds too much, and notes the order of its fragments.
pub(crate) fn check<'a>(
    mut outline: Outline<'a>,
    limits: &Limits,
    sign_ins: &[&str],
    steps: &mut Steps,
) -> Result<Outline<'a>, Refusal> {
    let names: HashMap<&str, usize> = outline.fragments.iter().enumerate().map(|(n, it)| (it.name, n)).collect();
    outline.order = order(&outline, &names, steps).ok_or(Refusal::Cycle)?;
    let mut sizes =
        Sizes { outline: &outline, names, sign_ins, extents: vec![Extent::default(); outline.fragments.len()] };
    for &fragment in &outline.order {
        let extent = sizes.extent(&outline.fragments[fragment].items, steps);
        check_size(&extent, limits, extent.selections)?;
        sizes.extents[fragment] = extent;
    }
    let mut selections: usize = 0;
    for operation in &outline.operations {
        let extent = sizes.extent(&operation.items, steps);
        selections = selections.saturating_add(extent.selections);
        check_size(&extent, limits, selections)?;
        check_roots(&extent, limits, operation.kind)?;
    }
    Ok(outline)
}

fn check_size(extent: &Extent, limits: &Limits, selections: usize) -> Result<(), Refusal> {
    limits.check(Limit::Selections, selections)?;
    limits.check(Limit::IntrospectionLists, extent.schema_lists)?;
    limits.check(Limit::IntrospectionDepth, extent.schema_depth)
}

fn check_roots(extent: &Extent, limits: &Limits, kind: Kind) -> Result<(), Refusal> {
    limits.check(Limit::Depth, extent.depth)?;
    if kind != Kind::Mutation {
        return limits.check(Limit::RootFields, extent.root_fields);
    }
    limits.check(Limit::SignIns, extent.sign_ins)?;
    limits.check(Limit::Mutations, extent.root_fields)
}

/// The fragments, each after those that it spreads; none if one of them spreads itself (Kahn's algorithm).
fn order(outline: &Outline<'_>, names: &HashMap<&str, usize>, steps: &mut Steps) -> Option<Vec<usize>> {
    let count = outline.fragments.len();
    let (mut spread_by, mut waits_for) = (vec![vec![]; count], vec![0_usize; count]);
    for (fragment, definition) in outline.fragments.iter().enumerate() {
        for item in &outline.items[definition.items.clone()] {
            steps.take(1);
            let Selection::Spread { name } = item.selection else { continue };
            let Some(&target) = names.get(name) else { continue };
            spread_by[target].push(fragment);
            waits_for[fragment] += 1;
        }
    }
    let mut order: Vec<usize> = (0..count).filter(|&fragment| waits_for[fragment] == 0).collect();
    let mut done = 0;
    while let Some(&fragment) = order.get(done) {
        done += 1;
        for &waiting in &spread_by[fragment] {
            steps.take(1);
            waits_for[waiting] -= 1;
            if waits_for[waiting] == 0 {
                order.push(waiting);
            }
        }
    }
    (order.len() == count).then_some(order)
}

struct Sizes<'a, 'b> {
    outline: &'b Outline<'a>,
    names: HashMap<&'a str, usize>,
    sign_ins: &'b [&'b str],
    /// Of the fragments that were counted.
    extents: Vec<Extent>,
}

impl Sizes<'_, '_> {
    fn extent(&self, items: &Range<usize>, steps: &mut Steps) -> Extent {
        let mut extent = Extent::default();
        for item in &self.outline.items[items.clone()] {
            steps.take(1);
            extent.selections = extent.selections.saturating_add(1);
            match item.selection {
                Selection::Field { name, .. } => self.add_field(&mut extent, item, name),
                Selection::Spread { name } => self.add_fragment(&mut extent, item, name),
                Selection::Inline { .. } => {}
            }
        }
        extent
    }

    fn add_field(&self, extent: &mut Extent, item: &Item<'_>, name: &str) {
        let is_root = item.depth == 0;
        extent.root_fields += usize::from(is_root);
        extent.sign_ins += usize::from(is_root && self.sign_ins.contains(&name));
        let lists = item.lists + usize::from(item.selection.is_list_of_schema());
        extent.lists = extent.lists.max(lists);
        if item.of_schema {
            extent.schema_lists = extent.schema_lists.max(lists);
        }
        let is_schema = item.of_schema || item.selection.begins_schema();
        let depth = if is_schema { &mut extent.schema_depth } else { &mut extent.depth };
        *depth = (*depth).max(item.depth + 1);
    }

    fn add_fragment(&self, extent: &mut Extent, item: &Item<'_>, name: &str) {
        let Some(&fragment) = self.names.get(name) else { return };
        let inner = self.extents[fragment];
        extent.selections = extent.selections.saturating_add(inner.selections);
        extent.lists = extent.lists.max(item.lists + inner.lists);
        if item.depth == 0 {
            extent.root_fields = extent.root_fields.saturating_add(inner.root_fields);
            extent.sign_ins = extent.sign_ins.saturating_add(inner.sign_ins);
        }
        if item.of_schema {
            extent.schema_lists = extent.schema_lists.max(item.lists + inner.lists);
            extent.schema_depth = extent.schema_depth.max(item.depth + inner.depth.max(inner.schema_depth));
            return;
        }
        extent.schema_lists = extent.schema_lists.max(inner.schema_lists);
        if inner.schema_depth > 0 {
            extent.schema_depth = extent.schema_depth.max(item.depth + inner.schema_depth);
        }
        extent.depth = extent.depth.max(item.depth + inner.depth);
    }
}
