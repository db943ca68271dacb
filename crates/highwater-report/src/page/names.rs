//! The names and stacks of a page, each once, and how they are shown.

use std::collections::{HashMap, HashSet};

use highwater_analyze::{Code, Frame, RowKey};
use highwater_names::function::{Owner, owner};

use crate::label::clean;
use crate::number;
use crate::short::short;

/// Maximum frames of a stack on a page. The middle of a deeper stack is left out.
const DEEPEST: usize = 1000;

/// Collects names and stacks while a document is made.
#[derive(Default)]
pub(crate) struct Names {
    /// Texts of frames and rows.
    pub labels: Vec<String>,
    /// Whose code each label is, as far as a frame or a row told, and whether its source file is known.
    codes: Vec<Option<(Code, bool)>>,
    label_ids: HashMap<String, usize>,
    /// Stacks, leaf first, as indexes into `labels`.
    pub stacks: Vec<Vec<usize>>,
    stack_ids: HashMap<Vec<usize>, usize>,
}

impl Names {
    /// The index of a text.
    pub fn label(&mut self, text: &str) -> usize {
        if let Some(&id) = self.label_ids.get(text) {
            return id;
        }
        self.labels.push(clean(text));
        self.codes.push(None);
        self.label_ids.insert(text.to_owned(), self.labels.len() - 1);
        self.labels.len() - 1
    }

    /// A label for a frame, which tells whose code it is.
    pub fn frame(&mut self, text: &str, frame: &Frame) -> usize {
        let id = self.label(text);
        self.codes[id].get_or_insert_with(|| (frame.code(), frame.file.is_some()));
        id
    }

    /// A label for a row.
    pub fn row(&mut self, key: &RowKey) -> usize {
        let id = self.label(&key.label);
        let Some(function) = &key.function else { return id };
        let (file, module) = (key.file.as_deref(), key.module.as_deref());
        self.codes[id].get_or_insert_with(|| (Code::new(Some(function), file, module), file.is_some()));
        id
    }

    /// The index of a stack.
    pub fn stack(&mut self, frames: &[Frame]) -> usize {
        let cut = frames.len().saturating_sub(DEEPEST);
        let (inner, outer) = if cut > 0 { frames.split_at(DEEPEST / 2) } else { (frames, &[][..]) };
        let mut stack: Vec<usize> = inner.iter().map(|it| self.frame(&it.label(), it)).collect();
        if cut > 0 {
            stack.push(self.label(&format!("[{} more]", number::count(cut, "frame"))));
            stack.extend(outer[cut..].iter().map(|it| self.frame(&it.label(), it)));
        }
        if let Some(&id) = self.stack_ids.get(&stack) {
            return id;
        }
        self.stacks.push(stack.clone());
        self.stack_ids.insert(stack, self.stacks.len() - 1);
        self.stacks.len() - 1
    }

    /// The short form of each label, empty where there is none, and whose code it is.
    pub fn looks(&self) -> Vec<(String, Code)> {
        let parts: Vec<Parts<'_>> = self.labels.iter().map(|it| Parts::new(it)).collect();
        let code = |(it, known): (&Parts<'_>, &Option<(Code, bool)>)| {
            known.unwrap_or_else(|| (Code::new(Some(it.function), it.file, None), it.file.is_some()))
        };
        let codes: Vec<(Code, bool)> = parts.iter().zip(&self.codes).map(code).collect();
        let own = own_crates(&parts, &codes);
        let look = |(it, (code, has_source)): (&Parts<'_>, (Code, bool))| {
            let is_other = code == Code::Own && !has_source && !own.is_empty();
            let is_foreign = is_other && it.crate_name().is_some_and(|it| !own.contains(it));
            let short = short(it.function);
            let short = if short == it.function { String::new() } else { short };
            (short, if is_foreign { Code::Dependency } else { code })
        };
        parts.iter().zip(codes).map(look).collect()
    }
}

/// A label's source file and function.
struct Parts<'a> {
    file: Option<&'a str>,
    function: &'a str,
}

impl<'a> Parts<'a> {
    fn new(label: &'a str) -> Self {
        let place = label.split_once(' ').and_then(|(place, function)| {
            let (file, line) = place.rsplit_once(':')?;
            let is_line = !line.is_empty() && line.bytes().all(|it| it.is_ascii_digit());
            is_line.then_some((file, function))
        });
        place.map_or(Self { file: None, function: label }, |(file, function)| Self {
            file: Some(file),
            function,
        })
    }

    fn crate_name(&self) -> Option<&'a str> {
        match owner(self.function) {
            Owner::Path(name) => Some(name),
            Owner::Impl { of, implements } => of.or(implements),
            Owner::Bare => None,
        }
    }
}

/// The crates whose source is the program's own. Without any source, the crates that have a `main`. The other
/// functions without source are told apart by them.
fn own_crates<'a>(parts: &[Parts<'a>], codes: &[(Code, bool)]) -> HashSet<&'a str> {
    let own = parts.iter().zip(codes).filter(|(_, code)| code.0 == Code::Own);
    let with_source = own.clone().filter(|(_, code)| code.1).filter_map(|it| it.0.crate_name());
    let with_source: HashSet<&str> = with_source.collect();
    if !with_source.is_empty() {
        return with_source;
    }
    let is_main = |it: &&Parts<'_>| it.function.split_once("::").is_some_and(|it| it.1 == "main");
    own.map(|it| it.0).filter(is_main).filter_map(Parts::crate_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_without_source_are_told_apart_by_their_crates() {
        let codes = |labels: &[&str]| {
            let mut names = Names::default();
            for label in labels {
                names.label(label);
            }
            names.looks().into_iter().map(|it| it.1).collect::<Vec<_>>()
        };
        use Code::{Dependency, Own, Runtime};
        assert_eq!(
            codes(&[
                "std::rt::lang_start",
                "shop::main",
                "tokio::run",
                "<shop::A as serde::De>::de",
                "start"
            ]),
            [Runtime, Own, Dependency, Own, Own]
        );
        assert_eq!(codes(&["shop::serve", "tokio::run"]), [Own, Own], "nothing tells them apart");
        assert_eq!(
            codes(&["src/a.rs:7 shop::serve", "shop::run", "tokio::run", "tokio-1.2.3/src/a.rs:7 tokio::f"]),
            [Own, Own, Dependency, Dependency]
        );
    }

    #[test]
    fn short_names_are_given_where_they_are_shorter() {
        let mut names = Names::default();
        names.label("src/a.rs:7 shop::index::Index::add");
        names.label("main");
        let shorts: Vec<String> = names.looks().into_iter().map(|it| it.0).collect();
        assert_eq!(shorts, ["Index::add", ""]);
    }
}
