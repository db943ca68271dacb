//! Totals of the whole process: exact counts, and the peak.
//!
//! Each thread counts for itself ([`crate::thread`]). It passes the change of its live bytes on when it looks around and
//! finds that they changed by 8 KiB since it did so last, or that they take the process to a new peak. It looks around
//! at every sample, when it frees one, and whenever it has allocated or freed 56 KiB; a larger block counts at once. So
//! no thread ever holds back more than [`Counts::HELD_BACK_BYTES`], whatever the mode, also if it never does anything
//! again. [`counts`] adds up what has not been passed on.
//!
//! **The peak's epoch.** Whenever the process reaches its highest number of live bytes so far, a new epoch
//! begins. A site that is about to change in an epoch it has not seen first saves its live values: those are its
//! values at the peak. That makes attribution at the peak cost O(1) an event, with no copy of anything.

use core::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

use crate::{sampler, thread};
use highwater_lockfree::arena;
use highwater_unwind::KnownStack;

/// Live bytes as passed on by all threads.
static LIVE: AtomicI64 = AtomicI64::new(0);
/// Highest number of live bytes seen at a report. Each new one begins an epoch.
static PEAK: AtomicI64 = AtomicI64::new(0);
static EPOCH: AtomicU64 = AtomicU64::new(0);

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

/// Exact counts of the process since it started. The recorder's own memory is in `overhead_bytes` and in no other
/// number; a `realloc` counts as one block freed and one allocated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blocks allocated.
    pub alloc_blocks: u64,
    /// Bytes allocated, as requested by the program.
    pub alloc_bytes: u64,
    /// Blocks freed.
    pub freed_blocks: u64,
    /// Bytes freed.
    pub freed_bytes: u64,
    /// Highest number of live bytes. Each thread may put it off by what it holds back, up or down: at most
    /// [`Self::HELD_BACK_BYTES`]. In exact mode it is exact if one thread alone allocates.
    pub peak_bytes: u64,
    /// The recorder's own memory, mapped from the system or allocated inside [`own_memory`](crate::own_memory).
    pub overhead_bytes: u64,
    /// Samples lost: because the recorder's memory was used up, or in exact mode, because a signal handler allocated while the recorder
    /// was at work in its thread.
    pub dropped_samples: u64,
    /// Allocated blocks that the lost samples stood for: exact in exact mode, scaled up like all others when sampling.
    pub dropped_blocks: u64,
    /// The bytes of these blocks.
    pub dropped_bytes: u64,
    /// Samples whose stack was cut off at its root.
    pub truncated_stacks: u64,
    /// Stacks walked by the system's unwinder, for want of a rule for one of their frames.
    pub system_walks: u64,
}

impl Counts {
    /// The most by which the live bytes of one thread may differ from what it has reported to the process's totals: 64 KiB up or
    /// down, at any moment and in every mode.
    pub const HELD_BACK_BYTES: u64 = 64 * 1024;

    /// Blocks not yet freed.
    pub fn live_blocks(&self) -> u64 {
        self.alloc_blocks.saturating_sub(self.freed_blocks)
    }

    /// Bytes not yet freed.
    pub fn live_bytes(&self) -> u64 {
        self.alloc_bytes.saturating_sub(self.freed_bytes)
    }
}

/// Whether a thread that has gained this many bytes since its last report takes the process higher than it ever was, as far
/// as the other threads have reported.
#[inline(always)]
pub(crate) fn is_peak(gained: i64) -> bool {
    LIVE.load(Relaxed) + gained > PEAK.load(Relaxed)
}

/// Live bytes as far as threads have reported.
pub(crate) fn live_bytes() -> u64 {
    u64::try_from(LIVE.load(Relaxed)).unwrap_or(0)
}

/// Takes a thread's report: its live bytes changed by `change` since its last one.
pub(crate) fn report(change: i64) {
    note(LIVE.fetch_add(change, Relaxed) + change);
}

/// Begins a new epoch if so many live bytes are a new peak.
fn note(live: i64) {
    if live > PEAK.load(Relaxed) && live > PEAK.fetch_max(live, Relaxed) {
        EPOCH.fetch_add(1, Relaxed);
    }
}

/// The peak's epoch; it changes whenever the process reaches a new peak.
#[inline(always)]
pub(crate) fn epoch() -> u64 {
    EPOCH.load(Relaxed)
}

/// The process's counts as they are now.
pub fn counts() -> Counts {
    thread::report_own();
    let mut counts = Counts {
        dropped_samples: DROPPED.load(Relaxed),
        dropped_blocks: (DROPPED_BLOCKS.load(Relaxed) + PARTS / 2) / PARTS,
        dropped_bytes: (DROPPED_BYTES.load(Relaxed) + PARTS / 2) / PARTS,
        truncated_stacks: TRUNCATED.load(Relaxed),
        system_walks: highwater_unwind::system_walks(),
        ..Counts::default()
    };
    let reported = LIVE.load(Relaxed);
    let (mut live_bytes, mut own_bytes) = (0_i64, 0_i64);
    let mut unreported = 0;
    for one in thread::all_counts() {
        if one.is_own {
            own_bytes += one.live_bytes;
            continue;
        }
        counts.alloc_blocks += one.alloc_blocks;
        counts.alloc_bytes += one.alloc_bytes;
        counts.freed_blocks += one.freed_blocks;
        live_bytes += one.live_bytes;
        unreported += one.unreported;
    }
    // What is live now may be the peak, of which no thread alone could know. But if a thread reported meanwhile, what was added up
    // is of no one moment.
    if LIVE.load(Relaxed) == reported {
        note(reported + unreported);
    }
    let peak = PEAK.load(Relaxed);
    let live_bytes = u64::try_from(live_bytes).unwrap_or(0).min(counts.alloc_bytes);
    counts.freed_bytes = counts.alloc_bytes - live_bytes;
    counts.peak_bytes = u64::try_from(peak).unwrap_or(0).max(live_bytes);
    counts.overhead_bytes = arena::mapped_bytes() as u64 + u64::try_from(own_bytes).unwrap_or(0);
    counts
}
