//! The names and stacks of a page, each once, and how they are shown.

use std::collections::HashMap;

use highwater_analyze::{Code, Frame, RowKey};

use crate::label::clean;
use crate::number;
use crate::short::short;
use crate::whose;

/// Maximum frames of a stack on a page. The middle of a deeper stack is left out.
const DEEPEST: usize = 1000;

/// Collects names and stacks while a document is made.
#[derive(Default)]
pub(crate) struct Names {
    /// Texts of frames and rows.
    pub labels: Vec<String>,
    /// Whose code each label is, as far as a frame or a row says it, and whether its source file is known.
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
        let codes = whose::codes(&self.labels, &self.codes);
        let look = |(label, code): (&String, Code)| {
            let function = whose::function(label);
            let short = short(function);
            (if short == function { String::new() } else { short }, code)
        };
        self.labels.iter().zip(codes).map(look).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_are_given_where_they_are_shorter() {
        let mut names = Names::default();
        names.label("src/a.rs:7 shop::index::Index::add");
        names.label("main");
        let shorts: Vec<String> = names.looks().into_iter().map(|it| it.0).collect();
        assert_eq!(shorts, ["Index::add", ""]);
    }
}
