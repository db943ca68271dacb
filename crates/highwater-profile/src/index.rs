//! Where in a table an entry is that equals a given one.
//!
//! The table keeps its entries; this keeps their hashes and positions, eight bytes for each. The hash is
//! seeded anew in every process, so that no file can be written whose entries all share one.

use std::hash::{BuildHasher, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};

#[derive(Clone, Copy, Debug)]
struct Slot {
    hash: u32,
    position: u32,
}

/// Positions of entries by their hash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    hasher: DefaultHashBuilder,
    slots: HashTable<Slot>,
}

impl Index {
    /// The position of the entry that equals `key`, as `is_equal` says.
    pub fn find<K: Hash + ?Sized>(&self, key: &K, is_equal: impl Fn(usize) -> bool) -> Option<u32> {
        let hash = self.hash(key);
        let is_it = |slot: &Slot| slot.hash == hash && is_equal(slot.position as usize);
        self.slots.find(spread(hash), is_it).map(|slot| slot.position)
    }

    /// As [`Index::find`]; when there is none, `key` is kept as being at `position`.
    pub fn find_or_insert<K: Hash + ?Sized>(
        &mut self,
        key: &K,
        is_equal: impl Fn(usize) -> bool,
        position: u32,
    ) -> Option<u32> {
        use hashbrown::hash_table::Entry;

        let hash = self.hash(key);
        let is_it = |slot: &Slot| slot.hash == hash && is_equal(slot.position as usize);
        match self.slots.entry(spread(hash), is_it, |slot| spread(slot.hash)) {
            Entry::Occupied(found) => Some(found.get().position),
            Entry::Vacant(place) => {
                place.insert(Slot { hash, position });
                None
            }
        }
    }

    /// Forgets all entries.
    pub fn clear(&mut self) {
        self.slots = HashTable::new();
    }

    /// Memory that the index takes, in bytes.
    pub fn heap_bytes(&self) -> u64 {
        self.slots.allocation_size() as u64
    }

    fn hash<K: Hash + ?Sized>(&self, key: &K) -> u32 {
        self.hasher.hash_one(key) as u32
    }
}

/// A hash with as many bits as the table wants: half of them for the place and half for a tag.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
