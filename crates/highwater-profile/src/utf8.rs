//! Text that may not be UTF-8: one odd name must not cost the reader a whole file.

use std::borrow::Cow;

/// The bytes as text. A byte that is not UTF-8 is taken for Latin-1, which most such names are in; where that
/// has no visible character, a replacement character stands in its place.
pub(crate) fn text(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|&byte| latin1(byte)));
    }
    Cow::Owned(text)
}

fn latin1(byte: u8) -> char {
    if byte < 0xa0 { char::REPLACEMENT_CHARACTER } else { char::from(byte) }
}

/// How much of a file is looked at to tell text from anything else.
const HEAD: usize = 4096;

/// Whether `bytes` begin as text does. A pprof message does not: the number of one of its first fields is a
/// control character.
pub(crate) fn is_text(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(HEAD)];
    !head.iter().any(|byte| byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf8_is_read_as_latin1() {
        assert_eq!(text("café".as_bytes()), "café");
        assert_eq!(text(b"caf\xe9;b\x80 \xc3\xa9"), "café;b\u{fffd} é");
    }
}
