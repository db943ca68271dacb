//! What is known of blocks, by their addresses.
//!
//! A hash table in shards, each behind a lock of its own, in memory straight from the operating system. A
//! small array of counters in front of it tells for nearly every block that is not in it that it cannot be,
//! from memory that stays in the cache.

use core::mem::{self, MaybeUninit};
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;

use crate::arena;
use crate::chain::hash_of_one;
use crate::spin::SpinLock;
use crate::sync::AtomicU16;

const SHARDS: usize = 64;
const FILTER_CELLS: usize = 1 << 14;

/// A `V` for each of the blocks that were put in.
#[derive(Debug)]
pub struct BlockTable<V: Copy> {
    shards: [SpinLock<Shard<V>>; SHARDS],
    /// How many blocks in the table fall on each cell. A cell that ever reaches its maximum stays there.
    pub(crate) filter: [AtomicU16; FILTER_CELLS],
}

#[inline]
fn place_of(block: usize) -> (usize, usize, usize) {
    let hash = hash_of_one(block as u64 >> 4) as usize;
    (hash % FILTER_CELLS, (hash >> 14) % SHARDS, hash >> 20)
}

impl<V: Copy + Send> BlockTable<V> {
    constant! {
        /// A table with nothing in it.
        #[allow(clippy::new_without_default, reason = "it is a static, and large")]
        pub fn new() -> Self {
            Self {
                shards: filled!(SpinLock::new(Shard::new()); SHARDS),
                filter: filled!(AtomicU16::new(0); FILTER_CELLS),
            }
        }
    }

    /// Whether `block` may be there. False for nearly every block that is not.
    #[inline]
    pub fn may_have(&self, block: usize) -> bool {
        self.filter[place_of(block).0].load(Ordering::Relaxed) != 0
    }

    /// Remembers the value of `block`, in the place of an older one. False when it cannot.
    pub fn insert(&self, block: NonNull<u8>, value: V) -> bool {
        let (cell, shard, start) = place_of(block.addr().get());
        let Some(mut shard) = self.shards[shard].lock() else { return false };
        let Some(previous) = shard.insert(block.addr().get(), start, value) else { return false };
        if !previous {
            let _ = self.filter[cell]
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_add(1));
        }
        true
    }

    /// Forgets `block` and returns its value; `None` when it is not there.
    #[inline]
    pub fn remove(&self, block: NonNull<u8>) -> Option<V> {
        let (cell, shard, start) = place_of(block.addr().get());
        if self.filter[cell].load(Ordering::Relaxed) == 0 {
            return None;
        }
        // When the lock cannot be had the entry stays, and is replaced when the address is next put in.
        let value = self.shards[shard].lock()?.remove(block.addr().get(), start)?;
        let _ = self.filter[cell].fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| match count {
            u16::MAX => None,
            count => count.checked_sub(1),
        });
        Some(value)
    }

    /// Shows the value of `block` to `look`, and keeps the block in the table meanwhile.
    pub fn look<R>(&self, block: usize, look: impl FnOnce(V) -> R) -> Option<R> {
        let (_, shard, start) = place_of(block);
        let mut shard = self.shards[shard].lock()?;
        let at = shard.find(block, start)?;
        let value = shard.entries()[at].get()?;
        Some(look(value))
    }

    /// Shows all that is in the table, shard by shard. Nobody else can use the shard meanwhile.
    pub fn visit(&self, mut visit: impl FnMut(usize, V)) {
        for shard in &self.shards {
            let Some(mut shard) = shard.lock() else { continue };
            for entry in shard.entries() {
                if let Some(value) = entry.get() {
                    visit(entry.block, value);
                }
            }
        }
    }

    /// Brings the table to rest before a fork.
    pub fn before_fork(&self) {
        self.shards.iter().for_each(SpinLock::hold_for_fork);
    }

    /// Lets it go on, in parent and child.
    pub fn after_fork(&self) {
        self.shards.iter().for_each(SpinLock::release_after_fork);
    }
}

/// A hash table with open addressing and linear probing, at most three quarters full.
#[derive(Debug)]
struct Shard<V: Copy> {
    /// `capacity` entries mapped from the system; null while there are none.
    entries: *mut Entry<V>,
    /// 0 or a power of two.
    capacity: usize,
    length: usize,
}

// SAFETY: the entries belong to the shard alone, and their values may go from thread to thread.
unsafe impl<V: Copy + Send> Send for Shard<V> {}

#[derive(Clone, Copy, Debug)]
struct Entry<V: Copy> {
    /// 0 in a free place.
    block: usize,
    /// Written wherever `block` is not 0.
    value: MaybeUninit<V>,
}

impl<V: Copy> Entry<V> {
    fn get(&self) -> Option<V> {
        // SAFETY: `insert` writes the value together with the address.
        (self.block != 0).then(|| unsafe { self.value.assume_init() })
    }
}

impl<V: Copy> Shard<V> {
    const FIRST_CAPACITY: usize = 256;

    const fn new() -> Self {
        Self { entries: ptr::null_mut(), capacity: 0, length: 0 }
    }

    fn entries(&mut self) -> &mut [Entry<V>] {
        if self.capacity == 0 {
            return &mut [];
        }
        // SAFETY: `entries` is a mapping of `capacity` entries, zeroed or written since, that only `self`
        // knows; a value need not be written.
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
    fn insert(&mut self, block: usize, start: usize, value: V) -> Option<bool> {
        if (self.length + 1) * 4 > self.capacity * 3 {
            self.grow()?;
        }
        let at = self.find(block, start)?;
        let entry = &mut self.entries()[at];
        let was_there = entry.block == block;
        *entry = Entry { block, value: MaybeUninit::new(value) };
        self.length += usize::from(!was_there);
        Some(was_there)
    }

    fn remove(&mut self, block: usize, start: usize) -> Option<V> {
        let mut gap = self.find(block, start)?;
        let entries = self.entries();
        let removed = entries[gap].get()?;
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
        Some(removed)
    }

    fn grow(&mut self) -> Option<()> {
        let capacity = (self.capacity * 2).max(Self::FIRST_CAPACITY);
        let entries = arena::map(capacity * size_of::<Entry<V>>())?.cast::<Entry<V>>().as_ptr();
        let mut old = mem::replace(self, Self { entries, capacity, length: 0 });
        for entry in old.entries().iter().filter(|entry| entry.block != 0) {
            let (_, _, start) = place_of(entry.block);
            if let Some(at) = self.find(entry.block, start) {
                self.entries()[at] = *entry;
                self.length += 1;
            }
        }
        if let Some(mapping) = NonNull::new(old.entries) {
            // SAFETY: this is the whole old mapping, and its entries were copied.
            unsafe { arena::unmap(mapping.cast(), old.capacity * size_of::<Entry<V>>()) };
        }
        Some(())
    }
}
