//! What people search for.

use super::error::Refusal;

/// The most characters of a search.
pub const SEARCH_CHARACTERS_MAX: usize = 200;

/// The words of a search argument; none if it was not given.
pub fn words(argument: &'static str, text: Option<String>) -> Result<Option<String>, Refusal> {
    let Some(text) = text else { return Ok(None) };
    let text = text.trim();
    if text.is_empty() {
        return Err(Refusal::Empty { argument });
    }
    if text.chars().count() > SEARCH_CHARACTERS_MAX {
        return Err(Refusal::LimitExceeded { limit: argument, max: SEARCH_CHARACTERS_MAX });
    }
    Ok(Some(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_has_words_and_not_too_many() {
        assert_eq!(words("search", None), Ok(None));
        assert_eq!(words("search", Some(" heron ".into())), Ok(Some("heron".into())));
        assert_eq!(words("search", Some("  ".into())), Err(Refusal::Empty { argument: "search" }));
        let long = words("search", Some("ä".repeat(201)));
        assert_eq!(long, Err(Refusal::LimitExceeded { limit: "search", max: SEARCH_CHARACTERS_MAX }));
    }
}
