//! Lists of small things (the frames of stacks, the labels of rows), equal ones stored once.

use std::hash::Hash;

use crate::index::Index;

/// Lists in one flat table. A list is named by its position.
#[derive(Clone, Debug)]
pub struct ListTable<T> {
    items: Vec<T>,
    /// Where each list ends in `items`; it begins where the one before it ends.
    ends: Vec<usize>,
    index: Index,
    /// How many lists `index` knows.
    indexed: usize,
}

impl<T> Default for ListTable<T> {
    fn default() -> Self {
        Self { items: Vec::new(), ends: Vec::new(), index: Index::default(), indexed: 0 }
    }
}

impl<T: Copy + Eq + Hash> ListTable<T> {
    /// An empty table with space for this many lists, with this many items together.
    pub fn with_capacity(lists: usize, items: usize) -> Self {
        Self { items: Vec::with_capacity(items), ends: Vec::with_capacity(lists), ..Self::default() }
    }

    /// The position of the list that equals `list`, which is added if it is new.
    pub fn intern(&mut self, list: &[T]) -> u32 {
        let (items, ends) = (&self.items, &self.ends);
        while self.indexed < ends.len() {
            let known = &items[span(ends, self.indexed)];
            // Of lists that became equal the first is found.
            self.index.find_or_insert(known, |at| &items[span(ends, at)] == known, position(self.indexed));
            self.indexed += 1;
        }
        let new = position(ends.len());
        if let Some(found) = self.index.find_or_insert(list, |at| &items[span(ends, at)] == list, new) {
            return found;
        }
        self.indexed += 1;
        self.items.extend_from_slice(list);
        self.ends.push(self.items.len());
        new
    }

    /// Adds a list without looking whether there is an equal one, which is faster. Returns its position.
    pub fn push(&mut self, list: impl IntoIterator<Item = T>) -> u32 {
        let new = position(self.ends.len());
        self.items.extend(list);
        self.ends.push(self.items.len());
        new
    }

    /// Puts something else in the place of every item.
    pub(crate) fn replace(&mut self, mut replacement: impl FnMut(T) -> T) {
        for item in &mut self.items {
            *item = replacement(*item);
        }
        self.index.clear();
        self.indexed = 0;
    }

    /// The list at `position`.
    ///
    /// # Panics
    /// If there is no such list.
    pub fn get(&self, position: usize) -> &[T] {
        &self.items[span(&self.ends, position)]
    }

    /// Number of lists.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Memory that the table takes, in bytes.
    pub(crate) fn heap_bytes(&self) -> u64 {
        let vectors = self.items.capacity() * size_of::<T>() + self.ends.capacity() * size_of::<usize>();
        vectors as u64 + self.index.heap_bytes()
    }
}

fn position(length: usize) -> u32 {
    u32::try_from(length).expect("fewer than 2^32 entries in a profile's table")
}

fn span(ends: &[usize], position: usize) -> std::ops::Range<usize> {
    let start = if position == 0 { 0 } else { ends[position - 1] };
    start..ends[position]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_stored_once() {
        let mut table = ListTable::default();
        let lists: [&[u32]; 5] = [&[1, 2], &[], &[1], &[1, 2, 3], &[2, 1]];
        for _ in 0..2 {
            for (position, list) in lists.iter().enumerate() {
                assert_eq!(table.intern(list), position as u32);
                assert_eq!(table.get(position), *list);
            }
        }
        assert_eq!(table.len(), 5);
    }

    #[test]
    fn replaced_items_are_found_as_what_they_are() {
        let mut table = ListTable::default();
        for list in [[1, 2], [3, 4], [5, 6]] {
            table.intern(&list);
        }
        table.replace(|item| item + item % 2);
        assert_eq!(table.get(0), [2, 2]);
        assert_eq!((table.intern(&[4, 4]), table.intern(&[1, 2]), table.len()), (1, 3, 4));
    }
}
