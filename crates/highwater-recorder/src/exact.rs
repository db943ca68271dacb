//! The way of a block in exact mode through the recorder.
//!
//! It leads to the same as the way of every sampled block,
//! [`SampleDecision`](crate::recorder::SampleDecision). But in exact mode every block takes it, so that it is
//! what exact mode costs; and nearly all that is asked on the other one is known here.

use crate::cohort::Cohort;
use crate::lifetime::{Birth, FIRST_TIMED};
use crate::mark::Mark;
use crate::thread::{self, Slot};
use crate::{in_force, lost, tell};

/// A block that is about to be allocated, in a thread that records all of them.
pub(crate) struct Exact {
    slot: &'static Slot,
    cohort: &'static Cohort,
}

impl Exact {
    /// Finds out where a block of `size` bytes is to be counted. `None` when the long way has to be taken.
    #[inline(always)]
    pub(crate) fn begin(size: usize) -> Option<Self> {
        let slot = thread::current();
        if !slot.is_exact() || in_force::interval_bytes() != 1 {
            return None;
        }
        Some(Self { slot, cohort: find(slot, size)? })
    }

    /// The block's mark.
    #[inline(always)]
    pub(crate) fn mark(&self) -> Mark {
        Mark { cohort: Some(self.cohort), birth: birth(Some(self.slot), self.cohort) }
    }

    /// Counts the block, which has now been allocated.
    #[inline(always)]
    pub(crate) fn count(&self, block: *mut u8, size: usize, mark: Mark) {
        self.cohort.add_alone(size as u64);
        self.slot.count_exactly(size);
        self.slot.note_sampled(block);
        tell::alloc(block, size, mark);
    }
}

/// The birth of a block that is counted in `cohort` next, if it is to be timed: the first few are, and then
/// one of many.
#[inline(always)]
pub(crate) fn birth(slot: Option<&'static Slot>, cohort: &Cohort) -> Option<Birth> {
    let is_drawn = cohort.blocks_so_far() >= FIRST_TIMED;
    if is_drawn && !slot.is_some_and(Slot::is_next_timed) {
        return None;
    }
    Some(Birth::now(is_drawn))
}

/// Where a block of `size` bytes that the calling stack allocates is counted in exact mode. `None` when there
/// is no memory for what is remembered, or the recorder is at work in this thread already. One function, so
/// that nothing is handed over in memory.
#[inline(never)]
pub(crate) fn find(slot: &'static Slot, size: usize) -> Option<&'static Cohort> {
    slot.guarded(|| {
        let memory = slot.memory()?;
        let stack = memory.stacks.stack()?;
        lost::note_stack(stack);
        memory.recent.cohort(stack, size as u64, slot.origin(), slot.owner())
    })
}
