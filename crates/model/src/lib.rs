//! The protocol's own cores in memory, under a seeded scheduler with faults.
//!
//! The cores of sequencing, relay, projector, reader and feed are the ones that run in production; only the servers are simulated
//! ([`world`], behind the cores' ports in [`ports`]). A seed is a schedule: the same seed gives the same steps and the same result.
//! Every call to a server is a point where any other process may run, where the caller may die or stand still, and where the answer may
//! be lost, before the effect or after it. What must hold is in [`checks`].

pub mod checks;
pub mod faults;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod oracle;
pub mod plot;
pub mod ports;
pub mod processes;
pub mod projection;
pub mod random;
pub mod run;
pub mod scheduler;
pub mod sim;
pub mod world;
