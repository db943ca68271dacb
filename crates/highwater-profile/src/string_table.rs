//! Every distinct string of a profile once, named by a small handle.

use std::collections::HashMap;
use std::sync::Arc;

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
    strings: Vec<Arc<str>>,
    ids: HashMap<Arc<str>, StringId>,
}

impl Default for StringTable {
    fn default() -> Self {
        let mut table = Self { strings: Vec::new(), ids: HashMap::new() };
        table.intern("");
        table
    }
}

impl StringTable {
    /// The handle of `text`, which is added when the table does not hold it yet.
    pub fn intern(&mut self, text: &str) -> StringId {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = StringId(u32::try_from(self.strings.len()).expect("fewer than 2^32 distinct strings"));
        let text: Arc<str> = text.into();
        self.strings.push(Arc::clone(&text));
        self.ids.insert(text, id);
        id
    }

    /// The string behind a handle of this table.
    pub fn get(&self, id: StringId) -> &str {
        &self.strings[id.index()]
    }

    /// The handle of `text`, when the table holds it.
    pub fn find(&self, text: &str) -> Option<StringId> {
        self.ids.get(text).copied()
    }

    /// All strings in the order of their handles.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.strings.iter().map(|text| &**text)
    }
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
