//! What one request is owed, whichever projections its answer is made of: pure.

use millrace_events::{ConsistencyToken, History, Position, Required, Revision, rule};

/// What a request is owed: what it came with, and what it has been shown since. One token stands for all projections, and promises
/// each of them what it says of that one.
#[derive(Debug, Clone, Default)]
pub struct Debt {
    token: Option<ConsistencyToken>,
}

impl Debt {
    /// The client is owed this as well, such as a command's token.
    pub fn owe(&mut self, token: &ConsistencyToken) {
        match &mut self.token {
            Some(mine) => mine.merge(token),
            None => self.token = Some(token.clone()),
        }
    }

    /// The client was shown so much of a projection. Before the first event there is no history, and nothing to be owed.
    pub fn show(&mut self, projection: &str, history: Option<History>, generation: u32, revision: Revision) {
        let Some(history) = history else { return };
        let mut shown = ConsistencyToken::of_command(history, Position::START);
        shown.projections.insert(projection.to_owned(), (generation, revision));
        self.owe(&shown);
        if let Some(token) = self.token.as_mut().filter(|_| !rule("shown_parts_add_up")) {
            token.projections.retain(|name, _| name == projection);
        }
    }

    /// What this projection must have reached before it is read: the position that every one owes, and what was seen of this one.
    pub fn of(&self, projection: &str) -> Option<Required> {
        let token = self.token.as_ref()?;
        let is_named = token.projections.is_empty() || token.projections.contains_key(projection);
        if !is_named && !rule("every_projection_owes") {
            return None;
        }
        let required = token.required(projection);
        let any = || token.projections.values().next().copied();
        Some(if rule("parts_stay_apart") { required } else { Required { seen: any(), ..required } })
    }

    /// What the client takes along.
    pub fn token(&self) -> Option<&ConsistencyToken> {
        self.token.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const HISTORY: History = History(Uuid::nil());

    fn at(position: u64, n: u32) -> Revision {
        Revision { position: Position(position), n }
    }

    #[test]
    fn one_token_owes_each_projection_its_own_part_and_all_of_them_its_position() {
        let mut debt = Debt::default();
        assert_eq!(debt.of("content"), None);
        debt.owe(&ConsistencyToken::of_command(HISTORY, Position(5)));
        debt.show("content", Some(HISTORY), 2, at(9, 3));
        debt.show("people", Some(HISTORY), 1, at(7, 0));
        debt.show("shop", None, 1, at(0, 0));
        let owed = |projection| debt.of(projection).unwrap();
        let seen = |projection| owed(projection).seen;
        assert_eq!(["content", "people", "shop"].map(seen), [Some((2, at(9, 3))), Some((1, at(7, 0))), None]);
        assert!(["content", "people", "shop"].iter().all(|projection| owed(projection).position == Position(5)));
        assert_eq!(debt.token().unwrap().to_string(), format!("mr1~{HISTORY}~*:5~content:2:9.3~people:1:7.0"));
    }

    #[test]
    fn what_is_shown_of_a_later_history_is_all_that_is_owed() {
        let later = History(Uuid::max());
        let mut debt = Debt::default();
        debt.show("content", Some(HISTORY), 2, at(9, 3));
        debt.show("people", Some(later), 3, at(2, 0));
        debt.show("content", Some(HISTORY), 2, at(9, 4));
        assert_eq!(debt.of("content"), Some(Required { history: later, position: Position::START, seen: None }));
    }
}
