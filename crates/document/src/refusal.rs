//! Why a document is not taken.

use std::fmt;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Bytes of the text.
    Size,
    /// Names, numbers, texts and signs.
    Tokens,
    /// Brackets of any form that are open at once.
    Nesting,
    /// Fields that are answered under another name.
    Aliases,
    /// Fields of the query itself.
    RootFields,
    /// Fields of the mutation itself.
    Mutations,
    /// Fields that check or set a password, or send a mail.
    SignIns,
    /// Directives, wherever they stand.
    Directives,
    /// Definitions of fragments.
    Fragments,
    /// Selections, counted as often as their fragment is spread.
    Selections,
    /// Fields within fields, through fragments.
    Depth,
    /// The same below `__schema` and `__type`.
    IntrospectionDepth,
    /// Lists within lists below `__schema` and `__type`.
    IntrospectionLists,
    /// Operations.
    Operations,
    /// Variables of an operation.
    Variables,
    /// Lists and objects within each other in a variable.
    VariableDepth,
    /// Entries of one list.
    ListItems,
    /// The cost of an operation.
    Cost,
    /// The cost of a subscription, for each of its events.
    SubscriptionCost,
}

impl Limit {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::Size,
        Self::Tokens,
        Self::Nesting,
        Self::Aliases,
        Self::RootFields,
        Self::Mutations,
        Self::SignIns,
        Self::Directives,
        Self::Fragments,
        Self::Selections,
        Self::Depth,
        Self::IntrospectionDepth,
        Self::IntrospectionLists,
        Self::Operations,
        Self::Variables,
        Self::VariableDepth,
        Self::ListItems,
        Self::Cost,
        Self::SubscriptionCost,
    ];

    /// The stable code of its refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Size => "SIZE_LIMIT",
            Self::Tokens => "TOKEN_LIMIT",
            Self::Nesting => "NESTING_LIMIT",
            Self::Aliases => "ALIAS_LIMIT",
            Self::RootFields | Self::Mutations => "ROOT_FIELD_LIMIT",
            Self::SignIns => "SIGN_IN_LIMIT",
            Self::Directives => "DIRECTIVE_LIMIT",
            Self::Fragments => "FRAGMENT_LIMIT",
            Self::Selections => "SELECTION_LIMIT",
            Self::Depth => "DEPTH_LIMIT",
            Self::IntrospectionDepth | Self::IntrospectionLists => "INTROSPECTION_LIMIT",
            Self::Operations => "OPERATION_LIMIT",
            Self::Variables => "VARIABLE_LIMIT",
            Self::VariableDepth => "VARIABLE_DEPTH_LIMIT",
            Self::ListItems => "LIST_LIMIT",
            Self::Cost | Self::SubscriptionCost => "COST_LIMIT",
        }
    }

    /// Its setting, without `limits.`.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Size => "query_bytes_max",
            Self::Tokens => "tokens_max",
            Self::Nesting => "nesting_max",
            Self::Aliases => "aliases_max",
            Self::RootFields => "root_fields_max",
            Self::Mutations => "mutations_max",
            Self::SignIns => "sign_ins_max",
            Self::Directives => "directives_max",
            Self::Fragments => "fragments_max",
            Self::Selections => "selections_max",
            Self::Depth => "depth_max",
            Self::IntrospectionDepth => "introspection_depth_max",
            Self::IntrospectionLists => "introspection_lists_max",
            Self::Operations => "operations_max",
            Self::Variables => "variables_max",
            Self::VariableDepth => "variable_depth_max",
            Self::ListItems => "list_items_max",
            Self::Cost => "cost_max",
            Self::SubscriptionCost => "subscription_cost_max",
        }
    }

    /// What there is too much of, for a person.
    fn words(self) -> &'static str {
        match self {
            Self::Size => "bytes of text",
            Self::Tokens => "tokens",
            Self::Nesting => "brackets within each other",
            Self::Aliases => "aliases",
            Self::RootFields => "fields in a query itself",
            Self::Mutations => "fields in a mutation itself",
            Self::SignIns => "fields in a mutation that take a password or send a mail",
            Self::Directives => "directives",
            Self::Fragments => "fragments",
            Self::Selections => "selections with their fragments spread out",
            Self::Depth => "fields within each other",
            Self::IntrospectionDepth => "fields of the schema within each other",
            Self::IntrospectionLists => "lists of the schema within each other",
            Self::Operations => "operations",
            Self::Variables => "variables",
            Self::VariableDepth => "lists and objects within each other in a variable",
            Self::ListItems => "entries in a list",
            Self::Cost => "points of cost",
            Self::SubscriptionCost => "points of cost for each event of a subscription",
        }
    }
}

/// Why a document is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// It is no document; so much of it was read.
    Syntax {
        /// Bytes before the place.
        offset: usize,
    },
    /// A fragment spreads itself.
    Cycle,
    /// More than is allowed.
    Limit {
        /// Of what.
        limit: Limit,
        /// The most that is allowed.
        max: usize,
    },
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Syntax { .. } => "BAD_USER_INPUT",
            Self::Cycle => "FRAGMENT_CYCLE",
            Self::Limit { limit, .. } => limit.code(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax { .. } => f.write_str("syntax error: this is no GraphQL document"),
            Self::Cycle => f.write_str("a fragment spreads itself"),
            Self::Limit { limit, max } => write!(f, "at most {max} {} are allowed", limit.words()),
        }
    }
}

impl std::error::Error for Refusal {}
