//! For tests: a small projection with every feature that a projector knows, a log to fold, and ports in memory that misbehave on request.

mod cache;
mod gated;
mod log;
mod pages;
mod source;
mod store;
mod wild;
mod workshop;

pub use cache::MemoryCache;
pub use gated::{Gate, Gated, Held};
pub use log::{TestLog, post, user};
pub use pages::{Pages, PagesDocument, card_key, page_key, wall_key};
pub use source::MemorySource;
pub use store::{MemoryStore, created_micros, is_selected};
pub use wild::{calmly, check_cache, wildly};
pub use workshop::{Workshop, step};

/// Small random numbers from a seed, for faults: the same seed, the same faults.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// SplitMix64.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides.max(1)
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        sides > 0 && self.roll(sides) == 0
    }
}
