//! Patterns of names, in which `*` stands for anything.

use crate::finding::{Frame, Kind};

/// Whether `text` is what `pattern` describes.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        // The first place is as good as any: it leaves the most for what follows.
        let Some(place) = rest.find(piece) else { return false };
        rest = &rest[place + piece.len()..];
    }
    rest.ends_with(last)
}

/// Whether `name` is what `pattern` describes: the name of a descriptor has its kind in front, which a
/// pattern may leave out.
pub(crate) fn matches_a_name(pattern: &str, kind: Kind, name: &str) -> bool {
    let behind = || name.split_once(' ').is_some_and(|(_, rest)| matches(pattern, rest));
    matches(pattern, name) || kind == Kind::Descriptor && behind()
}

/// Whether one of these calls is in the function or the file that `pattern` describes. The end of a path will
/// do for a file.
pub(crate) fn matches_a_call(pattern: &str, frames: &[Frame]) -> bool {
    frames.iter().any(|frame| {
        let is_in = |file: &String| {
            file.strip_suffix(pattern).is_some_and(|rest| rest.ends_with('/')) || matches(pattern, file)
        };
        matches(pattern, &frame.function) || frame.file.as_ref().is_some_and(is_in)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, text) in [
            ("a", "a"),
            ("*", ""),
            ("*", "anything"),
            ("a-*", "a-12"),
            ("*::pool::*", "my::pool::new"),
            ("a*b*c", "a1b2b3c"),
            ("*ab", "aab"),
            ("ä*", "äöü"),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("", "a"), ("a", "ab"), ("a*", "ba"), ("*a", "ab"), ("a*a", "a"), ("a*b*c", "ac"), ("*::x", "x")]
        {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn descriptors_are_called_with_or_without_their_kind() {
        for pattern in ["file /tmp/a.log", "/tmp/*", "file *", "*.log"] {
            assert!(matches_a_name(pattern, Kind::Descriptor, "file /tmp/a.log"), "{pattern}");
        }
        assert!(!matches_a_name("/tmp/b*", Kind::Descriptor, "file /tmp/a.log"));
        assert!(
            !matches_a_name("2", Kind::Child, "sleep 2") && matches_a_name("sleep *", Kind::Child, "sleep 2")
        );
    }

    #[test]
    fn a_long_text_is_no_trouble() {
        let pattern = "*a".repeat(2_000) + "*b";
        assert!(!matches(&pattern, &"a".repeat(100_000)));
    }
}
