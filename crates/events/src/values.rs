//! Values that cannot be wrong: parsed once, valid for ever. A refusal says which rule, in words for a person.

use serde::Serialize;

/// Why a value is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// Nothing, or only white space.
    #[error("must not be empty")]
    Empty,
    /// More than the limit.
    #[error("must not be longer than {max} characters")]
    TooLong {
        /// The limit in characters.
        max: usize,
    },
    /// Less than the limit.
    #[error("must have at least {min} characters")]
    TooShort {
        /// The limit in characters.
        min: usize,
    },
    /// A control character that no store or screen can take.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Not of the form that such a value has.
    #[error("is not {expected}")]
    Form {
        /// What it should be, with its article.
        expected: &'static str,
    },
    /// Too many of them.
    #[error("must not have more than {max} entries")]
    TooMany {
        /// The limit.
        max: usize,
    },
}

macro_rules! texts {
    ($( $(#[$doc:meta])* $name:ident = $rule:expr ),+ $(,)?) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Parses it; white space around it is cut off.
            pub fn parse(text: &str) -> Result<Self, ValueError> {
                let rule: fn(&str) -> Result<String, ValueError> = $rule;
                rule(text.trim()).map(Self)
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, owned.
            pub fn into_string(self) -> String {
                self.0
            }
        }
    )+ };
}

texts! {
    /// A first or last name.
    PersonName = |text| line(text, 80),
    /// An e-mail address as its owner writes it.
    Email = email,
    /// Words of a person about themselves.
    Bio = |text| lines(text, 1_000),
    /// A web address of a picture.
    ImageUrl = image_url,
    /// A post's title.
    PostTitle = |text| line(text, 200),
    /// A post's text.
    PostBody = |text| lines(text, 20_000),
    /// A comment's text.
    CommentText = |text| lines(text, 2_000),
    /// A tag: lower case, letters, digits and hyphens.
    Tag = tag,
    /// A product's name.
    ProductName = |text| line(text, 200),
    /// A product's text.
    ProductText = |text| lines(text, 5_000),
    /// Where an order shall go.
    DeliveryAddress = |text| lines(text, 500),
    /// Why an order is cancelled, or a text is hidden.
    Reason = |text| lines(text, 500),
    /// Words with a transfer.
    TransferNote = |text| line(text, 200),
}

/// The most tags that a post may have.
pub const TAGS_MAX: usize = 10;
const TAG_CHARACTERS_MAX: usize = 40;
const EMAIL_CHARACTERS_MAX: usize = 254;
const URL_CHARACTERS_MAX: usize = 2_000;
const PASSWORD_CHARACTERS_MIN: usize = 10;
const PASSWORD_BYTES_MAX: usize = 128;

impl Email {
    /// The form in which two addresses are compared: without regard to case.
    pub fn canonical(&self) -> String {
        self.0.to_lowercase()
    }
}

impl Tag {
    /// Parses a post's tags: doubles fall away, the order stays.
    pub fn parse_all(texts: &[String]) -> Result<Vec<Self>, ValueError> {
        let mut tags: Vec<Self> = Vec::new();
        for text in texts {
            let tag = Self::parse(text)?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        if tags.len() > TAGS_MAX { Err(ValueError::TooMany { max: TAGS_MAX }) } else { Ok(tags) }
    }
}

/// A password as typed. It never shows in a log, and is kept by nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Parses a new password: 10 characters to 128 bytes.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        if text.chars().count() < PASSWORD_CHARACTERS_MIN {
            return Err(ValueError::TooShort { min: PASSWORD_CHARACTERS_MIN });
        }
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(ValueError::TooLong { max: PASSWORD_BYTES_MAX });
        }
        Ok(Self(text.to_owned()))
    }

    /// The bytes that are hashed.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

fn line(text: &str, max: usize) -> Result<String, ValueError> {
    if text.chars().any(char::is_control) {
        return Err(ValueError::ControlCharacter);
    }
    limited(text, max)
}

fn lines(text: &str, max: usize) -> Result<String, ValueError> {
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        return Err(ValueError::ControlCharacter);
    }
    limited(text, max)
}

fn limited(text: &str, max: usize) -> Result<String, ValueError> {
    if text.is_empty() {
        return Err(ValueError::Empty);
    }
    if text.chars().count() > max {
        return Err(ValueError::TooLong { max });
    }
    Ok(text.to_owned())
}

/// The mail that is sent to an address is its only real proof; this refuses what can be no address.
fn email(text: &str) -> Result<String, ValueError> {
    const EXPECTED: ValueError = ValueError::Form { expected: "an e-mail address" };
    let text = line(text, EMAIL_CHARACTERS_MAX)?;
    let (local, domain) = text.rsplit_once('@').ok_or(EXPECTED)?;
    let dotted = domain.split('.').count() > 1 && domain.split('.').all(|part| !part.is_empty());
    if local.is_empty()
        || !dotted
        || text.chars().any(|c| c.is_whitespace() || "<>()[],;:\\\"".contains(c))
        || local.contains('@')
    {
        return Err(EXPECTED);
    }
    Ok(text)
}

fn image_url(text: &str) -> Result<String, ValueError> {
    const EXPECTED: ValueError = ValueError::Form { expected: "an http or https address" };
    let text = line(text, URL_CHARACTERS_MAX)?;
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(EXPECTED)?;
    if rest.is_empty() || rest.starts_with('/') || text.chars().any(|c| c.is_whitespace() || "<>\"\\".contains(c)) {
        return Err(EXPECTED);
    }
    Ok(text)
}

fn tag(text: &str) -> Result<String, ValueError> {
    let text = line(text.trim_start_matches('#'), TAG_CHARACTERS_MAX)?.to_lowercase();
    if text.chars().all(|c| c.is_alphanumeric() || c == '-') {
        Ok(text)
    } else {
        Err(ValueError::Form { expected: "a tag of letters, digits and hyphens" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn email_addresses_are_told_from_other_texts() {
        for good in ["a@b.example", "first.last+tag@sub.domain.example", " A@B.Example "] {
            assert!(Email::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.c", "a@b..c", "a b@c.d", "a@b.c\u{0}", "<a@b.c>", "a@b@c.d"] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Email::parse("Ada@Example.ORG").unwrap().canonical(), "ada@example.org");
    }

    #[test]
    fn lengths_count_characters() {
        assert!(PostTitle::parse(&"ä".repeat(200)).is_ok());
        assert_eq!(PostTitle::parse(&"ä".repeat(201)), Err(ValueError::TooLong { max: 200 }));
        assert_eq!(PostTitle::parse("  "), Err(ValueError::Empty));
    }

    #[test]
    fn tags_lose_their_doubles_and_keep_their_order() {
        let tags = Tag::parse_all(&["#Rust".into(), "cqrs".into(), "rust".into()]).unwrap();
        assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["rust", "cqrs"]);
        let many: Vec<String> = (0..11).map(|n| format!("t{n}")).collect();
        assert_eq!(Tag::parse_all(&many), Err(ValueError::TooMany { max: TAGS_MAX }));
    }

    #[test]
    fn a_password_does_not_show_in_debug_output() {
        assert_eq!(format!("{:?}", Password::parse("correct horse").unwrap()), "Password(..)");
        assert!(Password::parse("short").is_err() && Password::parse(&"x".repeat(129)).is_err());
    }

    #[test]
    fn control_characters_are_refused() {
        assert_eq!(PersonName::parse("A\u{0}b"), Err(ValueError::ControlCharacter));
        assert!(PostBody::parse("line\nline\tend").is_ok());
    }
}
