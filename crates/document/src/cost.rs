//! What an operation costs: what each field weighs, as often as the lists around it may answer it.

use crate::Steps;
use crate::outline::{Argument, Kind, Operation, Outline, Selection};
use std::collections::HashMap;
use std::ops::Range;

/// How often the fields within a field may be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// Once.
    Once,
    /// As often as `first` or `last` say.
    Page {
        /// If they say nothing.
        default: usize,
        /// At the most.
        max: usize,
    },
    /// So often, whatever is asked: nobody can have the list shorter.
    AtMost(usize),
    /// Once for each entry of this argument.
    Each(&'static str),
}

/// A field of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Weight {
    /// The name of the type that it answers.
    pub answers: String,
    /// What it costs itself, beside the fields within it.
    pub own: usize,
    /// How often that is answered.
    pub times: Times,
}

/// The weights of a schema.
#[derive(Debug, Clone, Default)]
pub struct Weights {
    fields: HashMap<String, HashMap<String, Weight>>,
}

/// The type of each kind of operation.
fn root(kind: Kind) -> &'static str {
    match kind {
        Kind::Query => "Query",
        Kind::Mutation => "Mutation",
        Kind::Subscription => "Subscription",
    }
}

/// The value of a variable, as far as it says how long a list is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value {
    /// A whole number.
    Number(i64),
    /// A list of so many entries.
    List(usize),
    /// Anything else, null too.
    Other,
}

impl Weights {
    /// Notes what a field weighs.
    pub fn insert(&mut self, on: &str, field: &str, weight: Weight) {
        self.fields.entry(on.to_owned()).or_default().insert(field.to_owned(), weight);
    }

    fn get(&self, on: Option<&str>, field: &str) -> Option<&Weight> {
        self.fields.get(on?)?.get(field)
    }

    /// The cost of the operation that is executed under this name; none if it is not clear which.
    pub fn cost(
        &self,
        outline: &Outline<'_>,
        name: Option<&str>,
        values: &impl Fn(&str) -> Option<Value>,
        steps: &mut Steps,
    ) -> Option<usize> {
        let operation = outline.operation(name)?;
        let defaults = defaults(operation, steps);
        let mut costs = Costs { weights: self, outline, defaults, values, fragments: HashMap::new() };
        for &fragment in &outline.order {
            let definition = &outline.fragments[fragment];
            let cost = costs.of(&definition.items, definition.on, steps);
            costs.fragments.insert(definition.name, cost);
        }
        Some(costs.of(&operation.items, root(operation.kind), steps))
    }
}

/// The values that variables have if none comes, found once: each may be asked for many times.
fn defaults<'a>(operation: &Operation<'a>, steps: &mut Steps) -> HashMap<&'a str, Value> {
    steps.take(operation.variables.len());
    let value = |default: &Argument<'_>| match *default {
        Argument::Int(number) => Value::Number(number),
        Argument::List(length) => Value::List(length),
        Argument::Variable(_) | Argument::Other => Value::Other,
    };
    // Of two with the same name the first counts.
    operation.variables.iter().rev().map(|(name, default)| (*name, value(default))).collect()
}

struct Costs<'a, 'b, V> {
    weights: &'b Weights,
    outline: &'b Outline<'a>,
    defaults: HashMap<&'a str, Value>,
    values: &'b V,
    /// Of the fragments that were counted.
    fragments: HashMap<&'a str, usize>,
}

/// A field or inline fragment whose selections are being counted.
struct Open<'b> {
    end: usize,
    on: Option<&'b str>,
    /// What it costs itself.
    own: usize,
    times: usize,
    inner: usize,
}

impl<'b, V: Fn(&str) -> Option<Value>> Costs<'_, 'b, V> {
    fn of(&self, items: &Range<usize>, on: &'b str, steps: &mut Steps) -> usize {
        let mut open = vec![Open { end: items.end, on: Some(on), own: 0, times: 1, inner: 0 }];
        for index in items.clone() {
            steps.take(1);
            close(&mut open, index);
            let on = open.last().and_then(|open| open.on);
            let item = &self.outline.items[index];
            let inner = Open { end: item.end, on, own: 0, times: 1, inner: 0 };
            open.push(match &item.selection {
                Selection::Field { name, arguments } => self.field(inner, name, arguments, steps),
                Selection::Inline { on: condition } => Open { on: self.known(*condition).or(on), ..inner },
                Selection::Spread { name } => Open { inner: self.fragments.get(name).copied().unwrap_or(0), ..inner },
            });
        }
        close(&mut open, items.end);
        open.first().map_or(0, |all| all.inner)
    }

    fn field(&self, open: Open<'b>, name: &str, arguments: &Range<usize>, steps: &mut Steps) -> Open<'b> {
        let Some(weight) = self.weights.get(open.on, name) else { return Open { on: None, own: 1, ..open } };
        let times = self.times(weight.times, arguments, steps);
        Open { on: Some(weight.answers.as_str()), own: weight.own, times, ..open }
    }

    /// The schema's own text of a type's name, which lives longer than the document.
    fn known(&self, on: Option<&str>) -> Option<&'b str> {
        self.weights.fields.get_key_value(on?).map(|(name, _)| name.as_str())
    }

    fn times(&self, times: Times, arguments: &Range<usize>, steps: &mut Steps) -> usize {
        let mut find = |wanted: &str| {
            steps.take(arguments.len());
            let mut all = self.outline.arguments[arguments.clone()].iter();
            all.find(|(name, _)| *name == wanted).map(|(_, argument)| *argument)
        };
        match times {
            Times::Once => 1,
            Times::AtMost(entries) => entries,
            Times::Page { default, max } => {
                let wanted = ["first", "last"].into_iter().find_map(|name| self.number(find(name)?));
                wanted.map_or(default, |wanted| usize::try_from(wanted).unwrap_or(default)).clamp(1, max)
            }
            Times::Each(argument) => find(argument).and_then(|argument| self.length(argument)).unwrap_or(1),
        }
    }

    fn number(&self, argument: Argument<'_>) -> Option<i64> {
        match self.value(argument) {
            Value::Number(number) => Some(number),
            Value::List(_) | Value::Other => None,
        }
    }

    fn length(&self, argument: Argument<'_>) -> Option<usize> {
        match self.value(argument) {
            Value::List(length) => Some(length),
            Value::Number(_) | Value::Other => None,
        }
    }

    fn value(&self, argument: Argument<'_>) -> Value {
        match argument {
            Argument::Int(number) => Value::Number(number),
            Argument::List(length) => Value::List(length),
            Argument::Other => Value::Other,
            // A null that was sent is no variable that is missing.
            Argument::Variable(name) => {
                (self.values)(name).or_else(|| self.defaults.get(name).copied()).unwrap_or(Value::Other)
            }
        }
    }
}

/// Adds up what ends before this place.
fn close(open: &mut Vec<Open<'_>>, index: usize) {
    while open.len() > 1 && open.last().is_some_and(|last| last.end <= index) {
        let Some(last) = open.pop() else { return };
        let cost = last.times.saturating_mul(last.inner).saturating_add(last.own);
        if let Some(around) = open.last_mut() {
            around.inner = around.inner.saturating_add(cost);
        }
    }
}
