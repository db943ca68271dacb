//! How long blocks live.
//!
//! A sampled block may have the time of its birth in front of it (see [`crate::mark`]). When it is freed, its
//! site counts it in a histogram whose buckets are powers of two of nanoseconds. When sampling, every sample
//! is timed. In exact mode reading the clock twice for each block would cost more than everything else. So
//! there the first [`FIRST_TIMED`] blocks of a site are timed, and then each thread times one block in
//! [`STRIDE`], in the mean. What the untimed ones did is estimated from these; see [`crate::ends`].

use core::array;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed};

use crate::sys;
use highwater_lockfree::arena;

/// In exact mode this many blocks of a site are timed before any is left out: the lifetimes of a site with
/// few blocks are known.
pub(crate) const FIRST_TIMED: u64 = 256;

/// In exact mode one further block in this many is timed. The distance varies, or a program that allocates in
/// a loop would have the same of its sites timed each time.
pub(crate) const STRIDE: u64 = 64;

/// Blocks from a timed one to the next: half the stride to one and a half.
pub(crate) fn distance(random: u64) -> u64 {
    STRIDE / 2 + 1 + random % (STRIDE - 1)
}

/// Buckets of a histogram. The first has all that lived for less than 2^[`FIRST`] ns (1.024 µs), the last all
/// that lived for at least 2^41 ns (37 minutes).
pub(crate) const BUCKETS: usize = 33;
const FIRST: u32 = 10;

/// When a block was born.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Birth {
    /// On the system's monotonic clock.
    pub at_ns: u64,
    /// The block was drawn, and tells of others that were not. Other timed blocks tell of themselves alone.
    pub is_drawn: bool,
}

impl Birth {
    /// Now.
    pub(crate) fn now(is_drawn: bool) -> Self {
        Self { at_ns: sys::monotonic_ns(), is_drawn }
    }
}

fn bucket(lived_ns: u64) -> usize {
    let digits = (u64::BITS - lived_ns.leading_zeros()) as usize;
    digits.saturating_sub(FIRST as usize).min(BUCKETS - 1)
}

/// The shortest lifetime in a bucket, in nanoseconds; no lifetime is shorter than one.
pub(crate) fn shortest_ns(bucket: usize) -> u64 {
    if bucket == 0 { 1 } else { 1 << (bucket as u32 + FIRST - 1) }
}

/// Blocks by the bucket of their lifetime.
pub(crate) type Buckets = [u64; BUCKETS];

/// The lifetimes that a site counted: one word for a site with few blocks, or with few different lifetimes,
/// and histograms for others. Most sites of a program with many are of the first kind.
pub(crate) struct Lifetimes {
    few: Few,
    many: AtomicPtr<Many>,
}

struct Many {
    /// Blocks that tell of themselves alone.
    first: [AtomicU64; BUCKETS],
    drawn: [AtomicU64; BUCKETS],
}

impl Lifetimes {
    pub(crate) const fn new() -> Self {
        Self { few: Few::new(), many: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Counts a block that lived for so long.
    pub(crate) fn count(&self, lived_ns: u64, is_drawn: bool) {
        let bucket = bucket(lived_ns);
        if !is_drawn && self.few.count(bucket) {
            return;
        }
        // Without memory the block's lifetime is not known, and the others stand for it.
        if let Some(many) = self.get_or_place_many() {
            let blocks = if is_drawn { &many.drawn } else { &many.first };
            blocks[bucket].fetch_add(1, Relaxed);
        }
    }

    /// Timed blocks: those that tell of themselves alone, and those that were drawn.
    pub(crate) fn get(&self) -> [Buckets; 2] {
        let mut first = self.few.get();
        let Some(many) = self.many() else { return [first, [0; BUCKETS]] };
        for (sum, blocks) in first.iter_mut().zip(&many.first) {
            *sum += blocks.load(Relaxed);
        }
        [first, array::from_fn(|at| many.drawn[at].load(Relaxed))]
    }

    fn many(&self) -> Option<&'static Many> {
        // SAFETY: the pointer is null or leads to histograms, which stay in the arena for ever.
        unsafe { self.many.load(Acquire).as_ref() }
    }

    fn get_or_place_many(&self) -> Option<&'static Many> {
        if let Some(there) = self.many() {
            return Some(there);
        }
        let zero = || [const { AtomicU64::new(0) }; BUCKETS];
        let fresh = arena::place(Many { first: zero(), drawn: zero() })?;
        // Of two threads that come here at once the first one's stays, and the other's memory is lost.
        let fresh = ptr::from_ref(fresh).cast_mut();
        let _ = self.many.compare_exchange(ptr::null_mut(), fresh, AcqRel, Acquire);
        self.many()
    }
}

/// Up to four buckets of a histogram in one word: in each quarter a bucket, counted from 1, and its blocks.
struct Few {
    quarters: AtomicU64,
}

impl Few {
    const QUARTERS: u32 = 4;
    const WIDTH: u32 = u64::BITS / Self::QUARTERS;
    const BLOCK_BITS: u32 = 10;
    const MOST_BLOCKS: u64 = (1 << Self::BLOCK_BITS) - 1;

    const fn new() -> Self {
        Self { quarters: AtomicU64::new(0) }
    }

    /// Counts a block. False when there is no place for it.
    fn count(&self, bucket: usize) -> bool {
        let name = bucket as u64 + 1;
        let counted = |quarters: u64| {
            (0..Self::QUARTERS).find_map(|at| {
                let (found, blocks) = Self::quarter(quarters, at);
                let is_free = found == 0 || found == name && blocks < Self::MOST_BLOCKS;
                let mine = name << Self::BLOCK_BITS | (blocks + 1);
                let others = quarters & !(((1 << Self::WIDTH) - 1) << (at * Self::WIDTH));
                is_free.then_some(others | mine << (at * Self::WIDTH))
            })
        };
        self.quarters.fetch_update(Relaxed, Relaxed, counted).is_ok()
    }

    fn get(&self) -> Buckets {
        let quarters = self.quarters.load(Relaxed);
        let mut buckets = [0; BUCKETS];
        for (name, blocks) in (0..Self::QUARTERS).map(|at| Self::quarter(quarters, at)) {
            if name != 0 {
                buckets[name as usize - 1] += blocks;
            }
        }
        buckets
    }

    /// The bucket in a quarter, counted from 1 and 0 in an empty one, and its blocks.
    fn quarter(quarters: u64, at: u32) -> (u64, u64) {
        let quarter = quarters >> (at * Self::WIDTH) & ((1 << Self::WIDTH) - 1);
        (quarter >> Self::BLOCK_BITS, quarter & Self::MOST_BLOCKS)
    }
}

const _: () = assert!(BUCKETS < 1 << (Few::WIDTH - Few::BLOCK_BITS));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_in_the_bucket_that_begins_at_or_below_it() {
        for lived in [1, 1023, 1024, 2047, 2048, 1_000_000, 1 << 41, (1 << 41) - 1, u64::MAX] {
            let at = bucket(lived);
            assert!(shortest_ns(at) <= lived, "{lived}");
            assert!(at == BUCKETS - 1 || lived < shortest_ns(at + 1), "{lived}");
        }
        assert_eq!((bucket(1023), bucket(1024), bucket(1 << 41)), (0, 1, BUCKETS - 1));
    }

    #[test]
    fn the_mean_distance_is_the_stride() {
        let sum: u64 = (0..STRIDE - 1).map(distance).sum();
        assert_eq!(sum, STRIDE * (STRIDE - 1));
    }

    #[test]
    fn every_lifetime_is_counted_once_however_many_and_however_different() {
        let lifetimes = Lifetimes::new();
        let mut expected = [[0; BUCKETS]; 2];
        for block in 0..20_000_u64 {
            // Mostly one bucket, so that a quarter fills up; seldom each of the others.
            let lived = if block.is_multiple_of(8) { 1 << (block / 8 % 45) } else { 1 << 20 };
            let is_drawn = block.is_multiple_of(5);
            lifetimes.count(lived, is_drawn);
            expected[usize::from(is_drawn)][bucket(lived)] += 1;
            if block.is_multiple_of(1_000) {
                assert_eq!(lifetimes.get(), expected);
            }
        }
        assert_eq!(lifetimes.get(), expected);
    }
}
