//! What a piece of work allocates on its thread, from the counters that the thread keeps anyway.

use core::sync::atomic::Ordering::Relaxed;

use super::slot::Slot;
use super::slots::attached;
use crate::in_force;

/// What a closure allocated on its thread; see [`measure`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// Blocks allocated.
    pub alloc_blocks: u64,
    /// Bytes allocated.
    pub alloc_bytes: u64,
    /// Blocks freed, allocated by any thread.
    pub freed_blocks: u64,
    /// Bytes freed, allocated by any thread.
    pub freed_bytes: u64,
    /// The most bytes that were alive at once above what was alive before.
    pub peak_bytes: u64,
}

/// Runs `work` and counts, exactly, what the calling thread allocates and frees meanwhile. May be nested.
/// Nothing is counted as long as no allocation has come through an [`Alloc`](crate::Alloc), or in a thread
/// that is ending.
pub fn measure<R>(work: impl FnOnce() -> R) -> (R, Measured) {
    let slot = attached(in_force::interval_bytes());
    let Some(slot) = slot.filter(|_| in_force::mode().is_some()) else {
        return (work(), Measured::default());
    };
    let outer = Measurement::begin(slot);
    let before = slot.counts();
    slot.highest.store(before.live_bytes, Relaxed);
    let result = work();
    slot.look();
    let after = slot.counts();
    let peak = slot.highest.load(Relaxed);
    drop(outer);
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

/// A measurement that goes on. As long as there is one the thread's `room` is 0, and so it looks around at
/// every free, which is where a maximum ends.
struct Measurement {
    slot: &'static Slot,
    /// The highest value before it began.
    highest: i64,
}

impl Measurement {
    fn begin(slot: &'static Slot) -> Self {
        slot.measurements.store(slot.measurements.load(Relaxed) + 1, Relaxed);
        slot.set_room(0, 0);
        slot.look();
        Self { slot, highest: slot.highest.load(Relaxed) }
    }
}

impl Drop for Measurement {
    fn drop(&mut self) {
        // The next free that finds the `room` used up makes new one if this was the outermost.
        self.slot.measurements.store(self.slot.measurements.load(Relaxed) - 1, Relaxed);
        self.slot.highest.fetch_max(self.highest, Relaxed);
    }
}
