//! Brackets in names: which one closes which, and what stands outside of all. The arrow of a function's type
//! (`fn() -> u8`) closes nothing.

/// Position of the `>` that closes the `<` in front of `inner`; `None` where it is never closed.
pub fn closing(inner: &str) -> Option<usize> {
    let (mut depth, mut before) = (0_usize, b' ');
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'<' => depth += 1,
            b'>' if before == b'-' => {}
            b'>' if depth == 0 => return Some(at),
            b'>' => depth -= 1,
            _ => {}
        }
        before = byte;
    }
    None
}

/// Splits what stands behind a `<` into what is inside of the bracket and what is behind it.
pub fn split_closing(inner: &str) -> Option<(&str, &str)> {
    closing(inner).map(|at| (&inner[..at], &inner[at + 1..]))
}

/// A byte of a text, and how many brackets of any kind are open there.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    byte: u8,
    /// Of a bracket the number outside of it; -1 of one that closes and was never opened.
    depth: isize,
}

fn places(text: &str) -> impl Iterator<Item = Place> {
    let (mut depth, mut before) = (0_isize, b' ');
    text.bytes().enumerate().map(move |(at, byte)| {
        let is_arrow = byte == b'>' && before == b'-';
        before = byte;
        let outside = match byte {
            b'<' | b'(' | b'[' | b'{' => {
                depth += 1;
                depth - 1
            }
            b'>' | b')' | b']' | b'}' if !is_arrow => {
                let outside = depth - 1;
                depth = outside.max(0);
                outside
            }
            _ => depth,
        };
        Place { at, byte, depth: outside }
    })
}

/// Splits at the first of these words that stands in no bracket.
pub fn split_words<'a>(text: &'a str, words: &str) -> Option<(&'a str, &'a str)> {
    let is_there = |it: &Place| it.depth == 0 && text.as_bytes()[it.at..].starts_with(words.as_bytes());
    let at = places(text).find(is_there)?.at;
    Some((&text[..at], &text[at + words.len()..]))
}

/// The arguments in a text such as `u8, a::B<C, D>`: what stands between commas outside of brackets. `None`
/// where a bracket is closed that was never opened.
pub fn arguments(inner: &str) -> Option<Vec<&str>> {
    let mut all = Vec::new();
    let mut start = 0;
    for place in places(inner) {
        match place.byte {
            _ if place.depth < 0 => return None,
            b',' if place.depth == 0 => {
                all.push(inner[start..place.at].trim());
                start = place.at + 1;
            }
            _ => {}
        }
    }
    all.push(inner[start..].trim());
    Some(all)
}

/// The first argument of those that a text begins with, up to a comma or to the bracket that closes them.
/// `None` where neither comes.
pub fn first_argument(text: &str) -> Option<&str> {
    let is_end = |it: &Place| it.depth < 0 || it.byte == b',' && it.depth == 0;
    let end = places(text).find(is_end)?.at;
    Some(text[..end].trim())
}

/// The segments of a path between `::`, outside of `<…>`, `(…)` and `[…]`.
pub fn segments(path: &str) -> Vec<&str> {
    let bytes = path.as_bytes();
    let (mut depth, mut start) = (0_usize, 0);
    let mut segments = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'<' | b'(' | b'[' => depth += 1,
            b'>' if at > 0 && bytes[at - 1] == b'-' => {}
            b'>' | b')' | b']' => depth = depth.saturating_sub(1),
            b':' if depth == 0 && bytes.get(at + 1) == Some(&b':') => {
                segments.push(&path[start..at]);
                start = at + 2;
                at += 1;
            }
            _ => {}
        }
        at += 1;
    }
    segments.push(&path[start..]);
    segments
}

/// Whether `byte`, which is no bracket, stands outside of all brackets.
pub fn has_outside(text: &str, byte: u8) -> bool {
    places(text).any(|it| it.depth == 0 && it.byte == byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_is_closed_by_its_own() {
        for (inner, expected) in [
            ("u8>::f", Some(2)),
            ("a::B<C>>::f", Some(7)),
            ("fn(u8) -> u8>::f", Some(12)),
            ("", None),
            ("a<b>", None),
            ("ä<ö>ü>", Some(8)),
        ] {
            assert_eq!(closing(inner), expected, "{inner}");
        }
        assert_eq!(split_closing("u8>::f"), Some(("u8", "::f")));
    }

    #[test]
    fn words_and_commas_inside_of_brackets_split_nothing() {
        assert_eq!(split_words("a::B<c as d> as e", " as "), Some(("a::B<c as d>", "e")));
        assert_eq!(split_words("<a as b>", " as "), None);
        assert_eq!(split_words("fn() -> a as b", " as "), Some(("fn() -> a", "b")));
        assert_eq!(split_words("é as ü", " as "), Some(("é", "ü")));
        assert_eq!(
            arguments("u8, a::B<C, D>,fn(E, F) -> G"),
            Some(vec!["u8", "a::B<C, D>", "fn(E, F) -> G"])
        );
        assert_eq!(arguments("u8>"), None);
        assert_eq!(arguments(""), Some(vec![""]));
        assert_eq!(
            first_argument("app::with<fn(u8) -> (u8, u8)>, S>"),
            Some("app::with<fn(u8) -> (u8, u8)>")
        );
        assert_eq!(first_argument("app::F>::new"), Some("app::F"));
        assert_eq!(first_argument("app::F"), None);
        assert_eq!(segments("<a::B as c::D>::e::f<g::H>"), ["<a::B as c::D>", "e", "f<g::H>"]);
        assert!(
            has_outside("dyn a", b' ') && !has_outside("a<b c>", b' ') && has_outside("fn() -> a<b>", b' ')
        );
    }

    #[test]
    fn odd_brackets_are_survived() {
        for text in ["<", ">", "<<", ">>", "->", "a>b<c", "(>", "<)>", "ä>", "{}}", ","] {
            let _ = (closing(text), split_words(text, " as "), arguments(text), first_argument(text));
            let _ = (segments(text), has_outside(text, b' '));
        }
    }
}
