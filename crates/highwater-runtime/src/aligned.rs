//! Finds the sampled blocks that cannot carry a mark in their address.
//!
//! A block with an alignment below 16 shows in its address whether it is sampled (see [`crate::alloc`]). One with
//! a larger alignment is left where the inner allocator put it, and its mark is kept in a table here, by
//! address. A small array of counters in front of the table tells for nearly every unsampled block that it
//! cannot be in it, from memory that stays in the cache.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU16, Ordering};

use crate::arena;
use crate::chain::hash;
use crate::cohort::Cohort;
use crate::lifetime::Birth;
use crate::mark::Mark;
use crate::spin::SpinLock;

const SHARDS: usize = 64;
const FILTER_CELLS: usize = 1 << 14;

static TABLE: [SpinLock<Shard>; SHARDS] = [const { SpinLock::new(Shard::new()) }; SHARDS];

/// How many blocks in the table fall on each cell. A cell that ever reaches its maximum stays there.
static FILTER: [AtomicU16; FILTER_CELLS] = [const { AtomicU16::new(0) }; FILTER_CELLS];

fn place_of(block: usize) -> (usize, usize, usize) {
    let hash = hash([block as u64 >> 4]) as usize;
    (hash % FILTER_CELLS, (hash >> 14) % SHARDS, hash >> 20)
}

/// Remembers the mark of `block`. False when it cannot, which loses the sample.
pub(crate) fn insert(block: NonNull<u8>, mark: Mark) -> bool {
    let (cell, shard, start) = place_of(block.addr().get());
    let Some(mut shard) = TABLE[shard].lock() else { return false };
    let Some(previous) = shard.insert(block.addr().get(), start, mark) else { return false };
    if !previous {
        let _ = FILTER[cell].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(1));
    }
    true
}

/// Forgets `block` and returns its mark; `None` when it is not sampled.
#[inline]
pub(crate) fn remove(block: NonNull<u8>) -> Option<Mark> {
    let (cell, shard, start) = place_of(block.addr().get());
    if FILTER[cell].load(Ordering::Relaxed) == 0 {
        return None;
    }
    // When the lock cannot be had the entry stays, and is replaced when the address is next sampled.
    let mark = TABLE[shard].lock()?.remove(block.addr().get(), start)?;
    let _ = FILTER[cell].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| match count {
        u16::MAX => None,
        count => count.checked_sub(1),
    });
    Some(mark)
}

/// Brings the table to rest before a fork.
pub(crate) extern "C" fn before_fork() {
    TABLE.iter().for_each(SpinLock::hold_for_fork);
}

/// Lets it go on, in parent and child.
pub(crate) extern "C" fn after_fork() {
    TABLE.iter().for_each(SpinLock::release_after_fork);
}

/// A hash table with open addressing and linear probing, at most three quarters full.
struct Shard {
    /// `capacity` entries mapped from the system; null while there are none.
    entries: *mut Entry,
    /// 0 or a power of two.
    capacity: usize,
    length: usize,
}

// SAFETY: the entries belong to the shard alone, and cohorts may be shared between threads.
unsafe impl Send for Shard {}

#[derive(Clone, Copy)]
struct Entry {
    /// 0 in a free place.
    block: usize,
    cohort: *const Cohort,
    born_ns: u64,
    /// 0 when the birth is not known.
    weight: u64,
}

impl Shard {
    const FIRST_CAPACITY: usize = 256;

    const fn new() -> Self {
        Self { entries: ptr::null_mut(), capacity: 0, length: 0 }
    }

    fn entries(&mut self) -> &mut [Entry] {
        if self.capacity == 0 {
            return &mut [];
        }
        // SAFETY: `entries` is a mapping of `capacity` entries, zeroed or written since, that only `self` knows.
        unsafe { core::slice::from_raw_parts_mut(self.entries, self.capacity) }
    }

    /// Position of `block`, or of the free place where the search for it ends.
    fn find(&mut self, block: usize, start: usize) -> Option<usize> {
        let entries = self.entries();
        let mask = entries.len().checked_sub(1)?;
        (0..=mask)
            .map(|step| (start + step) & mask)
            .find(|&at| entries[at].block == block || entries[at].block == 0)
    }

    /// Whether the block was there before; `None` when there is no memory for it.
    fn insert(&mut self, block: usize, start: usize, mark: Mark) -> Option<bool> {
        if (self.length + 1) * 4 > self.capacity * 3 {
            self.grow()?;
        }
        let at = self.find(block, start)?;
        let entry = &mut self.entries()[at];
        let was_there = entry.block == block;
        *entry = Entry {
            block,
            cohort: mark.cohort.map_or(ptr::null(), ptr::from_ref),
            born_ns: mark.birth.map_or(0, |birth| birth.at_ns),
            weight: mark.birth.map_or(0, |birth| birth.weight),
        };
        self.length += usize::from(!was_there);
        Some(was_there)
    }

    fn remove(&mut self, block: usize, start: usize) -> Option<Mark> {
        let mut gap = self.find(block, start)?;
        let entries = self.entries();
        let removed = entries[gap];
        if removed.block == 0 {
            return None;
        }
        // Entries behind the gap that could not have their own place move up, or they would not be found.
        let mask = entries.len() - 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            if entries[at].block == 0 {
                break;
            }
            let (_, _, home) = place_of(entries[at].block);
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                entries[gap] = entries[at];
                gap = at;
            }
        }
        entries[gap].block = 0;
        self.length -= 1;
        let Entry { born_ns: at_ns, weight, .. } = removed;
        // SAFETY: the pointer is null or that of a cohort, which lives in the arena for ever.
        let cohort = unsafe { removed.cohort.as_ref() };
        Some(Mark { cohort, birth: (weight != 0).then_some(Birth { at_ns, weight }) })
    }

    fn grow(&mut self) -> Option<()> {
        let capacity = (self.capacity * 2).max(Self::FIRST_CAPACITY);
        let entries = arena::map(capacity * size_of::<Entry>())?.cast::<Entry>().as_ptr();
        let mut old = core::mem::replace(self, Self { entries, capacity, length: 0 });
        for entry in old.entries().iter().filter(|entry| entry.block != 0) {
            let (_, _, start) = place_of(entry.block);
            if let Some(at) = self.find(entry.block, start) {
                self.entries()[at] = *entry;
                self.length += 1;
            }
        }
        if let Some(mapping) = NonNull::new(old.entries) {
            // SAFETY: this is the whole old mapping, and its entries were copied.
            unsafe { arena::unmap(mapping.cast(), old.capacity * size_of::<Entry>()) };
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::capture::Stack;
    use crate::cohort::Owner;
    use crate::site::{KnownStack, Origin, Site};

    /// The table against a plain map, with clustered addresses so that probes run into each other.
    #[test]
    fn behaves_like_a_map() {
        let stack = KnownStack::of(&Stack::new()).unwrap();
        let nobody = Origin { thread: None, scope: None };
        let marks: Vec<Mark> = (1..=8)
            .map(|size| {
                let site = Site::of(stack, 1_000_000 + size, 77, nobody, Owner::ALL).unwrap();
                let birth = (size % 2 == 0).then_some(Birth { at_ns: size, weight: 1 });
                Mark { cohort: site.cohort(), birth }
            })
            .collect();
        let seen = |mark: Mark| (mark.cohort.map(ptr::from_ref), mark.birth);
        let mut reference = HashMap::new();
        let mut random = 1_u64;
        for step in 0..200_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step | 1);
            let block =
                NonNull::new(ptr::without_provenance_mut::<u8>((random >> 40) as usize % 4_096 * 16 + 16));
            let block = block.unwrap();
            if random & 1 == 0 && reference.len() < 3_000 {
                let mark = marks[(random >> 8) as usize % marks.len()];
                assert!(insert(block, mark));
                reference.insert(block, seen(mark));
            } else {
                assert_eq!(remove(block).map(seen), reference.remove(&block));
            }
        }
        for (block, mark) in reference {
            assert_eq!(remove(block).map(seen), Some(mark));
        }
        assert!(FILTER.iter().all(|cell| cell.load(Ordering::Relaxed) == 0));
    }
}
