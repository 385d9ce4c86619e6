//! Documents that are valid in millrace's own schema, as tokens.

use crate::dice::Dice;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, InputValueDefinition, Type, TypeKind, TypeSystemDefinition};
use millrace_document::cost::{Times, Weight, Weights};
use std::collections::HashMap;

const SDL: &str = include_str!("../../../../schema.graphql");
const FRAGMENTS_MAX: usize = 6;
/// async-graphql's parser wants a type in one piece.
const LIST: &str = "[ID!]!";
const LIST_TOKENS: usize = 5;

/// The types of the schema.
pub struct Schema {
    objects: HashMap<String, Vec<Field>>,
    inputs: HashMap<String, Vec<Argument>>,
    enums: HashMap<String, String>,
}

struct Field {
    name: String,
    arguments: Vec<Argument>,
    answers: String,
}

struct Argument {
    name: String,
    ty: Type,
}

fn arguments(all: Vec<async_graphql::Positioned<InputValueDefinition>>) -> Vec<Argument> {
    all.into_iter().map(|it| Argument { name: it.node.name.node.to_string(), ty: it.node.ty.node }).collect()
}

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base(inner),
    }
}

impl Schema {
    pub fn new() -> Self {
        let (mut objects, mut inputs, mut enums) = (HashMap::new(), HashMap::new(), HashMap::new());
        for definition in parse_schema(SDL).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            let fields = match definition.node.kind {
                TypeKind::Object(object) => object.fields,
                TypeKind::Interface(interface) => interface.fields,
                TypeKind::InputObject(input) => {
                    inputs.insert(name, arguments(input.fields));
                    continue;
                }
                TypeKind::Enum(values) => {
                    enums.insert(name, values.values[0].node.value.node.to_string());
                    continue;
                }
                TypeKind::Union(_) => vec![],
                TypeKind::Scalar => continue,
            };
            let field = |field: async_graphql::Positioned<async_graphql::parser::types::FieldDefinition>| Field {
                name: field.node.name.node.to_string(),
                arguments: arguments(field.node.arguments),
                answers: base(&field.node.ty.node).to_owned(),
            };
            objects.insert(name, fields.into_iter().map(field).collect());
        }
        Self { objects, inputs, enums }
    }

    /// What its fields weigh.
    pub fn weights(&self) -> Weights {
        let mut weights = Weights::default();
        for (on, fields) in &self.objects {
            for field in fields {
                let takes = |name: &str| field.arguments.iter().any(|argument| argument.name == name);
                let times = match () {
                    () if takes("first") => Times::Page { default: 20, max: 100 },
                    () if takes("ids") => Times::Each("ids"),
                    () => Times::Once,
                };
                weights.insert(on, &field.name, Weight { answers: field.answers.clone(), own: 1, times });
            }
        }
        weights
    }
}

/// Writes one document.
pub struct Writer<'a> {
    schema: &'a Schema,
    dice: &'a mut Dice,
    tokens: Vec<String>,
    /// Fragments that were spread, with their types.
    fragments: Vec<String>,
    room: usize,
}

/// The tokens of a valid document. Its operations have names, so that its tokens can be counted in what a parser makes of it.
pub fn document(schema: &Schema, dice: &mut Dice) -> Vec<String> {
    let room = 5 + dice.below(60);
    let mut writer = Writer { schema, dice, tokens: vec![], fragments: vec![], room };
    writer.operation();
    let mut written = 0;
    while written < writer.fragments.len() {
        writer.fragment(written);
        written += 1;
    }
    writer.tokens
}

impl Writer<'_> {
    fn add(&mut self, tokens: &[&str]) {
        self.tokens.extend(tokens.iter().map(|token| (*token).to_owned()));
    }

    fn operation(&mut self) {
        let (word, on) =
            *self.dice.pick(&[("query", "Query"), ("mutation", "Mutation"), ("subscription", "Subscription")]);
        self.add(&[word, "Operation"]);
        if self.dice.chance(40) {
            self.add(&["(", "$", "count", ":", "Int", "=", "3", "$", "ids", ":", LIST, ")"]);
        }
        self.directives();
        self.selections(on, 6);
    }

    fn fragment(&mut self, index: usize) {
        let on = self.fragments[index].clone();
        self.add(&["fragment", &format!("F{index}"), "on", &on]);
        // Fragments spread only those after them, so that none spreads itself.
        self.selections(&on, 2);
    }

    fn directives(&mut self) {
        if self.dice.chance(5) {
            self.add(&["@", "include", "(", "if", ":", "true", ")"]);
        }
    }

    fn selections(&mut self, on: &str, depth: usize) {
        self.add(&["{", "__typename"]);
        let fields = &self.schema.objects[on];
        let count = if fields.is_empty() { 0 } else { 1 + self.dice.below(4) };
        for _ in 0..count {
            let field = self.dice.pick(fields);
            let is_deep = self.schema.objects.contains_key(&field.answers);
            if self.room == 0 || (is_deep && depth == 0) {
                continue;
            }
            self.room -= 1;
            self.field(field, depth);
        }
        if depth > 0 && self.dice.chance(15) {
            self.add(&["...", "on", on]);
            self.selections(on, depth - 1);
        }
        if self.fragments.len() < FRAGMENTS_MAX && self.dice.chance(10) {
            self.add(&["...", &format!("F{}", self.fragments.len())]);
            self.fragments.push(on.to_owned());
        }
        self.add(&["}"]);
    }

    fn field(&mut self, field: &Field, depth: usize) {
        if self.dice.chance(10) {
            self.add(&["other", ":"]);
        }
        self.add(&[&field.name]);
        let given: Vec<&Argument> =
            field.arguments.iter().filter(|argument| !argument.ty.nullable || self.dice.chance(20)).collect();
        if !given.is_empty() {
            self.add(&["("]);
            given.iter().for_each(|argument| self.argument(argument, 3));
            self.add(&[")"]);
        }
        self.directives();
        if self.schema.objects.contains_key(&field.answers) {
            self.selections(&field.answers, depth.saturating_sub(1));
        }
    }

    fn argument(&mut self, argument: &Argument, depth: usize) {
        self.add(&[&argument.name, ":"]);
        self.value(&argument.ty, depth);
    }

    fn value(&mut self, ty: &Type, depth: usize) {
        let name = match &ty.base {
            BaseType::Named(name) => name.as_str(),
            BaseType::List(inner) => {
                self.add(&["["]);
                for _ in 0..self.dice.below(3) {
                    self.value(inner, depth);
                }
                return self.add(&["]"]);
            }
        };
        if let Some(fields) = self.schema.inputs.get(name) {
            return self.object(fields, depth);
        }
        if let Some(value) = self.schema.enums.get(name) {
            return self.add(&[value]);
        }
        let literals: &[&str] = match name {
            "Int" => &["1", "100", "-7", "0", "2147483647"],
            "Boolean" => &["true", "false"],
            _ => &[
                "\"a\"",
                "\"\"",
                "\"\\u00e9 \\\" ü # {\"",
                "\"\"\"a \\\"\"\" \"b\" { # \n\"\"\"",
                "\"\"\"\"\"\"",
                "null",
            ],
        };
        let literal = *self.dice.pick(literals);
        self.add(&[literal]);
    }

    fn object(&mut self, fields: &[Argument], depth: usize) {
        self.add(&["{"]);
        for field in fields {
            if depth > 0 && (!field.ty.nullable || self.dice.chance(30)) {
                self.argument(field, depth - 1);
            }
        }
        self.add(&["}"]);
    }
}

/// How many tokens these pieces are.
pub fn count(tokens: &[String]) -> usize {
    tokens.iter().map(|token| if token == LIST { LIST_TOKENS } else { 1 }).sum()
}

/// The tokens as a text, with anything between them that does not count.
pub fn text(tokens: &[String], dice: &mut Dice) -> String {
    let mut text = String::new();
    for token in tokens {
        text += token;
        // async-graphql's parser takes no comment behind `on`.
        text +=
            if token == "on" { " " } else { *dice.pick(&[" ", " ", " ", "\n", ", ", "\t", " # } ü\r\n", "\u{feff}"]) };
    }
    text
}
