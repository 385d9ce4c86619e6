//! The protocol's own cores in memory, under a seeded scheduler with faults.
