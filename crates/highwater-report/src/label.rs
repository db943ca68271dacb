//! Labels that fit: shortened where the loss is smallest, and without control characters.
//!
//! In `a/long/path/index.rs:88 codeindex::index::Index::add` readers look for the file's name, the line, and
//! the end of the function's path. So both halves are cut at their beginning. Other labels are cut in the
//! middle.

use highwater_analyze::RowKey;
use highwater_names::brackets::closing;

use crate::view::Role;

const ELLIPSIS: char = '…';

/// A label that can be shortened for a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    /// Text before the label, which is never shortened.
    prefix: String,
    text: String,
    /// Length in bytes of the source position at the label's beginning; 0 if there is none.
    position: usize,
    /// Whether the label is only a function's name.
    is_function: bool,
    /// Whether the label is there only for completeness.
    is_faint: bool,
    /// Whether the label is a line of source, which is cut at its end.
    is_source: bool,
}

impl Label {
    /// The label of a row.
    pub(crate) fn from_key(key: &RowKey) -> Self {
        let text = clean(&key.label);
        let position = key.line.and_then(|line| {
            let (inside, at_end) = (format!(":{line} "), format!(":{line}"));
            let found = text.find(&inside).map(|at| at + at_end.len());
            found.or_else(|| text.ends_with(&at_end).then_some(text.len()))
        });
        let is_function = key.function.as_ref().is_some_and(|function| *function == key.label);
        Self { is_function, position: position.unwrap_or(0), ..Self::text(&text) }
    }

    /// A label for something other than a row.
    pub(crate) fn text(text: &str) -> Self {
        Self {
            prefix: String::new(),
            text: clean(text),
            position: 0,
            is_function: false,
            is_faint: false,
            is_source: false,
        }
    }

    /// A line of source. A tab becomes four spaces.
    pub(crate) fn source(text: &str) -> Self {
        Self { is_source: true, ..Self::text(&text.replace('\t', "    ")) }
    }

    /// The label with text in front.
    pub(crate) fn behind(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The label in a faint colour.
    pub(crate) fn faint(mut self) -> Self {
        self.is_faint = true;
        self
    }

    /// The whole label, without the text in front.
    pub(crate) fn whole(&self) -> &str {
        &self.text
    }

    /// The role that decides the label's look.
    pub(crate) fn role(&self) -> Role {
        if self.is_faint { Role::Faint } else { Role::Plain }
    }

    /// The label in at most `width` characters.
    pub(crate) fn fit(&self, width: usize) -> String {
        let width = width.saturating_sub(length(&self.prefix));
        let (position, function) = self.text.split_at(self.position);
        let fitting = if length(&self.text) <= width {
            self.text.clone()
        } else if self.is_source {
            let kept: String = self.text.chars().take(width.saturating_sub(1)).collect();
            format!("{kept}{ELLIPSIS}")
        } else if self.is_function {
            fit_function(&self.text, width)
        } else if position.is_empty() {
            without_middle(&self.text, width)
        } else {
            fit_both(position, function.trim_start(), width)
        };
        format!("{}{fitting}", self.prefix)
    }
}

/// A profile's text with every control character replaced, so that it can neither break a line nor control a
/// terminal.
pub(crate) fn clean(text: &str) -> String {
    // Besides control characters: the marks that change the direction of text.
    let steers = |it: char| {
        it.is_control()
            || matches!(it, '\u{202a}'..='\u{202e}' | '\u{2028}' | '\u{2029}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|it| if steers(it) { char::REPLACEMENT_CHARACTER } else { it }).collect()
}

pub(crate) fn length(text: &str) -> usize {
    text.chars().count()
}

/// Keeps the end of the path first, then as much of the function as fits, then the rest of the path.
fn fit_both(position: &str, function: &str, width: usize) -> String {
    if function.is_empty() {
        return without_middle(&end_of_path(position, width), width);
    }
    let shortest = end_of_path(position, 0);
    if length(&shortest) + 4 > width {
        return without_middle(&shortest, width);
    }
    let function = fit_function(function, width - length(&shortest) - 1);
    let position = end_of_path(position, width - length(&function) - 1);
    format!("{position} {function}")
}

/// The file of `path` and as many of its last directories as fit into `width`. The file is always kept.
fn end_of_path(path: &str, width: usize) -> String {
    if length(path) <= width {
        return path.to_owned();
    }
    let fitting = path.match_indices('/').map(|(at, _)| at).find(|&at| length(&path[at..]) < width);
    match fitting.or_else(|| path.rfind('/')).filter(|&at| at > 0) {
        Some(at) => format!("{ELLIPSIS}{}", &path[at..]),
        None => path.to_owned(),
    }
}

/// A function's name in `width` characters: first without generic arguments, then without the beginning of
/// its path. The name is cut in the middle only if its last part is still too long.
fn fit_function(name: &str, width: usize) -> String {
    if length(name) <= width {
        return name.to_owned();
    }
    let (name, parts) = without_arguments(name);
    if length(&name) <= width {
        return name;
    }
    let fitting = parts.iter().copied().find(|&at| length(&name[at..]) < width);
    match fitting.or(parts.last().copied()) {
        Some(at) if length(&name[at..]) < width => format!("{ELLIPSIS}{}", &name[at..]),
        Some(at) => without_middle(&name[at..], width),
        None => without_middle(&name, width),
    }
}

/// The path of a function without generic arguments (`Vec<T>::push`, `drop::<T>`), and the positions where
/// its parts after the first begin. Brackets that are themselves a part stay: `<T as Trait>::call`, `<impl
/// [T]>::to_vec`.
fn without_arguments(name: &str) -> (String, Vec<usize>) {
    let mut text = String::with_capacity(name.len());
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(next) = rest.chars().next() {
        let mut taken = next.len_utf8();
        if next == '<' {
            // All of it when the bracket is never closed.
            taken = closing(&rest[1..]).map_or(rest.len(), |at| at + 2);
            let follows_name = text.ends_with(|it: char| it.is_alphanumeric() || "_:})".contains(it));
            if follows_name && !rest.starts_with("<impl ") {
                let length = text.trim_end_matches(':').len();
                text.truncate(length);
                parts.retain(|&start| start <= length);
            } else {
                text.push_str(&rest[..taken]);
            }
        } else {
            text.push(next);
            if text.ends_with("::") {
                parts.push(text.len());
            }
        }
        rest = &rest[taken..];
    }
    // A closure's name says nothing without its function's.
    parts.retain(|&start| !text[start..].starts_with('{'));
    (text, parts)
}

fn without_middle(text: &str, width: usize) -> String {
    let characters = length(text);
    if characters <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(1);
    let head: String = text.chars().take(kept / 2).collect();
    let tail: String = text.chars().skip(characters - (kept - kept / 2)).collect();
    format!("{head}{ELLIPSIS}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(file: &str, line: i64, function: &str) -> Label {
        let label = format!("{file}:{line} {function}");
        Label::from_key(&RowKey { label, line: Some(line), ..RowKey::default() })
    }

    #[test]
    fn a_source_line_keeps_file_line_and_function() {
        let label = line("crates/highwater/examples/codeindex/index.rs", 88, "codeindex::index::Index::add");
        assert_eq!(
            label.fit(80),
            "crates/highwater/examples/codeindex/index.rs:88 codeindex::index::Index::add"
        );
        assert_eq!(label.fit(60), "…/codeindex/index.rs:88 codeindex::index::Index::add");
        assert_eq!(label.fit(34), "…/index.rs:88 …index::Index::add");
        assert_eq!(label.fit(24), "…/index.rs:88 …add");
        let nameless = Label::from_key(&RowKey {
            label: "a/long/path/x.c:7".into(),
            line: Some(7),
            ..RowKey::default()
        });
        assert_eq!(nameless.fit(14), "…/path/x.c:7");
        for width in 4..90 {
            assert!(length(&label.fit(width)) <= width, "{width}: {}", label.fit(width));
        }
    }

    #[test]
    fn a_function_loses_its_arguments_first() {
        let parts = |name: &str| {
            let (text, parts) = without_arguments(name);
            (text.clone(), parts.last().map(|&at| text[at..].to_owned()).unwrap_or_default())
        };
        let pair = |text: &str, last: &str| (text.to_owned(), last.to_owned());
        assert_eq!(
            parts("std::rt::lang_start::<()>::{closure#0}"),
            pair("std::rt::lang_start::{closure#0}", "lang_start::{closure#0}")
        );
        assert_eq!(
            parts("std::panicking::catch_unwind::<i32, fn() -> a::B>"),
            pair("std::panicking::catch_unwind", "catch_unwind")
        );
        assert_eq!(
            parts("<alloc::vec::Vec<T> as a::B<C>>::f"),
            pair("<alloc::vec::Vec<T> as a::B<C>>::f", "f")
        );
        assert_eq!(
            parts("alloc::slice::<impl [T]>::to_vec"),
            pair("alloc::slice::<impl [T]>::to_vec", "to_vec")
        );
        assert_eq!(parts("a::Vec<T,A>::push"), pair("a::Vec::push", "push"));
        assert_eq!(parts("odd<<a::b"), pair("odd", ""));
        assert_eq!(parts("a>>::<b"), pair("a>>", ""));
        assert_eq!(
            line("a/b.rs", 1, "std::panicking::catch_unwind::<i32, fn() -> a::B>").fit(37),
            "a/b.rs:1 std::panicking::catch_unwind"
        );
        assert_eq!(line("a/b.rs", 1, "postings::shrink_to_fit").fit(18), "a/b.rs:1 shri…_fit");
    }

    #[test]
    fn other_labels_lose_their_middle() {
        let label = Label::text("libsomething.so+0x12345678");
        assert_eq!(label.fit(11), "libso…45678");
        assert_eq!(label.fit(26), "libsomething.so+0x12345678");
        assert_eq!(label.behind("  ").fit(13), "  libso…45678");
    }

    #[test]
    fn control_characters_are_replaced() {
        assert_eq!(Label::text("a\u{1b}[31m\nb\u{202e}c").fit(80), "a\u{fffd}[31m\u{fffd}b\u{fffd}c");
    }
}
