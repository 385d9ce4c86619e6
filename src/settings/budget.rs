//! `budget`: what one viewer may ask for in a while.

use serde::{Deserialize, Serialize};

/// What one viewer, or one address of those who are not signed in, may ask for in a while, over all instances: a bucket of points that
/// fills up again. An operation takes out what it costs (`extensions.cost`), an answer that was kept takes nothing.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BudgetSettings {
    /// Points in a full bucket; 0: no budgets. Not less than `limits.cost_max`, or the dearest operations are let through for less. A
    /// subscription pays once, when it begins, however often it is executed for its events.
    pub points_max: u32,
    /// Points that flow into it in a second, at least one.
    pub points_per_second: u32,
}
