//! Why a projector stops, and why it merely waits.

use millrace_events::seal::SealError;
use millrace_events::{CommandId, DecodeError, EventId, History, Position, UserId};

/// Something that folding on would make worse. The projector stops and says so; it looks again now and then, from the start.
#[derive(Debug, thiserror::Error)]
pub enum Alarm {
    /// The stream has another event where the checkpoint stands: the log went back.
    #[error(
        "event {found} lies at position {position}, where {folded} was folded: the log went back, run `millrace log new-history`"
    )]
    AnotherEvent {
        /// Where.
        position: Position,
        /// What was folded.
        folded: EventId,
        /// What lies there now.
        found: EventId,
    },
    /// An event's predecessor is not the one that was folded: the log went back.
    #[error(
        "the event at position {position} does not follow the one before it: the log went back, run `millrace log new-history`"
    )]
    ChainBroken {
        /// Where.
        position: Position,
        /// What was folded before it.
        folded: Option<EventId>,
        /// What the event says was before it.
        predecessor: Option<EventId>,
    },
    /// The log ends before the checkpoint: it went back.
    #[error(
        "position {checkpoint} is folded, but the log ends at {head}: it went back, run `millrace log new-history`"
    )]
    AheadOfLog {
        /// The checkpoint's position.
        checkpoint: Position,
        /// The end that relays tell.
        head: Position,
    },
    /// The log has begun a later life. This generation belongs to an earlier one.
    #[error("history {found} has begun, this generation belongs to {own}")]
    LaterHistory {
        /// The generation's history.
        own: History,
        /// The later one.
        found: History,
    },
    /// An event that this program cannot read.
    #[error("the event at position {position} cannot be decoded")]
    Undecodable {
        /// Where.
        position: Position,
        /// Why.
        #[source]
        source: DecodeError,
    },
    /// Personal data that its key does not open.
    #[error("the event at position {position} cannot be opened")]
    Unopenable {
        /// Where.
        position: Position,
        /// Why.
        #[source]
        source: SealError,
    },
    /// The generation was made by an earlier version of the fold: this program makes another one in its place.
    #[error("generation {generation} was folded by version {found}, this program folds version {own}")]
    EarlierFold {
        /// The generation.
        generation: u32,
        /// The version that made it.
        found: u32,
        /// This program's version.
        own: u32,
        /// The generation's history.
        history: Option<History>,
    },
    /// The generation was made by a later version of the fold: this program is too old for it.
    #[error("generation {generation} was folded by version {found}, this program only knows version {own}")]
    LaterFold {
        /// The generation.
        generation: u32,
        /// The version that made it.
        found: u32,
        /// This program's version.
        own: u32,
    },
    /// What one command, or one document of a fan-out, changes is more than one transaction may hold.
    #[error("what command {command_id} changes at position {position} is too large for one transaction")]
    TooLarge {
        /// Where it ends.
        position: Position,
        /// The command.
        command_id: CommandId,
    },
}

/// Why the next event is not folded now. Somebody else, mostly the relay, has to act; the projector looks again soon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A message is missing in the middle.
    #[error("no message at {0}")]
    Hole(Position),
    /// A message that is no event of the log.
    #[error("a stranger's message at {0}")]
    Stranger(Position),
    /// A well-formed event at another's place.
    #[error("the message at {sequence} holds the event of position {position}")]
    Misplaced {
        /// The message's sequence.
        sequence: Position,
        /// The event's position.
        position: Position,
    },
    /// The stream still has an earlier life of the log.
    #[error("the stream still has history {0}")]
    EarlierHistory(History),
    /// The stream ends before the checkpoint: its tail is lost, or it is being filled again.
    #[error("the stream ends at {last}, before the checkpoint {checkpoint}")]
    TailLost {
        /// The stream's end.
        last: Position,
        /// The checkpoint's position.
        checkpoint: Position,
    },
    /// The rest of a command has not arrived.
    #[error("the command's events after {0} are not here yet")]
    HalfCommand(Position),
    /// A person's key has not arrived.
    #[error("the key of person {0} is not here yet")]
    KeyAbsent(UserId),
}
