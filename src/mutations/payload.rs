//! What the payloads of all mutations have in common, as an interface, so that clients write what they do with it once.
//!
//! No field answers the interface, and a payload is made in its noun's file. So its members are taken from the root: whatever a mutation
//! answers is one.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::Field;
use async_graphql::registry::{MetaField, MetaType, MetaTypeId, MetaTypeName, Registry};
use async_graphql::{ContextSelectionSet, OutputType, Positioned, ServerResult, Value};
use std::borrow::Cow;

const NAME: &str = "CommandPayload";
const DESCRIPTION: &str = "What every mutation answers: what became of the command, and why, if it was rejected.";
const SHARED: [&str; 2] = ["receipt", "errors"];

/// The interface; no value is of this type, as each payload is of its own.
#[derive(Debug)]
pub enum CommandPayload {}

impl OutputType for CommandPayload {
    fn type_name() -> Cow<'static, str> {
        NAME.into()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        registry.create_output_type::<Self, _>(MetaTypeId::Interface, interface)
    }

    async fn resolve(&self, _: &ContextSelectionSet<'_>, _: &Positioned<Field>) -> ServerResult<Value> {
        match *self {}
    }
}

fn interface(registry: &mut Registry) -> MetaType {
    let payloads = payloads(registry);
    for payload in &payloads {
        registry.add_implements(payload, NAME);
    }
    MetaType::Interface {
        name: NAME.to_owned(),
        description: Some(DESCRIPTION.to_owned()),
        fields: payloads.first().map(|payload| shared(registry, payload)).unwrap_or_default(),
        possible_types: payloads.into_iter().collect(),
        extends: false,
        inaccessible: false,
        tags: Vec::new(),
        keys: None,
        visible: None,
        rust_typename: Some(std::any::type_name::<CommandPayload>()),
        directive_invocations: Vec::new(),
        requires_scopes: Vec::new(),
    }
}

/// What the root's fields answer.
fn payloads(registry: &Registry) -> Vec<String> {
    let root = registry.mutation_type.as_ref().and_then(|name| registry.types.get(name));
    let fields = root.and_then(MetaType::fields).into_iter().flat_map(IndexMap::values);
    fields.map(|field| MetaTypeName::concrete_typename(&field.ty).to_owned()).collect()
}

/// As one payload has them: they are written once, in the macro that makes all payloads.
fn shared(registry: &Registry, payload: &str) -> IndexMap<String, MetaField> {
    let fields = SHARED
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), registry.types.get(payload)?.field_by_name(name)?.clone())));
    fields.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{FieldDefinition, TypeKind, TypeSystemDefinition};
    use std::collections::HashMap;

    fn types() -> HashMap<String, TypeKind> {
        let definitions = parse_schema(crate::schema::sdl()).unwrap().definitions;
        let types = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(definition) => {
                Some((definition.node.name.node.to_string(), definition.node.kind))
            }
            _ => None,
        });
        types.collect()
    }

    fn described(fields: &[Positioned<FieldDefinition>]) -> Vec<(String, String)> {
        fields.iter().map(|field| (field.node.name.to_string(), field.node.ty.to_string())).collect()
    }

    #[test]
    fn whatever_a_mutation_answers_is_a_payload_with_receipt_and_errors() {
        let types = types();
        let (TypeKind::Interface(interface), TypeKind::Object(root)) = (&types[NAME], &types["Mutation"]) else {
            panic!("an interface and the root")
        };
        let shared = described(&interface.fields);
        let wanted = [("receipt", "CommandReceipt!"), ("errors", "[CommandError!]!")];
        assert_eq!(shared, wanted.map(|(name, of)| (name.to_owned(), of.to_owned())));
        assert!(!root.fields.is_empty());
        for (mutation, answer) in described(&root.fields) {
            let TypeKind::Object(payload) = &types[answer.trim_end_matches('!')] else {
                panic!("{mutation}: {answer}")
            };
            assert!(
                payload.implements.iter().any(|one| one.node == NAME),
                "{answer} implements {:?}",
                payload.implements
            );
            assert!(described(&payload.fields).starts_with(&shared), "{answer} has not what it promises");
        }
    }

    #[tokio::test]
    async fn the_schema_tells_its_members_and_takes_fragments_on_it() {
        let schema = crate::schema::builder().finish();
        let asked = schema.execute(format!("{{ __type(name: \"{NAME}\") {{ possibleTypes {{ name }} }} }}")).await;
        let told = asked.data.into_json().unwrap();
        let members = told["__type"]["possibleTypes"].as_array().unwrap().len();
        assert_eq!(members, schema_mutations());
        let fragment = "mutation { signOut(input: {}) { ... on CommandPayload { receipt { accepted } } } }";
        let refused = schema.execute(fragment).await.errors;
        assert!(
            refused.iter().all(|error| !error.path.is_empty()),
            "it is valid, and only lacks its data: {refused:?}"
        );
    }

    fn schema_mutations() -> usize {
        match &types()["Mutation"] {
            TypeKind::Object(root) => root.fields.len(),
            _ => 0,
        }
    }
}
