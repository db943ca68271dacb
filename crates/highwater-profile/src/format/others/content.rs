//! The content of text formats as their readers take it: in UTF-8, whatever a file has.

use std::borrow::Cow;

use crate::utf8;

/// The content of a text format as UTF-8.
pub(super) fn text(bytes: &[u8]) -> Cow<'_, [u8]> {
    match utf8::text(bytes) {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    }
}

/// The content of a JSON format as UTF-8, with no escape of half a character.
pub(super) fn json(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = text(bytes);
    if has_surrogates(&text) { Cow::Owned(without_lone_surrogates(&text)) } else { text }
}

/// Whether the JSON has escapes of surrogates, `\ud800` to `\udfff`.
fn has_surrogates(json: &[u8]) -> bool {
    json.windows(3).any(|it| matches!(it, [b'\\', b'u', b'd' | b'D']))
}

/// The JSON with a replacement character for each escape of half a character. JavaScript's strings may hold
/// such halves, and its writers write them.
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
fn escape(json: &[u8]) -> Option<u16> {
    let digits = json.strip_prefix(br"\u")?.get(..4)?;
    let digits = str::from_utf8(digits).ok().filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn halves_of_characters_are_replaced_and_whole_ones_stay() {
        let cases = [
            (r#""\ud83d\ude00 \ud83d""#, r#""\ud83d\ude00 \ufffd""#),
            (r#""\ude00\\ud800 \\\ud800\u00e9""#, r#""\ufffd\\ud800 \\\ufffd\u00e9""#),
            (r#""\ud8"#, r#""\ud8"#),
        ];
        for (json, expected) in cases {
            let found = super::json(json.as_bytes());
            assert_eq!(str::from_utf8(&found).unwrap(), expected);
        }
    }
}
