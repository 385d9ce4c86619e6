//! The inputs of all commands, as they are written: on their way to a command role, and where repetitions of a command are compared.

use super::NOUNS;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, ObjectType, Type, TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Stands for each text and each id: written, an id is a UUID.
const TEXT: &str = "0198c0de-0000-7000-8000-000000000000";
/// Fields that stand in an input also where they are left out. One that is added later cannot: then the same input would be written in
/// another way than before, and a command that is repeated across a deployment would be told that its key was used.
const DEFAULTS: &[(&str, &[&str])] =
    &[("createPost", &["tags", "publish"]), ("signIn", &["reactivate"]), ("signInWithProvider", &["reactivate"])];

/// The types of the schema by name.
struct Types(HashMap<String, TypeKind>);

impl Types {
    fn read() -> Self {
        let definitions = parse_schema(crate::schema::sdl()).unwrap().definitions;
        let types = definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(one) => Some((one.node.name.node.to_string(), one.node.kind)),
            _ => None,
        });
        Self(types.collect())
    }

    fn root(&self) -> &ObjectType {
        let TypeKind::Object(root) = &self.0["Mutation"] else { panic!("the root is an object") };
        root
    }

    /// A mutation's input with what cannot be left out, and nothing else.
    fn least_input(&self, mutation: &str) -> Value {
        let mut fields = self.root().fields.iter().map(|field| &field.node);
        let field = fields.find(|field| field.name.node == mutation).unwrap();
        self.least(&field.arguments[0].node.ty.node)
    }

    fn least(&self, of: &Type) -> Value {
        match &of.base {
            BaseType::List(inner) => json!([self.least(inner)]),
            BaseType::Named(name) => match (name.as_str(), self.0.get(name.as_str())) {
                ("ID" | "String", _) => json!(TEXT),
                ("Int", _) => json!(1),
                ("BigInt", _) => json!("1"),
                ("Currency", _) => json!("EUR"),
                ("Role", _) => json!("staff"),
                (_, Some(TypeKind::InputObject(object))) => {
                    let fields = object.fields.iter().map(|field| &field.node);
                    let needed = fields.filter(|field| !field.ty.node.nullable && field.default_value.is_none());
                    needed.map(|field| (field.name.to_string(), self.least(&field.ty.node))).collect()
                }
                _ => panic!("what stands for a {name}?"),
            },
        }
    }
}

#[test]
fn what_is_left_out_of_an_input_is_not_written() {
    let types = Types::read();
    let entries: Vec<_> = NOUNS.iter().copied().flatten().collect();
    assert_eq!(entries.len(), types.root().fields.len());
    for entry in entries {
        let least = types.least_input(entry.name);
        let mut written = (entry.written)(least.clone()).unwrap();
        let defaults = DEFAULTS.iter().filter(|(name, _)| *name == entry.name).flat_map(|(_, fields)| *fields);
        for field in defaults {
            assert!(written.as_object_mut().unwrap().remove(*field).is_some(), "{}.{field}", entry.name);
        }
        assert_eq!(written, least, "{}", entry.name);
    }
}
