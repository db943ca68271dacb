//! Text that may not be UTF-8: one odd name must not cost the reader a whole file.

use std::borrow::Cow;

#[cfg(feature = "formats")]
use crate::Format;

/// The bytes as text. A byte that is not UTF-8 is taken for Latin-1, which most such names are in; where that has no
/// visible character, a replacement character stands in its place.
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

/// The content of a text format as UTF-8.
#[cfg(feature = "formats")]
pub(crate) fn content(format: Format, bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = match text(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    let is_json = matches!(format, Format::Dhat | Format::Speedscope | Format::V8);
    if is_json && has_surrogates(&text) { Cow::Owned(without_lone_surrogates(&text)) } else { text }
}

/// Whether the JSON has escapes of surrogates, `\ud800` to `\udfff`.
#[cfg(feature = "formats")]
fn has_surrogates(json: &[u8]) -> bool {
    json.windows(3).any(|it| matches!(it, [b'\\', b'u', b'd' | b'D']))
}

/// The JSON with a replacement character for each escape of half a character. JavaScript's strings may hold such halves, and
/// its writers write them.
#[cfg(feature = "formats")]
fn without_lone_surrogates(json: &[u8]) -> Vec<u8> {
    const REPLACEMENT: &[u8] = br"\ufffd";
    let mut out = Vec::with_capacity(json.len());
    let mut at = 0;
    while at < json.len() {
        let rest = &json[at..];
        let length = match (escape(rest), rest.get(6..).and_then(escape)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => {
                out.extend_from_slice(REPLACEMENT);
                at += 6;
                continue;
            }
            // The character behind a backslash does not begin an escape of its own.
            _ if rest[0] == b'\\' => 2,
            _ => 1,
        };
        out.extend_from_slice(&rest[..length.min(rest.len())]);
        at += length;
    }
    out
}

/// The number of an escape `\uXXXX` that `json` begins with.
#[cfg(feature = "formats")]
fn escape(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(br"\u")?.get(..4)?;
    let digits = str::from_utf8(digits).ok().filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_utf8_is_read_as_latin1() {
        assert_eq!(text("café".as_bytes()), "café");
        assert_eq!(text(b"caf\xe9;b\x80 \xc3\xa9"), "café;b\u{fffd} é");
    }

    #[test]
    #[cfg(feature = "formats")]
    fn halves_of_characters_are_replaced_and_whole_ones_stay() {
        let cases = [
            (r#""\ud83d\ude00 \ud83d""#, r#""\ud83d\ude00 \ufffd""#),
            (r#""\ude00\\ud800 \\\ud800\u00e9""#, r#""\ufffd\\ud800 \\\ufffd\u00e9""#),
            (r#""\ud8"#, r#""\ud8"#),
        ];
        for (json, expected) in cases {
            let found = content(Format::Dhat, json.as_bytes());
            assert_eq!(str::from_utf8(&found).unwrap(), expected);
        }
    }
}
