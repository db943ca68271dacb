//! What happened to the blocks of a site besides being allocated and freed: how they grew, and how long they
//! lived.
//!
//! Counts samples, which are not scaled up.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::ends::Timed;
use crate::lifetime::{Birth, Lifetimes};
use crate::owner::Owner;
use crate::sys;
use crate::values::Values;

/// A block with a shorter lifetime is temporary.
const TEMPORARY_NS: u64 = 1_000_000;

/// What is counted of the blocks of one site.
pub(crate) struct History {
    interval_bytes: u64,
    /// The only thread that allocates here; nobody's in particular when sampling.
    owner: Owner,
    growth: Growth,
    /// Blocks that were resized, and so are no longer this site's though nobody freed them.
    resized_blocks: AtomicU64,
    resized_bytes: AtomicU64,
    lifetimes: Lifetimes,
    first: ShortLived,
    drawn: ShortLived,
}

/// What is counted of timed blocks besides their lifetimes; see [`Timed`].
struct ShortLived {
    immediate: AtomicU64,
    short: AtomicU64,
}

impl ShortLived {
    const fn new() -> Self {
        Self { immediate: AtomicU64::new(0), short: AtomicU64::new(0) }
    }
}

/// How a site's blocks came to be by reallocation.
struct Growth {
    reallocations: AtomicU64,
    copied_bytes: AtomicU64,
    doublings: AtomicU64,
}

/// A reallocation.
#[derive(Clone, Copy)]
pub(crate) struct Resized {
    pub old_size: usize,
    pub new_size: usize,
    /// The block is at another address, so what was in it was copied.
    pub has_moved: bool,
}

impl History {
    pub(crate) fn new(interval_bytes: u64, owner: Owner) -> Self {
        Self {
            interval_bytes,
            owner,
            growth: Growth {
                reallocations: AtomicU64::new(0),
                copied_bytes: AtomicU64::new(0),
                doublings: AtomicU64::new(0),
            },
            resized_blocks: AtomicU64::new(0),
            resized_bytes: AtomicU64::new(0),
            lifetimes: Lifetimes::new(),
            first: ShortLived::new(),
            drawn: ShortLived::new(),
        }
    }

    /// The sampling interval that drew the samples, in bytes; 1 when all blocks were recorded.
    pub(crate) fn interval_bytes(&self) -> u64 {
        self.interval_bytes
    }

    /// The only thread that allocates here.
    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// Counts a block here that came to be by reallocation. To be called by the thread that allocates it.
    pub(crate) fn count_resized(&self, resized: Resized) {
        let Resized { old_size, new_size, has_moved } = resized;
        self.owner.raise(&self.growth.reallocations, 1);
        if has_moved {
            self.owner.raise(&self.growth.copied_bytes, old_size.min(new_size) as u64);
        }
        if new_size / 2 >= old_size {
            self.owner.raise(&self.growth.doublings, 1);
        }
    }

    /// Reallocations, the bytes they copied, and how many of them at least doubled the block.
    pub(crate) fn growth(&self) -> [u64; 3] {
        [&self.growth.reallocations, &self.growth.copied_bytes, &self.growth.doublings]
            .map(|it| it.load(Ordering::Relaxed))
    }

    /// Counts a block of this site that was resized: it goes on elsewhere, and no life has ended. Any thread
    /// may do that.
    pub(crate) fn count_resized_away(&self, size: u64) {
        self.resized_bytes.fetch_add(size, Ordering::Relaxed);
        self.resized_blocks.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a timed block. `is_immediate` says that it is counted as temporary already.
    #[cold]
    pub(crate) fn count_lifetime(&self, birth: Birth, is_immediate: bool) {
        let lived_ns = sys::monotonic_ns().saturating_sub(birth.at_ns);
        let others = if birth.is_drawn { &self.drawn } else { &self.first };
        if is_immediate {
            others.immediate.fetch_add(1, Ordering::Relaxed);
        } else if lived_ns < TEMPORARY_NS {
            others.short.fetch_add(1, Ordering::Relaxed);
        }
        self.lifetimes.count(lived_ns, birth.is_drawn);
    }

    /// Timed blocks that were freed: those that tell of themselves alone, and those that were drawn.
    pub(crate) fn timed(&self) -> [Timed; 2] {
        // What is a part of something is read before it.
        let [first, drawn] = self.lifetimes.get();
        let timed = |lived, others: &ShortLived| Timed {
            lived,
            immediate: others.immediate.load(Ordering::Relaxed),
            short: others.short.load(Ordering::Relaxed),
        };
        [timed(first, &self.first), timed(drawn, &self.drawn)]
    }

    /// Blocks that were resized.
    pub(crate) fn resized(&self) -> Values {
        Values {
            blocks: self.resized_blocks.load(Ordering::Relaxed),
            bytes: self.resized_bytes.load(Ordering::Relaxed),
        }
    }
}
