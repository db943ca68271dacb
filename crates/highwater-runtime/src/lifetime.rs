//! How long blocks live.
//!
//! A sampled block may have the time of its birth in front of it (see [`crate::mark`]); when it is freed, its site counts
//! it in a histogram whose buckets are powers of two of nanoseconds. When sampling, every sample is timed. In exact mode
//! reading the clock twice for each block would cost more than everything else, so there each thread times one block in
//! [`STRIDE`], in the mean, which stands for as many.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::{arena, sys};

/// In exact mode one block in so many is timed. The distance varies, or a program that allocates in a loop would have the
/// same of its sites timed each time.
pub(crate) const STRIDE: u64 = 64;

/// Blocks from a timed one to the next: half the stride to one and a half.
pub(crate) fn distance(random: u64) -> u64 {
    STRIDE / 2 + 1 + random % (STRIDE - 1)
}

/// Buckets of a histogram. The first has all that lived for less than 2^[`FIRST`] ns (1.024 µs), the last all that lived for at least
/// 2^41 ns (37 minutes).
pub(crate) const BUCKETS: usize = 33;
const FIRST: u32 = 10;

/// When a block was born.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Birth {
    /// On the system's monotonic clock.
    pub at_ns: u64,
    /// Blocks it stands for.
    pub weight: u64,
}

impl Birth {
    /// Now.
    pub(crate) fn now(weight: u64) -> Self {
        Self { at_ns: sys::monotonic_ns(), weight }
    }
}

/// A histogram of lifetimes.
pub(crate) struct Lifetimes {
    blocks: [AtomicU64; BUCKETS],
}

fn bucket(lived_ns: u64) -> usize {
    let digits = (u64::BITS - lived_ns.leading_zeros()) as usize;
    digits.saturating_sub(FIRST as usize).min(BUCKETS - 1)
}

/// The shortest lifetime in a bucket, in nanoseconds; no block lives for less than one.
fn shortest_ns(bucket: usize) -> u64 {
    if bucket == 0 { 1 } else { 1 << (bucket as u32 + FIRST - 1) }
}

impl Lifetimes {
    /// The histogram at `place`; `None` when there is none yet.
    pub(crate) fn get(place: &AtomicPtr<Self>) -> Option<&'static Self> {
        // SAFETY: the pointer is null or that of a histogram, which lives in the arena for ever.
        unsafe { place.load(Ordering::Acquire).as_ref() }
    }

    /// The histogram at `place`, which is put there now if there is none; `None` when there is no memory for it.
    pub(crate) fn get_or_place(place: &AtomicPtr<Self>) -> Option<&'static Self> {
        if let Some(there) = Self::get(place) {
            return Some(there);
        }
        let fresh = arena::place(Self { blocks: [const { AtomicU64::new(0) }; BUCKETS] })?;
        // Of two threads that come here at once the first one's stays, and the other's memory is lost.
        let _ = place.compare_exchange(
            ptr::null_mut(),
            ptr::from_ref(fresh).cast_mut(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        Self::get(place)
    }

    /// Counts blocks that lived for so long.
    pub(crate) fn count(&self, lived_ns: u64, blocks: u64) {
        self.blocks[bucket(lived_ns)].fetch_add(blocks, Ordering::Relaxed);
    }

    /// The buckets with anything in them: the shortest lifetime in each, in nanoseconds, and its blocks.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        self.blocks
            .iter()
            .enumerate()
            .map(|(at, blocks)| (shortest_ns(at), blocks.load(Ordering::Relaxed)))
            .filter(|&(_, blocks)| blocks != 0)
    }
}

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
}
