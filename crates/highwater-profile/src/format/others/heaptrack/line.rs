//! The fields of a line.

use crate::format::others::text::TextLine;
use crate::read_error::ReadError;

/// A line, and how far it has been read.
pub(super) struct Fields<'a> {
    line: TextLine<'a>,
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields behind the letter of a line.
    pub fn of(line: TextLine<'a>) -> Self {
        Self { line, rest: line.bytes.get(2..).unwrap_or_default() }
    }

    /// The next hexadecimal number, when there is one more field.
    ///
    /// # Errors
    /// When the field is no number or exceeds 64 bits.
    pub fn maybe_number(&mut self, what: &str) -> Result<Option<u64>, ReadError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let end = self.rest.iter().position(|&it| it == b' ').unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        if digits.is_empty() || digits.len() > 16 {
            return Err(self.wrong(format!("{what} is no hexadecimal number of 64 bits")));
        }
        let mut number = 0;
        for &digit in digits {
            let value = char::from(digit).to_digit(16).filter(|_| !digit.is_ascii_uppercase());
            let value = value.ok_or_else(|| self.wrong(format!("{what} is no hexadecimal number")))?;
            number = number << 4 | u64::from(value);
        }
        Ok(Some(number))
    }

    /// The next hexadecimal number.
    ///
    /// # Errors
    /// When there is none, or it exceeds 64 bits.
    pub fn number(&mut self, what: &str) -> Result<u64, ReadError> {
        self.maybe_number(what)?.ok_or_else(|| self.wrong(format!("{what} is missing")))
    }

    /// The next number, as a position in a table of `len` entries that counts from `first`.
    ///
    /// # Errors
    /// When there is none, or no such entry.
    pub fn position(&mut self, what: &str, first: u64, len: usize) -> Result<usize, ReadError> {
        let number = self.number(what)?;
        number.checked_sub(first).filter(|&it| it < len as u64).map(|it| it as usize).ok_or_else(|| {
            self.wrong(format!("{what} is number {number:#x}, and before this line there are {len:#x}"))
        })
    }

    /// As [`Fields::position`] in a table that counts from 1, where 0 says that there is none.
    ///
    /// # Errors
    /// When there is no number, or no such entry.
    pub fn maybe_position(&mut self, what: &str, len: usize) -> Result<Option<usize>, ReadError> {
        let mut ahead = Self { line: self.line, rest: self.rest };
        if ahead.number(what)? == 0 {
            self.rest = ahead.rest;
            return Ok(None);
        }
        self.position(what, 1, len).map(Some)
    }

    /// All that is left.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// A text behind its length.
    ///
    /// # Errors
    /// When the length is missing, or goes beyond the line.
    pub fn sized(&mut self) -> Result<&'a [u8], ReadError> {
        let length = self.number("the length of the string")?;
        let text = usize::try_from(length).ok().and_then(|it| self.rest.get(..it));
        text.ok_or_else(|| {
            self.wrong(format!("the string has {length} bytes, and the line {}", self.rest.len()))
        })
    }

    /// The error that this line makes no sense.
    pub fn wrong(&self, reason: impl Into<String>) -> ReadError {
        self.line.wrong(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Format;
    use crate::format::others::text::lines;

    fn fields(text: &str) -> Fields<'_> {
        Fields::of(lines(Format::Heaptrack, text.as_bytes()).next().unwrap())
    }

    #[test]
    fn fields_are_hexadecimal_numbers() {
        let mut all = fields("t ff 0 ffffffffffffffff");
        assert_eq!(all.number("n").unwrap(), 255);
        assert_eq!(all.maybe_position("p", 1).unwrap(), None);
        assert_eq!(all.number("n").unwrap(), u64::MAX);
        assert_eq!(all.maybe_number("n").unwrap(), None);
        assert_eq!(fields("s 3 a b").sized().unwrap(), b"a b");
        for text in ["t", "t x", "t  1", "t 10000000000000000", "t FF", "t -1", "t 2"] {
            assert!(fields(text).position("p", 1, 1).is_err(), "{text}");
        }
        assert!(fields("s 5 a b").sized().is_err());
        assert!(fields("s ffffffffffffffff a b").sized().is_err());
    }
}
