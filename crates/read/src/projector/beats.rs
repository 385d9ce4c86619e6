//! What the relays' beats tell of a log that went back: pure.

use super::alarm::Alarm;
use super::source::Beat;
use crate::store::Checkpoint;
use millrace_events::Position;

/// So many beats in a row must tell a log that ends before the checkpoint. One alone may come from a relay that was paused
/// between reading the log and saying so.
pub const BEATS_BELOW_MAX: u32 = 3;

/// Compares each beat with the checkpoint as it was before that beat was said.
#[derive(Debug, Default)]
pub struct BeatWatch {
    last: Option<Beat>,
    /// The checkpoint's position when the last beat was heard: any later beat must tell at least that.
    floor: Position,
    below: u32,
}

impl BeatWatch {
    /// Takes the last beat that was heard; one that it has taken before tells nothing new.
    pub fn hear(&mut self, beat: &Beat, checkpoint: &Checkpoint) -> Result<(), Alarm> {
        if self.last.as_ref() != Some(beat) {
            let lies_below = checkpoint.history == Some(beat.history) && beat.head < self.floor;
            self.below = if lies_below { self.below + 1 } else { 0 };
            self.floor = checkpoint.revision.position;
            self.last = Some(beat.clone());
        }
        if self.below >= BEATS_BELOW_MAX {
            return Err(Alarm::AheadOfLog { checkpoint: self.floor, head: beat.head });
        }
        Ok(())
    }
}
