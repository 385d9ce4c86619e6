//! The pages of the schema, by noun.

use super::generated::{cell, keep};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::Write;

const EVERYTHING: &str = "{ __schema { types {
    kind name description
    fields { name description type { ...T } args { name description type { ...T } } }
    inputFields { name description type { ...T } defaultValue }
    enumValues { name description }
    interfaces { name }
    possibleTypes { name }
} } }
fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";
/// Pages, in the order in which their words are looked for in a name: the first that has one has the name.
const NOUNS: &[(&str, &str, &[&str])] = &[
    ("commands", "Commands and the pipeline", &["command", "pipeline", "projection"]),
    ("posts", "Posts and comments", &["post", "comment", "feed", "like"]),
    ("shop", "Products and orders", &["product", "order", "cancelled", "delivery"]),
    ("wallets", "Wallets and money", &["wallet", "movement", "topup", "transfer", "money", "currency"]),
    (
        "people",
        "People and sign-ins",
        &["user", "profile", "viewer", "session", "sign", "password", "email", "role", "account", "eras", "export"],
    ),
];
const REST: (&str, &str) = ("common", "What all have in common");
const ROOTS: &[(&str, &str)] = &[("Query", "Questions"), ("Mutation", "Commands"), ("Subscription", "Live")];
/// What every list takes.
const PAGING: &[&str] = &["first", "after", "last", "before"];
const BUILT_IN: &[&str] = &["Boolean", "Float", "ID", "Int", "String"];
const HEAD: &str = "# The schema

Written by the program out of the schema itself; `schema.graphql` in the repository has it whole. Lists take `first`, `after`, `last` and `before`;
that is not repeated on these pages. A mutation's `input` has an optional `idempotencyKey`, unless it signs in or renews a sign-in, and an optional
`expectedVersion` if it changes a thing that a client sees the version of, unless a mailed token stands for that. Likes and follows take none: they
set what is so or not, whatever was before.

";

/// A type, as introspection tells it.
#[derive(Clone)]
pub struct Type {
    pub name: String,
    about: String,
    kind: String,
    pub fields: Vec<Item>,
    pub values: Vec<Item>,
    pub interfaces: Vec<String>,
    members: Vec<String>,
}

/// A field, an argument or a value.
#[derive(Clone)]
pub struct Item {
    pub name: String,
    about: String,
    type_of: Value,
    arguments: Vec<Item>,
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn names(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| text(&one["name"])).collect()
}

fn items(list: &Value) -> Vec<Item> {
    let item = |one: &Value| Item {
        name: text(&one["name"]),
        about: text(&one["description"]),
        type_of: one["type"].clone(),
        arguments: items(&one["args"]),
    };
    list.as_array().into_iter().flatten().map(item).collect()
}

/// All types but those of GraphQL itself.
pub async fn types() -> BTreeMap<String, Type> {
    let response = millrace::schema::builder().finish().execute(EVERYTHING).await;
    assert!(response.errors.is_empty(), "{:?}", response.errors);
    let data = response.data.into_json().expect("JSON");
    let all = data["__schema"]["types"].as_array().expect("types").clone();
    let ours = all
        .iter()
        .filter(|one| one["name"].as_str().is_some_and(|name| !name.starts_with("__") && !BUILT_IN.contains(&name)));
    let read = |one: &Value| Type {
        name: text(&one["name"]),
        about: text(&one["description"]),
        kind: text(&one["kind"]).to_lowercase().replace('_', " "),
        fields: [items(&one["fields"]), items(&one["inputFields"])].concat(),
        values: items(&one["enumValues"]),
        interfaces: names(&one["interfaces"]),
        members: names(&one["possibleTypes"]),
    };
    ours.map(read).map(|one| (one.name.clone(), one)).collect()
}

/// The page of a name.
fn page_of(name: &str, of_error: bool) -> &'static str {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if of_error {
        return "commands";
    }
    NOUNS.iter().find(|(_, _, words)| has(words)).map_or(REST.0, |(page, _, _)| page)
}

/// The pages with their titles.
pub fn chapters() -> impl Iterator<Item = (&'static str, &'static str)> {
    NOUNS.iter().map(|(page, title, _)| (*page, *title)).chain([REST])
}

struct Pages {
    types: BTreeMap<String, Type>,
}

impl Pages {
    fn page_of_type(&self, name: &str) -> &'static str {
        let of_error = self.types.get(name).is_some_and(|one| one.interfaces.iter().any(|name| name == "CommandError"));
        page_of(name, of_error)
    }

    /// A type as it is written, with a link to where it is told.
    fn linked(&self, type_of: &Value) -> String {
        match type_of["kind"].as_str() {
            Some("NON_NULL") => format!("{}!", self.linked(&type_of["ofType"])),
            Some("LIST") => format!("\\[{}\\]", self.linked(&type_of["ofType"])),
            _ => self.link(type_of["name"].as_str().unwrap_or_default()),
        }
    }

    fn link(&self, name: &str) -> String {
        if !self.types.contains_key(name) {
            return name.to_owned();
        }
        format!("[{name}]({}.md#{})", self.page_of_type(name), name.to_lowercase())
    }

    fn row(&self, item: &Item) -> String {
        let own = item.arguments.iter().filter(|argument| !PAGING.contains(&&*argument.name));
        let told: Vec<String> = own
            .map(|argument| {
                format!("`{}` {}: {}", argument.name, self.linked(&argument.type_of), cell(&argument.about))
            })
            .collect();
        let arguments = told.iter().map(|argument| format!("<br>{argument}")).collect::<String>();
        format!("| `{}` | {} | {}{arguments} |\n", item.name, self.linked(&item.type_of), cell(&item.about))
    }

    fn told(&self, one: &Type) -> String {
        let mut page = format!("\n## {}\n\n*{}.* {}\n", one.name, one.kind, one.about);
        if !one.interfaces.is_empty() {
            let interfaces: Vec<String> = one.interfaces.iter().map(|name| self.link(name)).collect();
            write!(page, "\nIs a {}.\n", interfaces.join(", ")).expect("a text");
        }
        if !one.members.is_empty() {
            let members: Vec<String> = one.members.iter().map(|name| self.link(name)).collect();
            write!(page, "\nIs one of {}.\n", members.join(", ")).expect("a text");
        }
        if !one.fields.is_empty() {
            page += "\n| field | type | |\n|---|---|---|\n";
            page.extend(one.fields.iter().map(|field| self.row(field)));
        }
        if !one.values.is_empty() {
            page += "\n| value | |\n|---|---|\n";
            page.extend(one.values.iter().map(|value| format!("| `{}` | {} |\n", value.name, cell(&value.about))));
        }
        page
    }

    fn page(&self, page: &str, title: &str) -> String {
        let mut text = format!("# {title}\n");
        for (root, heading) in ROOTS {
            let fields: Vec<&Item> =
                self.types[*root].fields.iter().filter(|field| page_of(&field.name, false) == page).collect();
            if !fields.is_empty() {
                write!(text, "\n## {heading}\n\n| field | answers | |\n|---|---|---|\n").expect("a text");
                text.extend(fields.into_iter().map(|field| self.row(field)));
            }
        }
        let is_here =
            |one: &&Type| self.page_of_type(&one.name) == page && ROOTS.iter().all(|(root, _)| *root != one.name);
        text.extend(self.types.values().filter(is_here).map(|one| self.told(one)));
        text
    }
}

#[tokio::test]
async fn the_pages_of_the_schema_are_what_it_says() {
    let pages = Pages { types: types().await };
    let mut index = HEAD.to_owned();
    for (page, title) in chapters() {
        keep(&format!("reference/schema/{page}.md"), &pages.page(page, title));
        writeln!(index, "- [{title}](schema/{page}.md)").expect("a text");
    }
    keep("reference/schema.md", &index);
}
