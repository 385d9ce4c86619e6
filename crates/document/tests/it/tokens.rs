//! Tokens of a document, counted in what async-graphql's parser makes of it.

use async_graphql::parser::types::{
    BaseType, Directive, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet, Type,
    VariableDefinition,
};
use async_graphql::{Name, Positioned, Value as Constant};
use async_graphql_value::Value;

type Arguments = [(Positioned<Name>, Positioned<Value>)];

/// The tokens of a document whose operations have names.
pub fn of(document: &ExecutableDocument) -> usize {
    let operations = document.operations.iter().map(|(_, operation)| operation_tokens(&operation.node));
    let fragments = document.fragments.values().map(|fragment| {
        let definition = &fragment.node;
        4 + directives(&definition.directives) + selections(&definition.selection_set.node)
    });
    operations.sum::<usize>() + fragments.sum::<usize>()
}

fn operation_tokens(operation: &OperationDefinition) -> usize {
    let variables: usize = operation.variable_definitions.iter().map(|variable| variable_tokens(&variable.node)).sum();
    let brackets = if operation.variable_definitions.is_empty() { 0 } else { 2 };
    2 + brackets + variables + directives(&operation.directives) + selections(&operation.selection_set.node)
}

fn variable_tokens(variable: &VariableDefinition) -> usize {
    let default = variable.default_value.as_ref().map_or(0, |value| 1 + constant(&value.node));
    3 + type_tokens(&variable.var_type.node) + default + directives(&variable.directives)
}

fn type_tokens(of: &Type) -> usize {
    let base = match &of.base {
        BaseType::Named(_) => 1,
        BaseType::List(inner) => 2 + type_tokens(inner),
    };
    base + usize::from(!of.nullable)
}

fn directives(all: &[Positioned<Directive>]) -> usize {
    all.iter().map(|directive| 2 + arguments(&directive.node.arguments)).sum()
}

fn arguments(all: &Arguments) -> usize {
    let brackets = if all.is_empty() { 0 } else { 2 };
    brackets + all.iter().map(|(_, argument)| 2 + value(&argument.node)).sum::<usize>()
}

fn value(of: &Value) -> usize {
    match of {
        Value::Variable(_) => 2,
        Value::List(items) => 2 + items.iter().map(value).sum::<usize>(),
        Value::Object(fields) => 2 + fields.values().map(|field| 2 + value(field)).sum::<usize>(),
        _ => 1,
    }
}

fn constant(of: &Constant) -> usize {
    match of {
        Constant::List(items) => 2 + items.iter().map(constant).sum::<usize>(),
        Constant::Object(fields) => 2 + fields.values().map(|field| 2 + constant(field)).sum::<usize>(),
        _ => 1,
    }
}

fn selections(set: &SelectionSet) -> usize {
    if set.items.is_empty() { 0 } else { 2 + set.items.iter().map(|item| selection(&item.node)).sum::<usize>() }
}

fn selection(of: &Selection) -> usize {
    match of {
        Selection::Field(field) => field_tokens(&field.node),
        Selection::FragmentSpread(spread) => 2 + directives(&spread.node.directives),
        Selection::InlineFragment(inline) => {
            let condition = if inline.node.type_condition.is_some() { 2 } else { 0 };
            1 + condition + directives(&inline.node.directives) + selections(&inline.node.selection_set.node)
        }
    }
}

fn field_tokens(field: &Field) -> usize {
    let alias = if field.alias.is_some() { 2 } else { 0 };
    1 + alias + arguments(&field.arguments) + directives(&field.directives) + selections(&field.selection_set.node)
}
