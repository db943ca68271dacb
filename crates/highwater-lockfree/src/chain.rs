//! A hash table that only grows, read and extended without a lock.
//!
//! Entries never move and never go away, so a reader needs no protection, and the table may be used in a
//! signal handler and behind a fork. A bucket is a linked list to whose head entries are added by
//! compare-and-swap.

use core::ptr;
use core::sync::atomic::Ordering;

use crate::arena;
use crate::sync::AtomicPtr;

/// Set of `T` with `N` buckets (a power of two).
#[derive(Debug)]
pub struct ChainTable<T: 'static, const N: usize> {
    heads: [AtomicPtr<Entry<T>>; N],
}

#[derive(Debug)]
struct Entry<T> {
    hash: u64,
    /// The next entry of the bucket. Final once the entry is published.
    next: AtomicPtr<Entry<T>>,
    value: T,
}

impl<T: Sync, const N: usize> ChainTable<T, N> {
    constant! {
        /// A table with nothing in it.
        #[allow(clippy::new_without_default, reason = "it is a static, and large")]
        pub fn new() -> Self {
            assert!(N.is_power_of_two());
            Self { heads: filled!(AtomicPtr::new(ptr::null_mut()); N) }
        }
    }

    /// The entry with this hash that `matches`; the one that `make` returns is added when there is none.
    /// `None` when the arena has no memory left.
    ///
    /// Two threads that add equal values at once get the same entry.
    pub fn get_or_add(
        &'static self,
        hash: u64,
        matches: impl Fn(&T) -> bool,
        make: impl FnOnce() -> Option<T>,
    ) -> Option<&'static T> {
        let head = &self.heads[(hash as usize) & (N - 1)];
        let mut first = head.load(Ordering::Acquire);
        let known = |entry: &&'static Entry<T>| entry.hash == hash && matches(&entry.value);
        if let Some(entry) = (Bucket { next: first, end: ptr::null_mut() }).find(known) {
            return Some(&entry.value);
        }
        let fresh = arena::place(Entry { hash, next: AtomicPtr::new(first), value: make()? })?;
        loop {
            fresh.next.store(first, Ordering::Relaxed);
            let published = ptr::from_ref(fresh).cast_mut();
            match head.compare_exchange(first, published, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Some(&fresh.value),
                Err(now) => {
                    // Only what was added meanwhile has not been looked at.
                    if let Some(entry) = (Bucket { next: now, end: first }).find(known) {
                        return Some(&entry.value);
                    }
                    first = now;
                }
            }
        }
    }

    /// All entries that are there now; those added meanwhile may or may not be among them.
    pub fn iter(&'static self) -> impl Iterator<Item = &'static T> {
        self.heads
            .iter()
            .flat_map(|head| Bucket { next: head.load(Ordering::Acquire), end: ptr::null_mut() })
            .map(|entry| &entry.value)
    }
}

/// The entries of a bucket from `next` up to, and without, `end`.
struct Bucket<T: 'static> {
    next: *mut Entry<T>,
    end: *mut Entry<T>,
}

impl<T> Iterator for Bucket<T> {
    type Item = &'static Entry<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.end {
            return None;
        }
        // SAFETY: the pointer came from a head or from a published entry, read with Acquire or behind such a
        // read, so the entry is initialised; entries live in the arena for ever. A bucket ends with null, and
        // `end`, when it is not null, is behind `next` in the same bucket, so null is never passed.
        let entry = unsafe { &*self.next };
        self.next = entry.next.load(Ordering::Acquire);
        Some(entry)
    }
}

const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

/// Hash of a few words, for tables whose keys no adversary chooses.
pub fn hash(words: impl IntoIterator<Item = u64>) -> u64 {
    let mixed = words.into_iter().fold(0_u64, |hash, word| (hash.rotate_left(5) ^ word).wrapping_mul(FACTOR));
    // The upper bits are the well-mixed ones; the table takes the lower.
    mixed ^ mixed >> 32
}

/// [`hash`] of one word. Not optimized it takes a tenth of the time.
#[inline]
pub fn hash_of_one(word: u64) -> u64 {
    let mixed = word.wrapping_mul(FACTOR);
    mixed ^ mixed >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_word_has_one_hash() {
        for word in [0, 1, 0x7fff_1234_5678, u64::MAX] {
            assert_eq!(hash_of_one(word), hash([word]));
        }
    }
}
