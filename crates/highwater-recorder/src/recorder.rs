//! What happens to a block that leaves the fast path: it is decided whether it is sampled, and it is counted.

use highwater_unwind::{KnownStack, Stack};

use crate::cohort::Cohort;
use crate::config::Settings;
use crate::history::Resized;
use crate::in_force::{interval_bytes, is_ready};
use crate::lifetime::Birth;
use crate::mark::Mark;
use crate::origin::Origin;
use crate::owner::Owner;
use crate::site::Site;
use crate::start::start;
use crate::thread::{self, Slot};
use crate::{exact, lost, tell};

/// What the slow path found about one allocation.
pub(crate) struct SampleDecision {
    slot: Option<&'static Slot>,
    /// The sampling interval that hit the block; 0 when it is not sampled.
    interval_bytes: u64,
}

/// Decides whether a block of `size` bytes is sampled. Counts nothing: the allocation may still fail.
#[inline]
pub(crate) fn decide(size: usize, settings: Settings) -> SampleDecision {
    if !is_ready() {
        start(settings);
        if !is_ready() {
            return SampleDecision { slot: None, interval_bytes: 0 };
        }
    }
    let in_force = interval_bytes();
    let slot = thread::attached(in_force);
    let interval_bytes = match slot {
        Some(slot) => slot.decide(size, in_force),
        // A thread that is ending has no countdown any more, but exact mode leaves nothing out.
        None => u64::from(in_force == 1),
    };
    SampleDecision { slot, interval_bytes }
}

impl SampleDecision {
    #[inline(always)]
    pub(crate) fn is_sampled(&self) -> bool {
        self.interval_bytes != 0
    }

    /// The mark of a sampled block of `size` bytes that is allocated by the calling stack. Its cohort is
    /// `None` when the sample is lost.
    #[inline(always)]
    pub(crate) fn mark(&self, size: usize) -> Mark {
        let Some(cohort) = self.cohort(size) else { return Mark::NOTHING };
        let birth =
            if self.interval_bytes == 1 { exact::birth(self.slot, cohort) } else { Some(Birth::now(false)) };
        Mark { cohort: Some(cohort), birth }
    }

    /// The mark of a sampled block that comes to be by reallocation of another one with `old` as its mark.
    /// The block's life goes on: it has the same birth, or none.
    pub(crate) fn mark_of_resized(&self, size: usize, old: Mark) -> Mark {
        Mark { cohort: self.cohort(size), birth: old.birth }
    }

    /// Where the calling stack's block of `size` bytes is to be counted. `None` when the sample is lost.
    #[inline(always)]
    fn cohort(&self, size: usize) -> Option<&'static Cohort> {
        if self.interval_bytes == 1
            && let Some(cohort) = self.slot.and_then(|slot| exact::find(slot, size))
        {
            return Some(cohort);
        }
        let cohort = match self.slot {
            Some(slot) => slot.guarded(|| self.find(size)),
            None => self.find(size),
        };
        if cohort.is_none() {
            self.note_dropped(size);
        }
        cohort
    }

    /// Counts the sample of a block of `size` bytes as lost.
    pub(crate) fn note_dropped(&self, size: usize) {
        lost::note_dropped(size, self.interval_bytes);
    }

    /// [`Self::cohort`], in the slot's guard if there is a slot.
    #[inline(never)]
    fn find(&self, size: usize) -> Option<&'static Cohort> {
        let origin = self.slot.map_or_else(Origin::of_no_slot, Slot::origin);
        let owner = match self.slot {
            Some(slot) if self.interval_bytes == 1 => slot.owner(),
            _ => Owner::ALL,
        };
        let mut stack = Stack::new();
        highwater_unwind::walk(&mut stack);
        let stack = KnownStack::of(&stack)?;
        lost::note_stack(stack);
        Site::of(stack, size as u64, self.interval_bytes, origin, owner)?.cohort()
    }

    /// Counts a sampled block, which has now been allocated.
    #[inline(always)]
    pub(crate) fn count_sampled(&self, block: *mut u8, size: usize, mark: Mark) {
        let Some(cohort) = mark.cohort else { return self.count(size) };
        // Before its bytes are counted: they may make a peak, and the block is part of that.
        cohort.add(size as u64);
        self.count(size);
        if let Some(slot) = self.slot {
            slot.note_sampled(block);
        }
        tell::alloc(block, size, mark);
    }

    /// [`Self::count_sampled`] for one that came to be by reallocation.
    pub(crate) fn count_resized(&self, block: *mut u8, mark: Mark, resized: Resized) {
        self.count_sampled(block, resized.new_size, mark);
        if let Some(cohort) = mark.cohort {
            cohort.history().count_resized(resized);
        }
    }

    /// Counts a block that is not sampled, and has now been allocated.
    #[inline(always)]
    pub(crate) fn count(&self, size: usize) {
        match self.slot {
            Some(slot) => slot.count_decided(size),
            None => thread::count_orphan_alloc(size),
        }
    }
}

/// Takes a block with this mark out of its cohort.
#[inline(always)]
fn remove_sampled(size: usize, mark: Mark) {
    let Some(cohort) = mark.cohort else { return };
    let slot = thread::current();
    // A maximum ends with a free, which must not change the cohort before it is seen.
    slot.look_for_peak();
    cohort.remove(size as u64, slot.owner());
}

/// Counts a block with this mark as freed and takes it out of its cohort, because it was resized: its life
/// goes on. To be followed by counting it in its new size.
pub(crate) fn remove_resized(size: usize, mark: Mark) {
    remove_sampled(size, mark);
    if let Some(cohort) = mark.cohort {
        cohort.history().count_resized_away(size as u64);
    }
    count_free_of_resized(size);
}

/// Takes a block with this mark out of its cohort because its life ends. To be called before anybody else can
/// have its address.
#[inline(always)]
pub(crate) fn count_end(block: *mut u8, size: usize, mark: Mark) {
    let Some(cohort) = mark.cohort else { return };
    tell::free(block, mark);
    remove_sampled(size, mark);
    let slot = thread::current();
    // Another thread may have allocated it where this one's last block had been.
    let is_immediate = slot.is_last_allocated(block) && cohort.is_of(slot.owner());
    if is_immediate {
        cohort.count_immediate(size as u64);
    }
    if let Some(birth) = mark.birth {
        cohort.history().count_lifetime(birth, is_immediate);
    }
}

/// Counts a block without a mark as freed that is being resized. To be followed by counting it in its new
/// size.
pub(crate) fn count_free_of_resized(size: usize) {
    thread::count_free_of_resized(size, interval_bytes());
}

/// Counts a freed block and reports the process's live bytes.
#[cold]
pub(crate) fn count_free_slowly(size: usize) {
    thread::count_free_slowly(size, interval_bytes());
}
