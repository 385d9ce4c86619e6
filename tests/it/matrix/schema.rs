//! The schema as a client reads it, and what can be asked for after it.

use crate::harness::client::Client;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const INTROSPECTION: &str = "{ __schema { types {
    kind name
    fields { name args { name defaultValue type { ...Type } } type { ...Type } }
    inputFields { name defaultValue type { ...Type } }
    interfaces { name }
    possibleTypes { name }
} } } fragment Type on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

/// So many entries of a list within something.
const ENTRIES: usize = 3;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Type {
    kind: String,
    name: String,
    fields: Option<Vec<Field>>,
    input_fields: Option<Vec<Input>>,
    interfaces: Option<Vec<Named>>,
    possible_types: Option<Vec<Named>>,
}

#[derive(Debug, Deserialize)]
struct Named {
    name: String,
}

/// A field of a type.
#[derive(Debug, Deserialize)]
pub struct Field {
    pub name: String,
    pub args: Vec<Input>,
    #[serde(rename = "type")]
    of: TypeRef,
}

/// An argument, or a field of an input type.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Input {
    pub name: String,
    default_value: Option<String>,
    #[serde(rename = "type")]
    of: TypeRef,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeRef {
    kind: String,
    name: Option<String>,
    of_type: Option<Box<TypeRef>>,
}

impl TypeRef {
    fn innermost(&self) -> &str {
        self.of_type.as_deref().map_or_else(|| self.name.as_deref().expect("a name"), Self::innermost)
    }
}

impl Input {
    /// True if it cannot be left out.
    pub fn is_required(&self) -> bool {
        self.of.kind == "NON_NULL" && self.default_value.is_none()
    }

    /// The type's name, as it stands in an operation.
    pub fn type_text(&self) -> String {
        fn text(of: &TypeRef) -> String {
            let inner = || text(of.of_type.as_deref().expect("a type"));
            match of.kind.as_str() {
                "NON_NULL" => format!("{}!", inner()),
                "LIST" => format!("[{}]", inner()),
                _ => of.name.clone().expect("a name"),
            }
        }
        text(&self.of)
    }
}

/// All types by name.
pub struct Schema(BTreeMap<String, Type>);

impl Schema {
    pub async fn of(client: &Client) -> Self {
        let mut data = client.ask(INTROSPECTION, json!({})).await;
        let types: Vec<Type> = serde_json::from_value(data["__schema"]["types"].take()).expect("types");
        Self(types.into_iter().map(|one| (one.name.clone(), one)).collect())
    }

    /// The fields of a type.
    pub fn fields(&self, of: &str) -> &[Field] {
        self.0[of].fields.as_deref().unwrap_or_default()
    }

    /// The fields of a mutation's input.
    pub fn inputs(&self, mutation: &str) -> &[Input] {
        let field = self.fields("Mutation").iter().find(|field| field.name == mutation).expect("a mutation");
        self.0[field.args[0].of.innermost()].input_fields.as_deref().unwrap_or_default()
    }

    /// The fields of all types that these roots lead to, as `Type.field`. Each needs a rule.
    pub fn seen_fields(&self, roots: &[&str]) -> BTreeSet<String> {
        let objects = self.reachable(roots).into_iter().filter(|of| self.0[of].kind == "OBJECT");
        let each = |of: String| self.fields(&of).iter().map(|field| format!("{of}.{}", field.name)).collect::<Vec<_>>();
        objects.flat_map(each).collect()
    }

    /// Those of them that no query leads to.
    pub fn seen_only_from(&self, root: &str) -> BTreeSet<String> {
        self.seen_fields(&[root]).difference(&self.seen_fields(&["Query"])).cloned().collect()
    }

    fn reachable(&self, roots: &[&str]) -> Vec<String> {
        let next_to = |of: &str| -> Vec<String> {
            let fields = self.fields(of).iter().map(|field| field.of.innermost().to_owned());
            fields.chain(self.possible(of)).collect()
        };
        let mut found: Vec<String> = Vec::new();
        let mut near: Vec<String> = roots.iter().flat_map(|root| next_to(root)).collect();
        while let Some(of) = near.pop() {
            let is_new = !found.contains(&of) && matches!(self.0[&of].kind.as_str(), "OBJECT" | "INTERFACE" | "UNION");
            if is_new {
                near.extend(next_to(&of));
                found.push(of);
            }
        }
        found
    }

    fn possible(&self, of: &str) -> impl Iterator<Item = String> {
        self.0[of].possible_types.iter().flatten().map(|one| one.name.clone())
    }

    fn is_node(&self, of: &str) -> bool {
        self.0[of].interfaces.iter().flatten().any(|interface| interface.name == "Node")
    }

    /// Everything of a field's type, each as `Type_field`: within nodes this many nodes deep.
    pub fn selection(&self, field: &Field, nodes: usize) -> String {
        self.everything(field.of.innermost(), nodes).map_or(String::new(), |all| format!("{{ {all} }}"))
    }

    /// None if there is nothing more to be seen.
    fn everything(&self, of: &str, nodes: usize) -> Option<String> {
        match self.0[of].kind.as_str() {
            "OBJECT" if self.is_node(of) => Some(self.each_field(of, nodes.checked_sub(1)?)),
            "OBJECT" => Some(self.each_field(of, nodes)),
            "INTERFACE" | "UNION" => {
                let each = self
                    .possible(of)
                    .filter_map(|one| Some(format!("... on {one} {{ {} }}", self.everything(&one, nodes)?)));
                Some(format!("__typename {}", each.collect::<Vec<_>>().join(" ")))
            }
            _ => None,
        }
    }

    /// Everything of an edge but what it leads to: the connection's nodes show that.
    fn place(&self, edge: &str) -> String {
        let each = self.fields(edge).iter().map(|field| {
            let is_scalar = matches!(self.0[field.of.innermost()].kind.as_str(), "SCALAR" | "ENUM");
            let inner = if is_scalar { "" } else { "{ __typename }" };
            format!("{edge}_{name}: {name} {inner}", name = field.name)
        });
        each.collect::<Vec<_>>().join(" ")
    }

    fn each_field(&self, of: &str, nodes: usize) -> String {
        let each = self.fields(of).iter().filter_map(|field| {
            let (name, inner) = (&field.name, field.of.innermost());
            let arguments = if field.args.iter().any(|arg| arg.name == "first") {
                format!("(first: {ENTRIES})")
            } else {
                String::new()
            };
            match self.0[inner].kind.as_str() {
                "SCALAR" | "ENUM" => Some(format!("{of}_{name}: {name}")),
                _ if name == "edges" => Some(format!("{of}_edges: edges {{ {} }}", self.place(inner))),
                _ => Some(format!(
                    "{of}_{name}: {name}{arguments} {{ {} }}",
                    self.everything(inner, nodes).filter(|all| !all.is_empty())?
                )),
            }
        });
        each.collect::<Vec<_>>().join(" ")
    }
}

/// Everything that an answer shows, as `Type.field` with each value that is there.
pub fn shown(answer: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut all = BTreeMap::new();
    collect(answer, &mut all);
    all
}

fn collect(value: &Value, all: &mut BTreeMap<String, Vec<Value>>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        Value::Object(fields) => {
            for (name, value) in fields {
                let is_there = !value.is_null() && value.as_array().is_none_or(|items| !items.is_empty());
                if let Some((of, field)) = name.split_once('_').filter(|(of, _)| !of.is_empty() && is_there) {
                    all.entry(format!("{of}.{field}")).or_default().push(value.clone());
                }
                collect(value, all);
            }
        }
        _ => {}
    }
}
