//! How much a document may hold.

use crate::refusal::{Limit, Refusal};
use serde::{Deserialize, Serialize};

/// Whatever is set, brackets are not nested deeper: those who read the text after us do it by recursion.
const NESTING_CEILING: usize = 64;

/// What one request's document and variables may hold. A document with more is refused before anything of it is executed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of the query's text.
    pub query_bytes_max: usize,
    /// Names, numbers, texts and signs in it.
    pub tokens_max: usize,
    /// Brackets of any form that are open at once; never more than 64.
    pub nesting_max: usize,
    /// Fields that are answered under another name.
    pub aliases_max: usize,
    /// Fields of a query or subscription itself, with those of its fragments.
    pub root_fields_max: usize,
    /// Fields of a mutation itself, with those of its fragments.
    pub mutations_max: usize,
    /// Those of them that check or set a password, or send a mail.
    pub sign_ins_max: usize,
    /// Directives, wherever they stand.
    pub directives_max: usize,
    /// Definitions of fragments.
    pub fragments_max: usize,
    /// Selections of all operations, each as often as its fragment is spread.
    pub selections_max: usize,
    /// Fields within fields, through fragments.
    pub depth_max: usize,
    /// The same below `__schema` and `__type`: GraphiQL needs 14.
    pub introspection_depth_max: usize,
    /// Lists within lists below `__schema` and `__type`, such as the fields of the types of fields: GraphiQL needs 1.
    pub introspection_lists_max: usize,
    /// Operations in one document, of which one is executed.
    pub operations_max: usize,
    /// Variables that an operation declares, and values that come with it.
    pub variables_max: usize,
    /// Lists and objects within each other in the value of a variable.
    pub variable_depth_max: usize,
    /// Entries of one list, in the text or in a variable.
    pub list_items_max: usize,
    /// Points that an operation may cost: one for each field, more for a long text, as often as the lists around it may answer it.
    pub cost_max: usize,
    /// The same of a subscription, which is executed again for each event.
    pub subscription_cost_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            query_bytes_max: 16 * 1024,
            tokens_max: 2_000,
            nesting_max: 32,
            aliases_max: 30,
            root_fields_max: 10,
            mutations_max: 5,
            sign_ins_max: 1,
            directives_max: 20,
            fragments_max: 30,
            selections_max: 2_000,
            depth_max: 10,
            introspection_depth_max: 15,
            introspection_lists_max: 2,
            operations_max: 5,
            variables_max: 100,
            variable_depth_max: 10,
            list_items_max: 100,
            cost_max: 5_000,
            subscription_cost_max: 1_000,
        }
    }
}

impl Limits {
    /// The most that is allowed.
    pub fn max(&self, limit: Limit) -> usize {
        match limit {
            Limit::Size => self.query_bytes_max,
            Limit::Tokens => self.tokens_max,
            Limit::Nesting => self.nesting_max.min(NESTING_CEILING),
            Limit::Aliases => self.aliases_max,
            Limit::RootFields => self.root_fields_max,
            Limit::Mutations => self.mutations_max,
            Limit::SignIns => self.sign_ins_max,
            Limit::Directives => self.directives_max,
            Limit::Fragments => self.fragments_max,
            Limit::Selections => self.selections_max,
            Limit::Depth => self.depth_max,
            Limit::IntrospectionDepth => self.introspection_depth_max,
            Limit::IntrospectionLists => self.introspection_lists_max,
            Limit::Operations => self.operations_max,
            Limit::Variables => self.variables_max,
            Limit::VariableDepth => self.variable_depth_max,
            Limit::ListItems => self.list_items_max,
            Limit::Cost => self.cost_max,
            Limit::SubscriptionCost => self.subscription_cost_max,
        }
    }

    /// Refuses more than is allowed.
    pub fn check(&self, limit: Limit, found: usize) -> Result<(), Refusal> {
        let max = self.max(limit);
        if found > max { Err(Refusal::Limit { limit, max }) } else { Ok(()) }
    }
}
