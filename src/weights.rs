//! What the fields of a schema cost, out of the schema itself: a new list needs no word about it, but a long text does.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, Type, TypeKind, TypeSystemDefinition};
use millrace_command::order::LINES_MAX;
use millrace_document::cost::{Times, Weight, Weights};
use millrace_read::graphql::{PAGE_DEFAULT, PAGE_MAX};
use millrace_read::models::content::window::WINDOW_SERVED;

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

/// Fields that answer so many at the most, or have so many read, although nobody says how many. In an order's own document its lines are
/// copied; only their products are read for each line.
const AT_MOST: &[(&str, &str, usize)] = &[
    ("OrderLine", "product", LINES_MAX),
    ("Viewer", "wallets", WALLETS_RECKONED),
    ("WalletsSnapshot", "wallets", WALLETS_RECKONED),
    ("CommentsSnapshot", "comments", WINDOW_SERVED),
    ("OrdersSnapshot", "orders", PAGE_DEFAULT),
];
/// People have a few wallets. Whoever has one in each currency is answered all of them for the same price: else nobody could ask for the
/// statements of a few.
const WALLETS_RECKONED: usize = 2;

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
        () => find(AT_MOST, on, &field.name.node).map_or(Times::Once, Times::AtMost),
    };
    // Of a list only what is in it costs.
    let own = if times == Times::Once { own(on, &field.name.node) } else { 0 };
    Weight { answers: named(&field.ty.node).to_owned(), own, times }
}

fn own(on: &str, field: &str) -> usize {
    let text = find(LONG_TEXTS, on, field).map(|characters| characters.div_ceil(CHARACTERS_PER_POINT));
    text.or(find(LONG_LISTS, on, field)).unwrap_or(1)
}

fn find(all: &[(&str, &str, usize)], on: &str, field: &str) -> Option<usize> {
    all.iter().find(|it| (it.0, it.1) == (on, field)).map(|it| it.2)
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

    /// Lists within a document, copied with it: they have no more entries than the document has room for, and nothing is read for them
    /// beside what [`AT_MOST`] names.
    const IN_ITS_DOCUMENT: &[(&str, &str)] = &[
        ("CommandStatus", "projections"),
        ("Order", "lines"),
        ("Order", "payments"),
        ("Order", "timeline"),
        ("PipelineSample", "events"),
        ("PipelineSample", "projections"),
        ("PipelineSample", "troubles"),
        ("Viewer", "linkedProviders"),
        ("Wallet", "pendingTopUps"),
    ];

    /// Objects and interfaces, their fields, and whether they have an id of their own.
    fn types() -> Vec<(String, bool, Vec<FieldDefinition>)> {
        let sdl = crate::schema::sdl();
        let definitions = parse_schema(&sdl).unwrap().definitions.into_iter();
        let types = definitions.filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => Some(definition.node),
            _ => None,
        });
        let types = types.filter_map(|definition| match definition.kind {
            TypeKind::Object(object) => {
                let fields = object.fields.into_iter().map(|field| field.node).collect();
                Some((definition.name.node.to_string(), !object.implements.is_empty(), fields))
            }
            _ => None,
        });
        types.collect()
    }

    /// Connections and what mutations answer have their bounds in their own forms: `first` and `last`, and the fields of an input.
    fn is_bounded_by_its_form(on: &str, field: &str) -> bool {
        match field {
            "edges" | "nodes" => on.ends_with("Connection"),
            "errors" => on.ends_with("Payload"),
            _ => false,
        }
    }

    #[test]
    fn every_list_of_objects_costs_as_much_as_is_read_for_it() {
        let types = types();
        let is_object = |name: &str| types.iter().any(|(on, ..)| on == name);
        let is_read = |name: &str| types.iter().any(|(on, has_id, _)| on == name && *has_id);
        let mut lists = 0;
        for (on, _, fields) in &types {
            for field in fields {
                let name = field.name.node.as_str();
                let of = named(&field.ty.node);
                if !matches!(field.ty.node.base, BaseType::List(_))
                    || !is_object(of)
                    || is_bounded_by_its_form(on, name)
                {
                    continue;
                }
                lists += 1;
                let is_counted = weight(on, field).times != Times::Once || find(LONG_LISTS, on, name).is_some();
                let is_copied = IN_ITS_DOCUMENT.contains(&(on.as_str(), name));
                assert!(is_counted != is_copied, "{on}.{name}");
                let within = types.iter().filter(|(on, ..)| on == of && is_copied).flat_map(|(.., fields)| fields);
                for field in within.filter(|field| is_read(named(&field.ty.node))) {
                    let times = weight(of, field).times;
                    assert!(matches!(times, Times::AtMost(_)), "{of}.{}", field.name.node);
                }
            }
        }
        assert_eq!(
            lists,
            IN_ITS_DOCUMENT.len() + AT_MOST.len(),
            "all but a product and the lags are lists of their own"
        );
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
