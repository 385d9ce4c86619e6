//! The rules of the protocol, each with what happens without it. A rule that no schedule needs would be one too many, or the sign of a
//! check that is missing.

use millrace_events::rule::switch_off;

use crate::run::{Manner, run};
use crate::world::Broken;

/// A rule, or a few that stand in for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutant {
    /// The rules that are off.
    pub rules: &'static [&'static str],
    /// What happens instead.
    pub without: &'static str,
}

macro_rules! mutants {
    ($( [$($rule:literal),+] $without:literal ),+ $(,)?) => {
        /// All mutants.
        pub const MUTANTS: &[Mutant] = &[ $( Mutant { rules: &[$($rule),+], without: $without } ),+ ];
    };
}

mutants! {
    ["ids_after_locks"] "outbox ids are drawn before the rows are locked",
    ["sequence_cache_1"] "ids are handed out to connections in blocks",
    ["one_id_per_command"] "each event draws its own id, events of two commands interleave",
    ["snapshot_after_lock"] "sequencing sees the outbox as it was before it got the head's row",
    ["whole_backlog"] "a sequencing call stops after a few rows and answers the head",
    ["joins_next_call"] "a command joins the call that is already in flight",
    ["no_op_sequences_first"] "a command that changed nothing answers the head at once",
    ["expected_sequence"] "published without the expected last sequence",
    ["window_follows_tail"] "a window is published without a look at what it follows",
    ["compares_since_confirmed"] "the relay compares only the last message",
    ["audited_in_background"] "the relay compares only what came since the last confirmed position",
    ["holes_checked"] "the relay does not count messages",
    ["stream_read_before_log"] "the relay reads the log, then the stream",
    ["relay_stops_when_log_went_back"] "the relay makes the stream anew also when the log went back",
    ["sequence_is_position"] "the projector counts a stranger's message as a position",
    ["predecessor_checked"] "the projector does not look at the predecessor",
    ["checkpoint_message_compared"] "the projector does not look at the message at its checkpoint",
    ["batch_ends_with_command"] "a batch may end inside a command",
    ["keys_before_events"] "events are published, then the keys mirrored",
    ["absent_key_waits"] "an absent key is folded as erased",
    ["checkpoint_cas"] "the checkpoint is written without a compare",
    ["cas_has_n"] "only the position is compared",
    ["chunk_moves_revision"] "a chunk leaves the revision as it is",
    ["kept_documents_tagged"] "documents in memory are kept over a change of the checkpoint",
    ["folds_on_copies"] "documents in memory are changed before the commit",
    ["docs_kept_only_if_certain"] "after a doubtful commit the copies are kept if the checkpoint stands where they would be",
    ["documents_compared_by_revision"] "write-through compares positions only",
    ["documents_before_head"] "head is moved before the documents are written through",
    ["redone_from_head"] "the projector writes what it committed, whatever head says",
    ["head_moves_by_compare"] "head moves if it is lower, not only from where the projector saw it",
    ["redone_from_head", "head_moves_by_compare"] "both",
    ["redone_after_reconnect"] "after a reconnect to Redis only the failed command is repeated",
    ["new_namespace"] "a head that is gone starts again over the documents that are there",
    ["fill_needs_lease"] "a fill is compared by revision with what is in Redis, nothing more",
    ["write_through_only_updates"] "write-through also creates absent keys",
    ["absent_is_dated"] "an absent document is cached without the checkpoint's revision",
    ["hit_needs_head"] "a hit is not compared with head",
    ["head_before_document"] "head is read after the document",
    ["hit_on_one_connection"] "head and document come over two connections",
    ["token_covers_document"] "an answer's token tells head, although the cached document is newer",
    ["read_token_has_n"] "a read token tells the position only",
    ["client_sends_token"] "a client brings no token",
    ["retired_serves_nobody"] "an old generation goes on being read",
    ["ring_gap_detected"] "a ring is taken without a look at its first number",
    ["delivery_contiguous"] "a process hands out a change that does not follow",
    ["ring_gap_detected", "delivery_contiguous"] "both",
    ["head_polled"] "rings only, no look at the checkpoint",
    ["page_follows"] "changes are read without checking that they follow",
    ["joins_before_snapshot"] "the snapshot is taken, then the ring joined",
    ["cursor_names_generation"] "a cursor is a bare number, also in the next generation",
}

/// What became of a mutant.
#[derive(Debug)]
pub enum Hunted {
    /// A schedule broke an invariant.
    Caught {
        /// Which schedule.
        seed: u64,
        /// What broke.
        broken: Broken,
    },
    /// None did.
    NotCaught,
}

/// Runs schedules without these rules until one breaks.
pub fn hunt(rules: &[&str], seeds: impl IntoIterator<Item = u64>) -> Hunted {
    switch_off(rules);
    let caught = seeds.into_iter().find_map(|seed| {
        let outcome = run(seed, Manner { harsh: true, is_told: false });
        outcome.broken.map(|broken| Hunted::Caught { seed, broken })
    });
    switch_off(&[]);
    caught.unwrap_or(Hunted::NotCaught)
}
