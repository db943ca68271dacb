//! Lines of text formats, with their numbers: whatever is wrong with a file is said with the line it stands
//! on.

use crate::format::list::Format;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::read_error::ReadError;

/// A line of a file, without what ends it.
#[derive(Clone, Copy)]
pub(super) struct TextLine<'a> {
    format: Format,
    /// Counted from 1.
    pub number: u64,
    pub bytes: &'a [u8],
}

/// All lines of `bytes`. A last line may lack its end.
pub(super) fn lines(format: Format, bytes: &[u8]) -> impl Iterator<Item = TextLine<'_>> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    whole.split(|&byte| byte == b'\n').zip(1..).map(move |(bytes, number)| TextLine {
        format,
        number,
        bytes: bytes.strip_suffix(b"\r").unwrap_or(bytes),
    })
}

impl<'a> TextLine<'a> {
    /// The error that this line makes no sense.
    pub fn wrong(&self, reason: impl Into<String>) -> ReadError {
        wrong(self.format, self.number, reason)
    }

    /// The line as text.
    ///
    /// # Errors
    /// When it is not UTF-8.
    pub fn text(&self) -> Result<&'a str, ReadError> {
        str::from_utf8(self.bytes)
            .map_err(|error| self.wrong(format!("byte {} is not UTF-8", error.valid_up_to() + 1)))
    }

    /// Whether there is nothing on the line but blanks.
    pub fn is_blank(&self) -> bool {
        self.bytes.trim_ascii().is_empty()
    }

    /// A number of blocks or bytes.
    ///
    /// # Errors
    /// When it is anything but a whole number from 0 to 2^63 - 1.
    pub fn count(&self, what: &str, text: &str) -> Result<i64, ReadError> {
        let error = || self.wrong(format!("{what} is {}, not a whole number below 2^63", quoted(text)));
        let digits = Some(text).filter(|it| it.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|it| it.parse().ok()).ok_or_else(error)
    }

    /// An address in hexadecimal, with `0x` or without.
    ///
    /// # Errors
    /// When it is anything else.
    pub fn address(&self, text: &str) -> Result<u64, ReadError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        // `from_str_radix` would allow a sign.
        let digits = Some(digits).filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()));
        digits
            .and_then(|it| u64::from_str_radix(it, 16).ok())
            .ok_or_else(|| self.wrong(format!("{} is no address", quoted(text))))
    }

    /// Says whether a stack may have this many frames.
    ///
    /// # Errors
    /// When it has more than [`Limits::MAX_STACK_FRAMES`].
    pub fn check_depth(&self, frames: usize) -> Result<(), ReadError> {
        if frames > Limits::MAX_STACK_FRAMES {
            return Err(self.wrong(format!("a stack of more than {} frames", Limits::MAX_STACK_FRAMES)));
        }
        Ok(())
    }
}

/// The error that a line makes no sense.
pub(super) fn wrong(format: Format, line: u64, reason: impl Into<String>) -> ReadError {
    ReadError::Line { format: format.title(), line, reason: reason.into() }
}

/// The error that a file ends before it has said all.
pub(super) fn cut_off(format: Format, bytes: &[u8], expected: &str) -> ReadError {
    let line = lines(format, bytes).count() as u64;
    wrong(format, line, format!("the file ends here, before {expected}; it may be cut off"))
}

/// A piece of a file in an error message: short, and without characters that would move the cursor.
pub(super) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String =
        text.chars().take(SHOWN).map(|it| if it.is_control() { '?' } else { it }).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// Says whether reading may go on with the profile as it is now.
///
/// # Errors
/// When `bytes` and `profile` together take more memory than the limits allow.
pub(super) fn check_memory(limits: &Limits, bytes: &[u8], profile: &Profile) -> Result<(), ReadError> {
    limits.check((bytes.len() as u64).saturating_add(profile.heap_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        let all = |text: &[u8]| {
            lines(Format::Folded, text).map(|it| (it.number, it.bytes.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(all(b"a\r\n\nb"), [(1, b"a".to_vec()), (2, vec![]), (3, b"b".to_vec())]);
        assert_eq!(all(b"a\n"), [(1, b"a".to_vec())]);
    }

    #[test]
    fn numbers_are_plain_and_fit() {
        let line = lines(Format::Jemalloc, b"x").next().unwrap();
        assert_eq!(line.count("n", "9223372036854775807").unwrap(), i64::MAX);
        for text in ["", "-1", "+1", "1.5", "9223372036854775808", "0x1"] {
            let error = line.count("n", text).unwrap_err().to_string();
            assert!(error.starts_with("this jemalloc heap dump is not valid: line 1: n is `"), "{error}");
        }
        assert_eq!(line.address("0xffffffffffffffff").unwrap(), u64::MAX);
        assert_eq!(line.address("ff").unwrap(), 255);
        for text in ["", "0x", "-1", "+1", "0x10000000000000000", "0xg"] {
            assert!(line.address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_quoted_stays_short() {
        assert_eq!(quoted("a\x1b[2J"), "`a?[2J`");
        assert_eq!(quoted(&"é".repeat(50)).chars().count(), 43);
    }
}
