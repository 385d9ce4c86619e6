//! What the documents of commands must be: all events of a command lie side by side in the log, each once.

use super::life::{Documents, Life, first, last, with};
use millrace_events::{CommandId, Event, Recorded};
use serde_json::json;
use std::collections::BTreeMap;

/// The events of each command.
pub fn commands(log: &[Recorded]) -> BTreeMap<CommandId, Life<'_>> {
    let mut commands = BTreeMap::<CommandId, Life>::new();
    for recorded in log {
        commands.entry(recorded.command_id).or_default().push(recorded);
    }
    commands.values().for_each(are_whole);
    commands
}

fn are_whole(events: &Life) {
    for (index, recorded) in events.iter().enumerate() {
        assert_eq!(recorded.command_index as usize, index, "events of a command: {events:#?}");
        assert_eq!(recorded.position.0, first(events).position.0 + index as u64, "not side by side: {events:#?}");
        assert_eq!(recorded.command_count as usize, events.len(), "events of a command: {events:#?}");
    }
}

/// All documents of commands.
pub fn documents(log: &[Recorded]) -> Documents {
    let command = |(id, events): (CommandId, Life)| {
        let document = json!({
            "kind": "command",
            "first": first(&events).position,
            "last": last(&events).position,
            "aggregate": first(&events).aggregate,
            "at": first(&events).at,
        });
        let signs_up = matches!(first(&events).event, Event::UserCreated(_));
        let sender = first(&events).actor.filter(|_| !signs_up);
        (format!("command:{id}"), with(document, "actor", sender.map(|sender| json!(sender))))
    };
    commands(log).into_iter().map(command).collect()
}
