//! Parsing an input's fields, so that all that is wrong is told at once.

use crate::CommandError;
use async_graphql::MaybeUndefined;
use millrace_events::values::ValueError;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    errors: Vec<CommandError>,
}

impl Fields {
    /// The value, or `None` and a note of what is wrong with it.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, ValueError>) -> Option<T> {
        parsed.map_err(|rule| self.errors.push(CommandError::invalid(field, &rule))).ok()
    }

    /// The value, or `None` and a note of what is wrong with it, told in words of its own.
    pub fn judge<T>(&mut self, judged: Result<T, CommandError>) -> Option<T> {
        judged.map_err(|error| self.errors.push(error)).ok()
    }

    /// The value of a field that may be left out.
    pub fn take_optional<T>(
        &mut self,
        field: &str,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<Option<T>> {
        match text {
            None => Some(None),
            Some(text) => self.take(field, parse(text)).map(Some),
        }
    }

    /// The change of a field that may be left out, or null to take its value away.
    pub fn take_change<T>(
        &mut self,
        field: &str,
        text: &MaybeUndefined<String>,
        parse: impl FnOnce(&str) -> Result<T, ValueError>,
    ) -> Option<Change<T>> {
        match text {
            MaybeUndefined::Undefined => Some(Change::Keep),
            MaybeUndefined::Null => Some(Change::Clear),
            MaybeUndefined::Value(text) => self.take(field, parse(text)).map(Change::Set),
        }
    }

    /// All values, or all that is wrong.
    pub fn finish<T>(self, values: Option<T>) -> Result<T, Vec<CommandError>> {
        match values {
            Some(values) if self.errors.is_empty() => Ok(values),
            _ => Err(self.errors),
        }
    }
}

/// What shall become of a value that may be absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change<T> {
    Keep,
    Clear,
    Set(T),
}

impl<T> Change<T> {
    /// Makes the change.
    pub fn apply(&self, place: &mut Option<String>, text: impl FnOnce(&T) -> &str) {
        match self {
            Self::Keep => {}
            Self::Clear => *place = None,
            Self::Set(value) => *place = Some(text(value).to_owned()),
        }
    }
}

/// The aggregate must be at the version that the input expects, if it expects one.
pub(crate) fn check_version(expected: Option<u32>, actual: u32) -> Result<(), CommandError> {
    match expected {
        Some(expected) if expected != actual => Err(CommandError::version_conflict(expected, actual)),
        _ => Ok(()),
    }
}

/// One more must fit in below the limit.
pub(crate) fn check_room(count: u64, max: u32, limit: &str, message: &str) -> Result<(), CommandError> {
    if count < u64::from(max) { Ok(()) } else { Err(CommandError::limit_reached(message, limit, max)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_events::values::{PersonName, PostTitle};

    #[test]
    fn all_that_is_wrong_is_told_at_once() {
        let mut fields = Fields::default();
        let first = fields.take("firstName", PersonName::parse(" "));
        let title = fields.take_optional("title", Some(&"x".repeat(201)), PostTitle::parse);
        let fine = fields.take("lastName", PersonName::parse("Lovelace"));
        assert!(fine.is_some());
        let errors = fields.finish(first.zip(title)).unwrap_err();
        let told: Vec<_> = errors
            .iter()
            .map(|error| match error {
                CommandError::ValidationError(error) => (error.path.join("."), error.message.as_str()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            told,
            [
                ("firstName".to_owned(), "firstName must not be empty."),
                ("title".to_owned(), "title must not be longer than 200 characters."),
            ]
        );
    }

    #[test]
    fn a_version_is_compared_only_if_one_is_expected() {
        assert_eq!(check_version(None, 7), Ok(()));
        assert_eq!(check_version(Some(7), 7), Ok(()));
        assert_eq!(check_version(Some(6), 7), Err(CommandError::version_conflict(6, 7)));
    }
}
