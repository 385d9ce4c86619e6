//! Tokens of a text, as the specification has them; of two readings the stricter one.

use crate::Steps;
use crate::refusal::Refusal;

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// One of ``! $ & ( ) : = @ [ ] { | }``.
    Sign(u8),
    /// `...`
    Spread,
    Name(&'a str),
    /// A number without a fraction; the greatest there is if it is longer.
    Int(i64),
    Float,
    Text,
}

/// Reads tokens one after another.
#[derive(Debug, Clone)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    offset: usize,
}

type Lexed<T> = Result<T, Refusal>;

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, offset: 0 }
    }

    /// Bytes before the next token.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The next token; none at the end.
    pub(crate) fn next(&mut self, steps: &mut Steps) -> Lexed<Option<Token<'a>>> {
        let start = self.offset;
        self.skip_ignored();
        let token = self.token();
        steps.take(self.offset - start + 1);
        token
    }

    fn token(&mut self) -> Lexed<Option<Token<'a>>> {
        let Some(byte) = self.peek() else { return Ok(None) };
        let token = match byte {
            b'!' | b'$' | b'&' | b'(' | b')' | b':' | b'=' | b'@' | b'[' | b']' | b'{' | b'|' | b'}' => {
                self.offset += 1;
                Token::Sign(byte)
            }
            b'.' => self.spread()?,
            b'"' => self.quoted()?,
            b'-' | b'0'..=b'9' => self.number()?,
            _ if is_name_start(byte) => Token::Name(self.take_while(is_name)),
            _ => return Err(self.refusal()),
        };
        Ok(Some(token))
    }

    fn refusal(&self) -> Refusal {
        Refusal::Syntax { offset: self.offset }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.offset..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.offset).copied()
    }

    fn take_while(&mut self, is_part: fn(u8) -> bool) -> &'a str {
        let start = self.offset;
        while self.peek().is_some_and(is_part) {
            self.offset += 1;
        }
        &self.text[start..self.offset]
    }

    /// White space, commas, the mark of the byte order, and comments.
    fn skip_ignored(&mut self) {
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' | b',' => self.offset += 1,
                b'#' => {
                    self.take_while(|byte| !is_line_end(byte));
                }
                0xEF if self.rest().starts_with('\u{feff}') => self.offset += '\u{feff}'.len_utf8(),
                _ => return,
            }
        }
    }

    fn spread(&mut self) -> Lexed<Token<'a>> {
        if !self.rest().starts_with("...") {
            return Err(self.refusal());
        }
        self.offset += 3;
        Ok(Token::Spread)
    }

    fn number(&mut self) -> Lexed<Token<'a>> {
        let start = self.offset;
        self.offset += usize::from(self.peek() == Some(b'-'));
        let whole = self.take_while(|byte| byte.is_ascii_digit());
        if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
            return Err(self.refusal());
        }
        let written = &self.text[start..self.offset];
        let is_float = self.fraction()? | self.exponent()?;
        if self.peek().is_some_and(|byte| is_name_start(byte) || byte == b'.') {
            return Err(self.refusal());
        }
        Ok(if is_float { Token::Float } else { Token::Int(written.parse().unwrap_or(i64::MAX)) })
    }

    fn fraction(&mut self) -> Lexed<bool> {
        if self.peek() != Some(b'.') {
            return Ok(false);
        }
        self.offset += 1;
        self.digits()
    }

    fn exponent(&mut self) -> Lexed<bool> {
        if !matches!(self.peek(), Some(b'e' | b'E')) {
            return Ok(false);
        }
        self.offset += 1;
        self.offset += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
        self.digits()
    }

    fn digits(&mut self) -> Lexed<bool> {
        if self.take_while(|byte| byte.is_ascii_digit()).is_empty() { Err(self.refusal()) } else { Ok(true) }
    }

    fn quoted(&mut self) -> Lexed<Token<'a>> {
        if self.rest().starts_with("\"\"\"") { self.block() } else { self.line() }
    }

    fn block(&mut self) -> Lexed<Token<'a>> {
        self.offset += 3;
        while let Some(byte) = self.peek() {
            let rest = &self.text.as_bytes()[self.offset..];
            match byte {
                b'\\' if rest.starts_with(b"\\\"\"\"") => self.offset += 4,
                b'"' if rest.starts_with(b"\"\"\"") => {
                    self.offset += 3;
                    return Ok(Token::Text);
                }
                _ => self.offset += 1,
            }
        }
        Err(self.refusal())
    }

    fn line(&mut self) -> Lexed<Token<'a>> {
        self.offset += 1;
        while let Some(byte) = self.peek() {
            self.offset += 1;
            match byte {
                b'"' => return Ok(Token::Text),
                b'\\' => self.escape()?,
                _ if is_line_end(byte) => return Err(self.refusal()),
                _ => {}
            }
        }
        Err(self.refusal())
    }

    fn escape(&mut self) -> Lexed<()> {
        let Some(byte) = self.peek() else { return Err(self.refusal()) };
        self.offset += 1;
        match byte {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => self.code_point(),
            _ => Err(self.refusal_before()),
        }
    }

    /// Where a character of several bytes may stand before the offset.
    fn refusal_before(&self) -> Refusal {
        Refusal::Syntax { offset: self.offset - 1 }
    }

    /// Four hexadecimal digits that are a character by themselves: half of a pair is none.
    fn code_point(&mut self) -> Lexed<()> {
        let digits = self.text.as_bytes().get(self.offset..self.offset + 4).ok_or(self.refusal())?;
        let text = std::str::from_utf8(digits).map_err(|_| self.refusal())?;
        let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
        let code = u32::from_str_radix(text, 16).ok().filter(|_| is_hex);
        code.and_then(char::from_u32).ok_or(self.refusal())?;
        self.offset += 4;
        Ok(())
    }
}

fn is_name_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}
