//! Commands: inputs, rules, handlers.
