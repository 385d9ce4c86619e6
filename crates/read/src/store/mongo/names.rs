//! Collections of one database.

/// Pointers to the generations that are served, one per projection.
pub(super) const PROJECTIONS: &str = "projections";
/// Why documents are parked, of all projections.
pub(super) const DEAD_LETTERS: &str = "dead_letters";

/// The collections of one generation.
#[derive(Debug, Clone)]
pub(super) struct Names {
    /// Documents, and the checkpoint.
    pub documents: String,
    /// Changes.
    pub changes: String,
}

impl Names {
    pub fn of(projection: &str, generation: u32) -> Self {
        let documents = format!("{projection}_{generation}");
        Self { changes: format!("{documents}_changes"), documents }
    }
}
