//! What a piece of work allocates on its thread, from the counters that the thread keeps anyway.

use core::sync::atomic::Ordering::Relaxed;

use super::attached;
use crate::recorder;

/// What a closure allocated on its thread; see [`measure`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Blocks allocated.
    pub alloc_blocks: u64,
    /// Bytes allocated.
    pub alloc_bytes: u64,
    /// Blocks freed, whoever allocated them.
    pub freed_blocks: u64,
    /// Bytes freed, whoever allocated them.
    pub freed_bytes: u64,
    /// The most bytes that were alive at once above what was alive before.
    pub peak_bytes: u64,
}

/// Runs `work` and counts, exactly, what the calling thread allocates and frees meanwhile. May be nested. Nothing is
/// counted as long as no allocation has come through an [`Alloc`](crate::Alloc), or in a thread that is ending.
pub fn measure<R>(work: impl FnOnce() -> R) -> (R, Measured) {
    let slot = attached(recorder::interval_bytes());
    let Some(slot) = slot.filter(|_| recorder::mode().is_some()) else {
        return (work(), Measured::default());
    };
    slot.report();
    let before = slot.counts();
    let highest = slot.highest.swap(before.live_bytes, Relaxed);
    let result = work();
    slot.report();
    let after = slot.counts();
    let peak = slot.highest.load(Relaxed);
    slot.highest.store(peak.max(highest), Relaxed);
    let alloc_bytes = after.alloc_bytes - before.alloc_bytes;
    let measured = Measured {
        alloc_blocks: after.alloc_blocks - before.alloc_blocks,
        alloc_bytes,
        freed_blocks: after.freed_blocks - before.freed_blocks,
        freed_bytes: alloc_bytes.wrapping_sub((after.live_bytes - before.live_bytes) as u64),
        peak_bytes: u64::try_from(peak - before.live_bytes).unwrap_or(0),
    };
    (result, measured)
}
