//! The blocks of a site that were born between two snapshots.
//!
//! Two snapshots of one process have the blocks in common that lived through both. A comparison must know
//! which blocks these are, for they add nothing to the error of the difference; so blocks are counted by the
//! snapshot before which they were born. A cohort in which nothing is alive any more begins again as the
//! youngest: there are never more of them than live samples, however many snapshots are taken.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::history::History;
use crate::owner::Owner;
use crate::peak;
use crate::values::Values;

/// Snapshots begun so far.
static SNAPSHOTS: AtomicU64 = AtomicU64::new(0);

/// Begins a snapshot, and returns its number: 1 for the first.
pub fn begin_snapshot() -> u64 {
    SNAPSHOTS.fetch_add(1, Ordering::Relaxed) + 1
}

/// Snapshots begun so far.
#[inline(always)]
pub(crate) fn snapshots() -> u64 {
    SNAPSHOTS.load(Ordering::Relaxed)
}

/// Counts blocks of one size class: their number, and the bytes by which they exceed the class's size. Most
/// sizes are a class of their own, so most events change one number.
struct Counter {
    blocks: AtomicU64,
    excess_bytes: AtomicU64,
}

impl Counter {
    const fn new() -> Self {
        Self { blocks: AtomicU64::new(0), excess_bytes: AtomicU64::new(0) }
    }

    fn add(&self, excess_bytes: u64) {
        if excess_bytes != 0 {
            self.excess_bytes.fetch_add(excess_bytes, Ordering::Relaxed);
        }
        // The blocks last, and read first: a thread that sees the block sees its bytes.
        self.blocks.fetch_add(1, Ordering::Release);
    }

    /// [`Self::add`] in a counter that only the calling thread writes.
    #[inline(always)]
    fn add_alone(&self, excess_bytes: u64) {
        if excess_bytes != 0 {
            self.excess_bytes
                .store(self.excess_bytes.load(Ordering::Relaxed) + excess_bytes, Ordering::Relaxed);
        }
        self.blocks.store(self.blocks.load(Ordering::Relaxed) + 1, Ordering::Release);
    }

    fn get(&self, size_class: u64) -> Values {
        let blocks = self.blocks.load(Ordering::Acquire);
        Values { blocks, bytes: blocks * size_class + self.excess_bytes.load(Ordering::Relaxed) }
    }

    fn set(&self, values: Values, size_class: u64) {
        let excess_bytes = values.bytes.saturating_sub(values.blocks * size_class);
        self.excess_bytes.store(excess_bytes, Ordering::Relaxed);
        self.blocks.store(values.blocks, Ordering::Release);
    }
}

/// Samples of a site, not yet scaled up. A free touches the first of its two cache lines only.
#[repr(C, align(64))]
pub(crate) struct Cohort {
    /// What else happened to blocks of its site.
    history: &'static History,
    size_class: u64,
    owner: Owner,
    peak_epoch: AtomicU64,
    allocated: Counter,
    freed: Counter,

    /// What others freed of what the owner allocated.
    freed_elsewhere: Counter,
    /// Live values when `peak_epoch` began.
    at_peak: Counter,
    /// Blocks that were freed before their thread allocated another one.
    immediate: Counter,
    /// Snapshots begun before its blocks were born.
    born: AtomicU64,
    next: AtomicPtr<Cohort>,
}

impl Cohort {
    pub(crate) fn new(history: &'static History, size_class: u64, owner: Owner) -> Self {
        Self {
            history,
            size_class,
            owner,
            peak_epoch: AtomicU64::new(peak::epoch()),
            allocated: Counter::new(),
            freed: Counter::new(),
            freed_elsewhere: Counter::new(),
            at_peak: Counter::new(),
            immediate: Counter::new(),
            born: AtomicU64::new(snapshots()),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(crate) fn set_next(&self, next: *mut Self) {
        self.next.store(next, Ordering::Release);
    }

    /// The cohorts of a list that begins with `next`.
    pub(crate) fn list(mut next: *mut Self) -> impl Iterator<Item = &'static Self> {
        core::iter::from_fn(move || {
            // SAFETY: the pointer is null or a published cohort's; cohorts stay in the arena for ever.
            let cohort: &'static Self = unsafe { next.as_ref() }?;
            next = cohort.next.load(Ordering::Acquire);
            Some(cohort)
        })
    }

    /// What else happened to blocks of its site.
    pub(crate) fn history(&self) -> &'static History {
        self.history
    }

    /// Whether blocks that are born now belong here.
    #[inline(always)]
    pub(crate) fn is_current(&self) -> bool {
        self.born.load(Ordering::Relaxed) == snapshots()
    }

    /// Whether nothing is alive that is counted here. A thread that found this cohort earlier may still count
    /// a block in it, which is then born as late as that.
    pub(crate) fn is_dead(&self) -> bool {
        let freed = self.freed().blocks;
        self.allocated().blocks == freed
    }

    /// Makes a dead cohort the one for what is born from now on. Its counts go on: what they have in common
    /// cancels.
    pub(crate) fn begin_again(&self) {
        self.born.store(snapshots(), Ordering::Relaxed);
    }

    /// The number of the first snapshot that can have seen the live blocks.
    pub(crate) fn first_snapshot(&self) -> u64 {
        self.born.load(Ordering::Relaxed) + 1
    }

    /// Counts a sampled block.
    #[inline(always)]
    pub(crate) fn add(&self, size: u64) {
        self.remember_peak();
        let excess = size - self.size_class;
        if self.owner == Owner::ALL {
            self.allocated.add(excess);
        } else {
            self.allocated.add_alone(excess);
        }
    }

    /// [`Self::add`] where the calling thread is the owner.
    #[inline(always)]
    pub(crate) fn add_alone(&self, size: u64) {
        self.remember_peak();
        self.allocated.add_alone(size - self.size_class);
    }

    /// Counts a sampled block as freed by the thread with this slot.
    #[inline(always)]
    pub(crate) fn remove(&self, size: u64, thread: Owner) {
        self.remember_peak();
        let excess = size - self.size_class;
        if self.owner == Owner::ALL {
            self.freed.add(excess);
        } else if self.owner == thread {
            self.freed.add_alone(excess);
        } else {
            self.freed_elsewhere.add(excess);
        }
    }

    /// Whether blocks of the thread with this slot are counted here.
    #[inline(always)]
    pub(crate) fn is_of(&self, thread: Owner) -> bool {
        self.owner == Owner::ALL || self.owner == thread
    }

    /// Counts a block that was freed, in the thread that had allocated it, before another one was allocated
    /// there.
    #[inline(always)]
    pub(crate) fn count_immediate(&self, size: u64) {
        let excess = size - self.size_class;
        if self.owner == Owner::ALL {
            self.immediate.add(excess);
        } else {
            self.immediate.add_alone(excess);
        }
    }

    /// Blocks that were freed before their thread allocated another one.
    pub(crate) fn immediate(&self) -> Values {
        self.immediate.get(self.size_class)
    }

    /// Blocks counted so far, roughly: without a barrier.
    #[inline(always)]
    pub(crate) fn blocks_so_far(&self) -> u64 {
        self.allocated.blocks.load(Ordering::Relaxed)
    }

    /// Saves the live values if the process reached a peak since this cohort last changed; see [`peak`]. When
    /// several threads change one at the moment of a peak, the saved values may or may not include the blocks
    /// they are just changing.
    #[inline(always)]
    fn remember_peak(&self) {
        let epoch = peak::epoch();
        let seen = self.peak_epoch.load(Ordering::Relaxed);
        if seen != epoch {
            self.save_peak(seen, epoch);
        }
    }

    fn save_peak(&self, seen: u64, epoch: u64) {
        let live = self.live();
        if self.peak_epoch.compare_exchange(seen, epoch, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            self.at_peak.set(live, self.size_class);
        }
    }

    /// Samples taken so far.
    pub(crate) fn allocated(&self) -> Values {
        self.allocated.get(self.size_class)
    }

    /// Samples that are gone: freed, or resized.
    pub(crate) fn freed(&self) -> Values {
        self.freed.get(self.size_class).plus(self.freed_elsewhere.get(self.size_class))
    }

    /// Samples not freed so far.
    pub(crate) fn live(&self) -> Values {
        // Freed first: what is freed after that was counted as allocated before.
        let freed = self.freed();
        self.allocated().less(freed)
    }

    /// Samples that were live when the process was at its peak.
    pub(crate) fn at_peak(&self) -> Values {
        if self.peak_epoch.load(Ordering::Acquire) == peak::epoch() {
            self.at_peak.get(self.size_class)
        } else {
            self.live()
        }
    }
}
