//! The ids by which a file's tables refer to each other, which may be any numbers and may come before what
//! they name.

use hashbrown::HashMap;

/// Reference to an entry that may not have been read yet. Equal ids have equal references.
pub(super) type Reference = u32;

/// From here on a reference is a position in [`Ids::unusual`].
const UNUSUAL: u32 = 1 << 31;

/// How far the dense table may reach beyond what its entries fill.
const SPARE: usize = 1 << 16;

/// The ids of one table of a file.
///
/// Nearly every writer counts from 1, so that an id less 1 is the entry's position; that costs nothing here.
#[derive(Default)]
pub(super) struct Ids {
    /// Number of entries read.
    entries: u32,
    /// Entries that are not at the position their id says: position of the entry by id, as far as ids are
    /// small.
    dense: Vec<u32>,
    sparse: HashMap<u64, u32>,
    /// All ids so far are the entry's position plus 1, and the tables above are empty.
    is_numbered: bool,
    /// Ids without a reference of their own, and which of them there are.
    unusual: Vec<u64>,
    unusual_at: HashMap<u64, u32>,
}

/// No entry, in [`Ids::dense`].
const NONE: u32 = u32::MAX;

impl Ids {
    pub fn new() -> Self {
        Self { is_numbered: true, ..Self::default() }
    }

    /// The reference to the entry with this id.
    #[inline]
    pub fn refer(&mut self, id: u64) -> Reference {
        match id.wrapping_sub(1) {
            less if less < u64::from(UNUSUAL) => less as u32,
            _ => self.refer_unusual(id),
        }
    }

    #[cold]
    fn refer_unusual(&mut self, id: u64) -> Reference {
        let next = self.unusual.len() as u32;
        let at = *self.unusual_at.entry(id).or_insert(next);
        if at == next {
            self.unusual.push(id);
        }
        UNUSUAL | at
    }

    /// Gives the next entry its id. False when another entry has it.
    pub fn register(&mut self, id: u64) -> bool {
        let position = self.entries;
        self.entries += 1;
        if self.is_numbered {
            if id == u64::from(position) + 1 {
                return true;
            }
            self.is_numbered = false;
            for earlier in 0..position {
                self.insert(u64::from(earlier) + 1, earlier);
            }
        }
        self.insert(id, position)
    }

    fn insert(&mut self, id: u64, position: u32) -> bool {
        let limit = 2 * self.entries as usize + SPARE;
        let Some(at) = usize::try_from(id).ok().filter(|&at| at < limit) else {
            return self.sparse.insert(id, position).is_none();
        };
        if at >= self.dense.len() {
            self.dense.resize((at + 1).next_power_of_two().min(limit), NONE);
        }
        let is_new = self.dense[at] == NONE && !self.sparse.contains_key(&id);
        self.dense[at] = position;
        is_new
    }

    /// Position of the entry that is referred to, if it is there.
    #[inline]
    pub fn resolve(&self, reference: Reference) -> Option<u32> {
        if self.is_numbered {
            return (reference < self.entries).then_some(reference);
        }
        let id = self.id(reference);
        let dense = usize::try_from(id).ok().and_then(|at| self.dense.get(at)).filter(|it| **it != NONE);
        dense.or_else(|| self.sparse.get(&id)).copied()
    }

    /// The id that a reference stands for.
    pub fn id(&self, reference: Reference) -> u64 {
        if reference < UNUSUAL {
            return u64::from(reference) + 1;
        }
        self.unusual.get((reference & !UNUSUAL) as usize).copied().unwrap_or_default()
    }

    /// Whether every reference is the position it refers to.
    pub fn is_numbered(&self) -> bool {
        self.is_numbered
    }

    /// Memory that is taken, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        let tables = self.sparse.allocation_size() + self.unusual_at.allocation_size();
        let vectors = self.dense.capacity() * size_of::<u32>() + self.unusual.capacity() * size_of::<u64>();
        (tables + vectors) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_numbers_are_found_again() {
        let large = u64::from(UNUSUAL);
        let orders: [&[u64]; 6] = [
            &[1, 2, 3, 4],
            &[4, 3, 2, 1],
            &[1, 2, 9, 3],
            &[u64::MAX, 7, large, large + 1, large + 2, 1],
            &[70_000, 1, 2, 3],
            &[0x7f00_0000_1000, 0x7f00_0000_2000],
        ];
        for ids in orders {
            let mut table = Ids::new();
            let early: Vec<Reference> = ids.iter().map(|&id| table.refer(id)).collect();
            assert!(ids.iter().all(|&id| table.register(id)), "{ids:?}");
            for (position, (&id, &reference)) in ids.iter().zip(&early).enumerate() {
                assert_eq!(table.refer(id), reference, "{ids:?}");
                assert_eq!((table.id(reference), table.resolve(reference)), (id, Some(position as u32)));
            }
            for absent in [0, 5, 71_000, u64::MAX - 1] {
                let reference = table.refer(absent);
                assert_eq!((table.id(reference), table.resolve(reference)), (absent, None), "{ids:?}");
            }
        }
    }

    #[test]
    fn an_id_is_used_once() {
        for ids in [[1, 2, 3, 2], [5, 6, 7, 5], [1, 100_000, 3, 100_000], [9, 1, 2, 1]] {
            let mut table = Ids::new();
            let outcomes: Vec<bool> = ids.iter().map(|&id| table.register(id)).collect();
            assert_eq!(outcomes, [true, true, true, false], "{ids:?}");
        }
    }

    #[test]
    fn an_id_that_was_far_away_is_remembered() {
        let mut table = Ids::new();
        assert!(table.register(100_000));
        assert!((1..100_000).all(|id| table.register(id)));
        assert!(!table.register(100_000), "the dense table reaches it by now");
        let reference = table.refer(100_000);
        assert!(table.resolve(reference).is_some());
    }
}
