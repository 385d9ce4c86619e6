//! The rules of the protocol, each with what happens without it, and what notices: a schedule that breaks then, or a test of a core. A rule
//! that neither needs would be one too many, or the sign of a check that is missing.

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
    /// What notices.
    pub noticed: Noticed,
}

/// What breaks without a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noticed {
    /// The first schedule that broke when all were last looked for. Any change of a core shifts it.
    BySchedule(u64),
    /// No schedule that was tried, but a test of a core, which shows by `breaks_without` that it does.
    ByTest {
        /// The file that it stands in.
        file: &'static str,
        /// Its name.
        name: &'static str,
    },
}

const fn caught(schedule: u64, rules: &'static [&'static str], without: &'static str) -> Mutant {
    Mutant { rules, without, noticed: Noticed::BySchedule(schedule) }
}

const fn tested(
    file: &'static str,
    name: &'static str,
    rules: &'static [&'static str],
    without: &'static str,
) -> Mutant {
    Mutant { rules, without, noticed: Noticed::ByTest { file, name } }
}

/// All mutants.
pub const MUTANTS: &[Mutant] = &[
    caught(44, &["ids_after_locks"], "outbox ids are drawn before the rows are locked"),
    caught(40, &["sequence_cache_1"], "ids are handed out to connections in blocks"),
    caught(73, &["one_id_per_command"], "each event draws its own id, events of two commands interleave"),
    caught(0, &["snapshot_after_lock"], "sequencing sees the outbox as it was before it got the head's row"),
    caught(24, &["whole_backlog"], "a sequencing call stops after a few rows and answers the head"),
    caught(0, &["key_looked_up_under_lock"], "a command looks for its idempotency key before it locks it"),
    caught(61, &["joins_next_call"], "a command joins the call that is already in flight"),
    caught(0, &["no_op_sequences_first"], "a command that changed nothing answers the head at once"),
    caught(0, &["expected_sequence"], "published without the expected last sequence"),
    caught(437, &["window_follows_tail"], "a window is published without a look at what it follows"),
    caught(
        5,
        &["compares_since_confirmed"],
        "the relay compares only the last message, and all of them in the background",
    ),
    caught(521, &["audited_in_background"], "the relay compares only what came since the last confirmed position"),
    caught(0, &["holes_checked"], "the relay does not count messages"),
    caught(420, &["stream_read_before_log"], "the relay reads the log, then the stream"),
    caught(7, &["relay_stops_when_log_went_back"], "the relay makes the stream anew also when the log went back"),
    caught(12, &["sequence_is_position"], "the projector counts a stranger's message as a position"),
    caught(114, &["predecessor_checked"], "the projector does not look at the predecessor"),
    caught(625, &["checkpoint_message_compared"], "the projector does not look at the message at its checkpoint"),
    caught(0, &["batch_ends_with_command"], "a batch may end inside a command"),
    caught(6, &["keys_before_events"], "events are published, then the keys mirrored"),
    caught(79, &["key_created_never_put"], "a live key is put over whatever lies there"),
    caught(38, &["marks_survive_restore"], "a new history begins although the restore brought destroyed keys back"),
    caught(10, &["absent_key_waits"], "an absent key is folded as erased"),
    caught(0, &["checkpoint_cas"], "the checkpoint is written without a compare"),
    caught(0, &["cas_has_n"], "only the position is compared"),
    caught(0, &["chunk_moves_revision"], "a chunk leaves the revision as it is"),
    caught(0, &["kept_documents_tagged"], "documents in memory are kept over a change of the checkpoint"),
    caught(5, &["folds_on_copies"], "documents in memory are changed before the commit"),
    caught(
        42,
        &["docs_kept_only_if_certain"],
        "after a doubtful commit the copies are kept if the checkpoint stands where they would be",
    ),
    caught(12, &["documents_compared_by_revision"], "write-through compares positions only"),
    caught(2, &["documents_before_head"], "head is moved before the documents are written through"),
    caught(32, &["redone_from_head"], "the projector writes what it committed, whatever head says"),
    tested(
        "crates/read/src/reader/tests/hits.rs",
        "an_answer_is_of_one_generation",
        &["hits_of_one_generation"],
        "hits of one generation are shown beside documents of another",
    ),
    tested(
        "crates/read/src/projector/tests/through.rs",
        "a_head_that_another_generation_took_meanwhile_is_not_taken_back",
        &["head_moves_by_compare"],
        "head is set, wherever it stands",
    ),
    caught(157, &["redone_after_reconnect"], "after a reconnect to Redis only the failed command is repeated"),
    caught(19, &["new_namespace"], "a head that is gone starts again over the documents that are there"),
    caught(18, &["fill_needs_lease"], "a fill is compared by revision with what is in Redis, nothing more"),
    caught(303, &["write_through_only_updates"], "write-through also creates absent keys"),
    caught(27, &["absent_is_dated"], "an absent document is cached without the checkpoint's revision"),
    caught(0, &["hit_needs_head"], "a hit is not compared with head"),
    tested(
        "crates/read/src/reader/owed.rs",
        "a_head_behind_the_checkpoint_of_the_tick_before_the_last_is_stuck",
        &["head_not_stuck"],
        "hits count although no projector reaches the cache",
    ),
    caught(7, &["head_before_document"], "head is read after the document"),
    caught(88, &["hit_on_one_connection"], "head and document come over two connections"),
    caught(1, &["token_covers_document"], "an answer's token tells head, although the cached document is newer"),
    caught(32, &["token_covers_absence"], "an answer's token tells head, although the cached absence is newer"),
    caught(82, &["read_token_has_n"], "a read token tells the position only"),
    caught(0, &["client_sends_token"], "a client brings no token"),
    caught(0, &["every_projection_owes"], "a token that names projections owes nothing to any other"),
    caught(96, &["parts_stay_apart"], "what was seen of one projection is what another one owes"),
    caught(0, &["shown_parts_add_up"], "an answer's token tells only what was read last"),
    caught(250, &["shown_is_owed"], "within a request a later read owes nothing that an earlier one has shown"),
    caught(6, &["retired_serves_nobody"], "an old generation goes on being read"),
    caught(97, &["delivery_contiguous"], "a process hands out a change that does not follow"),
    caught(1, &["head_polled"], "rings only, no look at the checkpoint"),
    caught(18, &["page_follows"], "changes are read without checking that they follow"),
    caught(323, &["joins_before_snapshot"], "the snapshot is taken, then the ring joined"),
    caught(1, &["audience_counts"], "a subscriber is shown what only another person may see"),
    caught(0, &["gone_is_told"], "of what was hidden from a subscriber nothing more is told"),
    caught(53, &["cursor_names_generation"], "a cursor is a bare number, also in the next generation"),
];

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
