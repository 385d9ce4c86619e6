//! What the fields of a schema cost, out of the schema itself: a new list needs no word about it, but a long text does.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use millrace_document::cost::{Times, Weight, Weights};
use millrace_read::graphql::{PAGE_DEFAULT, PAGE_MAX};

/// The argument of `nodes`: as many answers as ids.
const IDS: &str = "ids";

/// Fields whose text may be long, and how many characters it may have (`millrace_events::values`). An answer is made before its bytes are
/// counted, so what may make it long has its price beforehand.
const LONG_TEXTS: &[(&str, &str, usize)] =
    &[("Post", "body", 20_000), ("Product", "description", 5_000), ("Comment", "text", 2_000), ("User", "bio", 1_000)];
/// So many characters of a long text cost as much as any other field.
const CHARACTERS_PER_POINT: usize = 800;

/// Fields whose lists nobody can ask to be shorter, and what all that is in them costs. A page of an admin's may ask for one of them.
const LONG_LISTS: &[(&str, &str, usize)] = &[("Query", "pipelineLags", 3_600)];

/// What fields cost is not known: a process that served all the same would have no limit of cost.
#[derive(Debug, thiserror::Error)]
#[error("the schema's own text cannot be read")]
pub struct WeightsError(#[from] async_graphql::parser::Error);

/// The weights of a schema in the schema definition language.
pub fn of(sdl: &str) -> Result<Weights, WeightsError> {
    let mut weights = Weights::default();
    for definition in parse_schema(sdl)?.definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let fields = match definition.node.kind {
            TypeKind::Object(object) => object.fields,
            TypeKind::Interface(interface) => interface.fields,
            _ => continue,
        };
        for field in fields {
            let on = &definition.node.name.node;
            weights.insert(on, &field.node.name.node, weight(on, &field.node));
        }
    }
    Ok(weights)
}

fn weight(on: &str, field: &FieldDefinition) -> Weight {
    let takes = |name: &str| field.arguments.iter().any(|argument| argument.node.name.node == name);
    let times = match () {
        () if takes("first") || takes("last") => Times::Page { default: PAGE_DEFAULT, max: PAGE_MAX },
        () if takes(IDS) => Times::Each(IDS),
        () => Times::Once,
    };
    // Of a list only what is in it costs.
    let own = if times == Times::Once { own(on, &field.name.node) } else { 0 };
    Weight { answers: named(&field.ty.node).to_owned(), own, times }
}

fn own(on: &str, field: &str) -> usize {
    let find = |all: &[(&str, &str, usize)]| all.iter().find(|it| (it.0, it.1) == (on, field)).map(|it| it.2);
    let text = find(LONG_TEXTS).map(|characters| characters.div_ceil(CHARACTERS_PER_POINT));
    text.or(find(LONG_LISTS)).unwrap_or(1)
}

fn named(of: &Type) -> &str {
    match &of.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => named(inner),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::values::{Bio, CommentText, PostBody, ProductText, ValueError};

    /// How long a text of this kind may be.
    fn max<T>(parse: impl Fn(&str) -> Result<T, ValueError>) -> usize {
        match parse(&"x".repeat(1_000_000)) {
            Err(ValueError::TooLong { max }) => max,
            _ => panic!("as long as anybody likes"),
        }
    }

    #[test]
    fn a_schema_that_cannot_be_read_has_no_weights() {
        assert!(of("type Query {").is_err());
        assert!(of(&crate::schema::sdl()).is_ok());
    }

    #[test]
    fn long_texts_are_fields_of_the_schema_and_as_long_as_they_may_be() {
        let longest = [max(PostBody::parse), max(ProductText::parse), max(CommentText::parse), max(Bio::parse)];
        assert_eq!(LONG_TEXTS.iter().map(|text| text.2).collect::<Vec<_>>(), longest);
        let sdl = crate::schema::sdl();
        for (on, field, _) in LONG_TEXTS {
            let fields =
                sdl.split(&format!("type {on} implements Node {{")).nth(1).and_then(|rest| rest.split("\n}").next());
            assert!(fields.is_some_and(|fields| fields.contains(&format!("\n\t{field}: String"))), "{on}.{field}");
        }
        assert_eq!([own("Post", "body"), own("Comment", "text"), own("User", "bio"), own("Post", "id")], [25, 3, 2, 1]);
    }
}
