//! Projection `commands`: where the events of a command lie, for `commandStatus`.
//!
//! One small document per command, for ever, as in the log itself: some 200 bytes beside the command's own rows. Removing them by age
//! would double this projection's writes.

use crate::projection::{Audience, DocumentKey, FanOut, Lookup, Projection, Touches, Unfoldable};
use millrace_events::{Aggregate, CommandId, Event, Position, Recorded, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;

/// The kind of these documents.
pub const KIND: &str = "command";

/// What became of commands.
#[derive(Debug, Clone, Copy)]
pub struct Commands;

/// A document of [`Commands`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum CommandsDocument {
    /// An accepted command.
    Command(Command),
}

/// An accepted command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Command {
    /// Position of its first event.
    pub first: Position,
    /// Position of its last event.
    pub last: Position,
    /// What its first event happened to.
    pub aggregate: Aggregate,
    /// Who sent it; none for the system, and for a sign-up, whose sender was nobody yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<UserId>,
    /// When it was decided.
    pub at: Timestamp,
}

/// The key of a command.
pub fn key(id: CommandId) -> DocumentKey {
    DocumentKey::new(KIND, id)
}

/// The topic of a command.
pub fn topic(id: CommandId) -> String {
    key(id).to_string()
}

impl CommandsDocument {
    /// All lists have the newest first.
    pub(super) fn sort_value(&self, _: &str) -> Option<i64> {
        None
    }
}

impl Commands {
    /// There is nothing personal in them.
    pub(super) fn left_of(_: UserId) -> Vec<Value> {
        vec![]
    }

    pub(super) fn read(_: &DocumentKey, json: &str) -> serde_json::Result<CommandsDocument> {
        serde_json::from_str(json)
    }
}

impl Projection for Commands {
    const NAME: &'static str = "commands";
    const FOLD_VERSION: u32 = 1;
    type Document = CommandsDocument;

    /// The first event tells all: a command's events lie at adjoining positions and are committed together.
    fn touches(event: &Recorded) -> Touches {
        let writes = if event.command_index == 0 { vec![key(event.command_id)] } else { vec![] };
        Touches { writes, reads: vec![] }
    }

    fn apply(
        event: &Recorded,
        _: &DocumentKey,
        document: &mut Option<CommandsDocument>,
        _: &dyn Lookup<CommandsDocument>,
    ) -> Result<(), Unfoldable> {
        let following = u64::from(event.command_count.saturating_sub(1));
        *document = Some(CommandsDocument::Command(Command {
            first: event.position,
            last: Position(event.position.0.saturating_add(following)),
            aggregate: event.aggregate,
            actor: sender(event),
            at: event.at,
        }));
        Ok(())
    }

    fn fan_outs(_: &Recorded, _: &dyn Lookup<CommandsDocument>) -> Vec<FanOut> {
        vec![]
    }

    fn spread(
        _: &FanOut,
        key: &DocumentKey,
        _: &mut Option<CommandsDocument>,
        _: &[(DocumentKey, CommandsDocument)],
        _: &dyn Lookup<CommandsDocument>,
    ) -> Result<(), Unfoldable> {
        Err(Unfoldable { key: key.clone(), reason: "commands has no fan-out" })
    }

    fn refill_reads(_: &[(DocumentKey, CommandsDocument)]) -> Vec<DocumentKey> {
        vec![]
    }

    fn topics(key: &DocumentKey, _: &CommandsDocument) -> BTreeSet<String> {
        BTreeSet::from([key.to_string()])
    }

    fn audience(_: &DocumentKey, document: &CommandsDocument) -> Audience {
        let CommandsDocument::Command(command) = document;
        command.actor.map_or(Audience::Everyone, Audience::Person)
    }

    fn indexes() -> Vec<Value> {
        vec![]
    }
}

/// Nobody was signed in yet who signed up.
fn sender(event: &Recorded) -> Option<UserId> {
    event.actor.filter(|_| !matches!(event.event, Event::UserCreated(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::tests::{Folded, Log, id};
    use millrace_events::PostId;

    fn command(folded: &Folded<Commands>, id: CommandId) -> Command {
        match folded.get(&key(id)) {
            Some(CommandsDocument::Command(command)) => command.clone(),
            None => panic!("no command"),
        }
    }

    #[test]
    fn a_command_is_where_its_events_are() {
        let (ada, ben) = (UserId(id(1)), UserId(id(2)));
        let mut log = Log::default();
        log.sign_up(ada, "Ada").sign_up(ben, "Ben").follow(ada, ben).post(PostId(id(3)), ada, true);
        let command_id = log.events[2].command_id;
        for (index, event) in log.events[2..].iter_mut().enumerate() {
            event.command_id = command_id;
            (event.command_index, event.command_count) = (u32::try_from(index).unwrap(), 2);
            event.actor = Some(ada);
        }
        let folded = Folded::<Commands>::of(&log.events);
        let command = command(&folded, command_id);
        assert_eq!((command.first, command.last, command.actor), (Position(3), Position(4), Some(ada)));
        assert_eq!((command.aggregate, command.at), (log.events[2].aggregate, log.events[2].at));
        assert_eq!(folded.documents.len(), 3);
    }

    #[test]
    fn a_command_is_its_senders_to_see_but_a_sign_up_had_none() {
        let ada = UserId(id(1));
        let mut log = Log::default();
        log.sign_up(ada, "Ada").post(PostId(id(3)), ada, true);
        log.events.iter_mut().for_each(|event| event.actor = Some(ada));
        let folded = Folded::<Commands>::of(&log.events);
        let audience = |n: usize| {
            let key = key(log.events[n].command_id);
            Commands::audience(&key, folded.get(&key).unwrap())
        };
        assert_eq!((audience(0), audience(1)), (Audience::Everyone, Audience::Person(ada)));
    }
}
