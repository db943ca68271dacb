//! Samples that were lost, and stacks that were cut off: counted, so that both can be said beside the
//! numbers.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use highwater_unwind::KnownStack;

use crate::sampler;

/// Parts of a block and of a byte in which those are counted that lost samples stood for.
const PARTS: u64 = 1 << 12;

/// Samples lost, and the blocks and bytes that they stood for, in [`PARTS`].
static DROPPED: AtomicU64 = AtomicU64::new(0);
static DROPPED_BLOCKS: AtomicU64 = AtomicU64::new(0);
static DROPPED_BYTES: AtomicU64 = AtomicU64::new(0);
/// Samples recorded with their root cut off.
static TRUNCATED: AtomicU64 = AtomicU64::new(0);

/// Counts a lost sample: a block of `size` bytes that was drawn with this interval.
#[cold]
pub(crate) fn note_dropped(size: usize, interval_bytes: u64) {
    let blocks = 1.0 / sampler::probability(size as u64, interval_bytes);
    DROPPED.fetch_add(1, Relaxed);
    for (sum, value) in [(&DROPPED_BLOCKS, blocks), (&DROPPED_BYTES, blocks * size as f64)] {
        sum.fetch_add((value * PARTS as f64).round() as u64, Relaxed);
    }
}

/// Counts a recorded stack that has its root cut off.
#[inline(always)]
pub(crate) fn note_stack(stack: KnownStack) {
    if stack.is_truncated() {
        TRUNCATED.fetch_add(1, Relaxed);
    }
}

/// What was lost so far.
pub(crate) struct Lost {
    /// Samples lost.
    pub samples: u64,
    /// Blocks that they stood for.
    pub blocks: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// Samples recorded with their root cut off.
    pub truncated_stacks: u64,
}

/// What was lost so far.
pub(crate) fn lost() -> Lost {
    Lost {
        samples: DROPPED.load(Relaxed),
        blocks: (DROPPED_BLOCKS.load(Relaxed) + PARTS / 2) / PARTS,
        bytes: (DROPPED_BYTES.load(Relaxed) + PARTS / 2) / PARTS,
        truncated_stacks: TRUNCATED.load(Relaxed),
    }
}
