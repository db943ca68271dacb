//! Every distinct string of a profile once, named by a small handle.

use crate::index::Index;

/// Handle of a string in a [`StringTable`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StringId(pub(crate) u32);

impl StringId {
    /// The empty string, which stands first in every table as pprof demands.
    pub const EMPTY: Self = Self(0);

    /// Position in the table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The strings of one profile, each stored once. Position 0 is always the empty string.
#[derive(Clone, Debug)]
pub struct StringTable {
    /// All strings, one behind the other.
    text: String,
    /// Where each ends in `text`.
    ends: Vec<usize>,
    index: Index,
}

impl Default for StringTable {
    fn default() -> Self {
        let mut table = Self { text: String::new(), ends: Vec::new(), index: Index::default() };
        table.intern("");
        table
    }
}

impl StringTable {
    /// The handle of `text`, which is added when the table does not hold it yet.
    pub fn intern(&mut self, text: &str) -> StringId {
        let new = u32::try_from(self.ends.len()).expect("fewer than 2^32 distinct strings");
        let (all, ends) = (&self.text, &self.ends);
        if let Some(found) = self.index.find_or_insert(text, |at| string(all, ends, at) == text, new) {
            return StringId(found);
        }
        self.text.push_str(text);
        self.ends.push(self.text.len());
        StringId(new)
    }

    /// The string behind a handle of this table.
    pub fn get(&self, id: StringId) -> &str {
        string(&self.text, &self.ends, id.index())
    }

    /// The handle of `text`, when the table holds it.
    pub fn find(&self, text: &str) -> Option<StringId> {
        self.index.find(text, |at| string(&self.text, &self.ends, at) == text).map(StringId)
    }

    /// Number of strings.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Memory that the table takes, in bytes.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let vectors = self.text.capacity() + self.ends.capacity() * size_of::<usize>();
        vectors as u64 + self.index.heap_bytes()
    }

    /// All strings in the order of their handles.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|at| string(&self.text, &self.ends, at))
    }
}

fn string<'a>(text: &'a str, ends: &[usize], at: usize) -> &'a str {
    let start = if at == 0 { 0 } else { ends[at - 1] };
    &text[start..ends[at]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_stored_once_and_the_first_is_empty() {
        let mut table = StringTable::default();
        let a = table.intern("a");
        assert_eq!(table.intern("a"), a);
        assert_eq!(table.get(StringId::EMPTY), "");
        assert_eq!(table.iter().collect::<Vec<_>>(), ["", "a"]);
        assert_eq!(table.find("b"), None);
    }
}
