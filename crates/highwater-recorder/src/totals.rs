//! Totals of the whole process: exact counts. Where the peak is defined: [`peak`].
//!
//! Each thread counts for itself ([`crate::thread`]). It passes the change of its live bytes on when it looks
//! around and finds that they changed by 8 KiB since it did so last, or that they take the process to a new
//! peak. It looks around at every sample, when it frees one, and whenever it has allocated or freed 56 KiB; a
//! larger block counts at once. So no thread ever holds back more than [`Counts::HELD_BACK_BYTES`], whatever
//! the mode, also if it never does anything again. [`counts`] adds up what has not been passed on.

use highwater_lockfree::arena;

use crate::{lost, peak, thread};

/// Exact counts of the process since it started. The recorder's own memory is in `overhead_bytes` and in no
/// other number; a `realloc` counts as one block freed and one allocated.
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
    /// The recorder's own memory, mapped from the system or allocated inside
    /// [`own_memory`](crate::own_memory).
    pub overhead_bytes: u64,
    /// Samples lost: because the recorder's memory was used up, or in exact mode, because a signal handler
    /// allocated while the recorder was at work in its thread.
    pub dropped_samples: u64,
    /// Allocated blocks that the lost samples stood for: exact in exact mode, scaled up like all others when
    /// sampling.
    pub dropped_blocks: u64,
    /// The bytes of these blocks.
    pub dropped_bytes: u64,
    /// Samples whose stack was cut off at its root.
    pub truncated_stacks: u64,
    /// Stacks walked by the system's unwinder, for want of a rule for one of their frames.
    pub system_walks: u64,
}

impl Counts {
    /// The most by which the live bytes of one thread may differ from what it has reported to the process's
    /// totals: 64 KiB up or down, at any moment and in every mode.
    pub const HELD_BACK_BYTES: u64 = peak::HELD_BACK_BYTES;

    /// Blocks not yet freed.
    pub fn live_blocks(&self) -> u64 {
        self.alloc_blocks.saturating_sub(self.freed_blocks)
    }

    /// Bytes not yet freed.
    pub fn live_bytes(&self) -> u64 {
        self.alloc_bytes.saturating_sub(self.freed_bytes)
    }
}

/// The process's counts as they are now.
pub fn counts() -> Counts {
    thread::report_own();
    let lost = lost::lost();
    let mut counts = Counts {
        dropped_samples: lost.samples,
        dropped_blocks: lost.blocks,
        dropped_bytes: lost.bytes,
        truncated_stacks: lost.truncated_stacks,
        system_walks: highwater_unwind::system_walks(),
        ..Counts::default()
    };
    let reported = peak::reported();
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
    // What is live now may be the peak, which no thread alone could know. But if a thread reported meanwhile,
    // what was added up is of no one moment.
    if peak::reported() == reported {
        peak::note(reported + unreported);
    }
    let live_bytes = u64::try_from(live_bytes).unwrap_or(0).min(counts.alloc_bytes);
    counts.freed_bytes = counts.alloc_bytes - live_bytes;
    counts.peak_bytes = peak::bytes().max(live_bytes);
    counts.overhead_bytes = arena::mapped_bytes() as u64 + u64::try_from(own_bytes).unwrap_or(0);
    counts
}
