//! What the fields of a schema cost, out of the schema itself: a new list needs no word about it.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use millrace_document::cost::{Times, Weight, Weights};
use millrace_read::graphql::{PAGE_DEFAULT, PAGE_MAX};

/// The argument of `nodes`: as many answers as ids.
const IDS: &str = "ids";

/// The weights of a schema in the schema definition language.
pub fn of(sdl: &str) -> Weights {
    let mut weights = Weights::default();
    let definitions = parse_schema(sdl).map(|document| document.definitions).unwrap_or_else(|error| {
        tracing::error!(%error, "the schema cannot be read: every field costs one point");
        vec![]
    });
    for definition in definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let fields = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        for field in fields {
            weights.insert(&definition.node.name.node, &field.node.name.node, weight(&field.node));
        }
    }
    weights
}

fn weight(field: &FieldDefinition) -> Weight {
    let takes = |name: &str| field.arguments.iter().any(|argument| argument.node.name.node == name);
    let times = match () {
        () if takes("first") || takes("last") => Times::Page { default: PAGE_DEFAULT, max: PAGE_MAX },
        () if takes(IDS) => Times::Each(IDS),
        () => Times::Once,
    };
    Weight { answers: named(&field.ty.node).to_owned(), times }
}

fn named(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}
