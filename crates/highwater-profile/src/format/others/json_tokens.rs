//! JSON token by token, for documents that are nested deeper than a parser that calls itself may go.

use std::borrow::Cow;

use super::text::{quoted, wrong};
use crate::format::list::Format;
use crate::read_error::ReadError;

/// A piece of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token<'a> {
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Colon,
    /// A string as it is written, with its quotes.
    String(&'a [u8]),
    /// A number, `true`, `false` or `null`, as it is written.
    Word(&'a str),
}

/// The tokens of a document, whose commas and colons are in their places where they are asked for by what
/// they separate.
pub(super) struct Tokens<'a> {
    format: Format,
    bytes: &'a [u8],
    at: usize,
    /// The token before was the beginning of an object or an array, behind which there is no comma.
    is_first: bool,
}

impl<'a> Tokens<'a> {
    pub fn new(format: Format, bytes: &'a [u8]) -> Self {
        Self { format, bytes, at: 0, is_first: true }
    }

    /// The error that the document makes no sense here.
    pub fn wrong(&self, reason: &str) -> ReadError {
        let read = &self.bytes[..self.at.min(self.bytes.len())];
        let line = read.iter().filter(|it| **it == b'\n').count() as u64 + 1;
        wrong(self.format, line, reason)
    }

    fn next(&mut self) -> Result<Token<'a>, ReadError> {
        let rest = &self.bytes[self.at..];
        self.at += rest.len() - rest.trim_ascii_start().len();
        let rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else {
            return Err(self.wrong("the file ends here, before the document does; it may be cut off"));
        };
        let (token, length) = match first {
            b'{' => (Token::ObjectStart, 1),
            b'}' => (Token::ObjectEnd, 1),
            b'[' => (Token::ArrayStart, 1),
            b']' => (Token::ArrayEnd, 1),
            b',' => (Token::Comma, 1),
            b':' => (Token::Colon, 1),
            b'"' => {
                let length = string_length(rest)
                    .ok_or_else(|| self.wrong("the file ends here, within a string; it may be cut off"))?;
                (Token::String(&rest[..length]), length)
            }
            _ => {
                let is_part = |it: &u8| it.is_ascii_alphanumeric() || b"+-.".contains(it);
                let length = rest.iter().take_while(|it| is_part(it)).count();
                let word = str::from_utf8(&rest[..length]).unwrap_or_default();
                if word.is_empty() {
                    return Err(self.wrong("a character that no value begins with"));
                }
                (Token::Word(word), length)
            }
        };
        self.at += length;
        self.is_first = matches!(token, Token::ObjectStart | Token::ArrayStart);
        Ok(token)
    }

    /// # Errors
    /// When another token is next.
    pub fn expect(&mut self, wanted: Token<'_>) -> Result<(), ReadError> {
        let what = match wanted {
            Token::ObjectStart => "an object was expected",
            Token::ArrayStart => "an array was expected",
            Token::Colon => "a colon was expected",
            _ => "something else was expected",
        };
        if self.next()? == wanted { Ok(()) } else { Err(self.wrong(what)) }
    }

    /// The next key of the object that is being read; `None` at its end.
    pub fn key(&mut self) -> Result<Option<Cow<'a, str>>, ReadError> {
        match self.element()? {
            None => Ok(None),
            Some(Token::String(text)) => {
                let key = self.unescaped(text)?;
                self.expect(Token::Colon)?;
                Ok(Some(key))
            }
            Some(_) => Err(self.wrong("a key was expected")),
        }
    }

    /// The first token of the next element of what is being read; `None` at its end.
    pub fn element(&mut self) -> Result<Option<Token<'a>>, ReadError> {
        let is_first = self.is_first;
        let token = self.next()?;
        let token = match token {
            Token::ObjectEnd | Token::ArrayEnd => return Ok(None),
            Token::Comma if !is_first => self.next()?,
            token if is_first => token,
            _ => return Err(self.wrong("a comma was expected")),
        };
        match token {
            Token::Comma | Token::Colon | Token::ObjectEnd | Token::ArrayEnd => {
                Err(self.wrong("a value was expected"))
            }
            token => Ok(Some(token)),
        }
    }

    /// # Errors
    /// When the next value is no string.
    pub fn string(&mut self) -> Result<Cow<'a, str>, ReadError> {
        match self.next()? {
            Token::String(text) => self.unescaped(text),
            _ => Err(self.wrong("a string was expected")),
        }
    }

    /// A whole number; of one with decimals the whole part.
    ///
    /// # Errors
    /// When the next value is no number.
    pub fn number(&mut self) -> Result<i64, ReadError> {
        let Token::Word(word) = self.next()? else { return Err(self.wrong("a number was expected")) };
        let decimals = || word.parse::<f64>().ok().filter(|it| it.is_finite()).map(|it| it as i64);
        word.parse()
            .ok()
            .or_else(decimals)
            .ok_or_else(|| self.wrong(&format!("{} is not a number", quoted(word))))
    }

    /// # Errors
    /// When the next value is no number, or below 0.
    pub fn count(&mut self, what: &str) -> Result<i64, ReadError> {
        match self.number()? {
            number @ 0.. => Ok(number),
            number => Err(self.wrong(&format!("{what} is {number}, but nothing is counted below 0"))),
        }
    }

    /// Passes over the next value, however deep it is.
    pub fn skip(&mut self) -> Result<(), ReadError> {
        let mut depth = 0_usize;
        loop {
            match self.next()? {
                Token::ObjectStart | Token::ArrayStart => depth += 1,
                Token::ObjectEnd | Token::ArrayEnd if depth == 0 => {
                    return Err(self.wrong("a value was expected"));
                }
                Token::ObjectEnd | Token::ArrayEnd => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn unescaped(&self, text: &'a [u8]) -> Result<Cow<'a, str>, ReadError> {
        if !text.contains(&b'\\') {
            let inner = text.get(1..text.len() - 1).and_then(|it| str::from_utf8(it).ok());
            return inner.map(Cow::Borrowed).ok_or_else(|| self.wrong("a string is not UTF-8"));
        }
        let parsed: Result<String, _> = serde_json::from_slice(text);
        parsed.map(Cow::Owned).map_err(|error| self.wrong(&format!("a string is not valid: {error}")))
    }
}

/// Length of the string that `bytes` begin with, quotes included; `None` when it does not end.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_walked_key_by_key() {
        let text = br#"{"a\"b": [1, {"x": [[]]}, "y"], "c": -2.7, "d": {}}"#;
        let mut tokens = Tokens::new(Format::V8, text);
        tokens.expect(Token::ObjectStart).unwrap();
        assert_eq!(tokens.key().unwrap().as_deref(), Some("a\"b"));
        tokens.skip().unwrap();
        assert_eq!(tokens.key().unwrap().as_deref(), Some("c"));
        assert_eq!(tokens.number().unwrap(), -2);
        assert_eq!(tokens.key().unwrap().as_deref(), Some("d"));
        tokens.skip().unwrap();
        assert_eq!(tokens.key().unwrap(), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        for (text, expected) in [
            ("{\"a\" 1}", "a colon was expected"),
            ("{1: 2}", "a key was expected"),
            ("{,}", "a value was expected"),
            ("{\"a", "within a string"),
            ("", "the file ends here"),
        ] {
            let mut tokens = Tokens::new(Format::V8, text.as_bytes());
            let outcome = tokens.expect(Token::ObjectStart).and_then(|()| tokens.key());
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
