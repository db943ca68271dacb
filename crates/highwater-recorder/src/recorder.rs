//! The recorder as a whole: set up by the first allocation, asked by every one that takes the slow path.

use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use core::time::Duration;
use highwater_lockfree::system;

use crate::cohort::{Cohort, Owner};
use crate::config::{Mode, Settings};
use crate::exact;
use crate::lifetime::Birth;
use crate::mark::Mark;
use crate::site::{Origin, Resized, Site};
use crate::thread::{self, Slot};
use crate::{aligned, probe, sampler, sys, totals};
use highwater_unwind::{KnownStack, Stack};

/// No allocation has been seen yet.
const FRESH: u8 = 0;
/// One thread is setting the recorder up; whatever else is allocated meanwhile is counted, but not recorded.
const STARTING: u8 = 1;
const READY: u8 = 2;
/// Nothing can be recorded in this process, which is on standard error. Calls pass straight through.
const REFUSED: u8 = 3;

static STATE: AtomicU8 = AtomicU8::new(FRESH);

/// The sampling interval in force, in bytes: 0 when nothing is recorded, 1 when everything is.
static INTERVAL: AtomicU64 = AtomicU64::new(0);

/// The interval in force when something was last recorded: `INTERVAL`, unless that is 0.
static LAST_INTERVAL: AtomicU64 = AtomicU64::new(0);

/// Every block since the start was recorded.
static IS_COMPLETE: AtomicBool = AtomicBool::new(false);

/// When the recorder was set up, on the system's monotonic clock.
static STARTED_NS: AtomicU64 = AtomicU64::new(0);

/// Sets the recorder up if that has not been done.
fn start(settings: Settings) {
    if !system::SUPPORTED
        || STATE.load(Ordering::Acquire) != FRESH
        || STATE.compare_exchange(FRESH, STARTING, Ordering::Acquire, Ordering::Relaxed).is_err()
    {
        return;
    }
    sys::stay_loaded();
    if sys::has_shared_std() {
        sys::write_to_stderr(SHARED_STD);
        STATE.store(REFUSED, Ordering::Release);
        return;
    }
    let settings = match sys::environment(c"HIGHWATER").map_or(Ok(settings), |it| settings.overridden(it)) {
        Ok(settings) => settings,
        Err(part) => {
            complain(part);
            settings
        }
    };
    IS_COMPLETE.store(settings.mode == Mode::Exact, Ordering::Relaxed);
    put_in_force(settings.mode);
    STARTED_NS.store(sys::monotonic_ns(), Ordering::Relaxed);
    thread::EXIT_HOOK.install(thread::detach);
    highwater_unwind::start();
    system::at_fork(aligned::before_fork, aligned::after_fork, aligned::after_fork);
    STATE.store(READY, Ordering::Release);
}

/// What is said where the program was built with `-C prefer-dynamic`. Blocks that are marked may not be given to a library that
/// frees them with another allocator.
const SHARED_STD: &[u8] = b"highwater: nothing is recorded, because the standard library is a shared one, which frees blocks with an allocator of its own; build without -C prefer-dynamic\n";

fn put_in_force(mode: Mode) {
    let interval_bytes = mode.interval_bytes().unwrap_or(0);
    if interval_bytes != 0 {
        LAST_INTERVAL.store(interval_bytes, Ordering::Relaxed);
    }
    INTERVAL.store(interval_bytes, Ordering::Relaxed);
}

/// The sampling interval in force, in bytes: 0 when nothing is recorded, 1 when everything is.
#[inline]
pub(crate) fn interval_bytes() -> u64 {
    INTERVAL.load(Ordering::Relaxed)
}

/// Says on standard error, in one write, that a part of the environment's setting is not understood.
fn complain(part: &[u8]) {
    let mut line = [0; 256];
    let mut length = 0;
    let pieces: [&[u8]; 3] = [
        b"highwater: ignoring HIGHWATER, because '",
        &part[..part.len().min(80)],
        b"' is not understood (use interval:64KiB, exact or off); the built-in setting stays\n",
    ];
    for byte in pieces.into_iter().flatten() {
        line[length] = *byte;
        length += 1;
    }
    sys::write_to_stderr(&line[..length]);
}

/// What the slow path found about one allocation.
pub(crate) struct Verdict {
    slot: Option<&'static Slot>,
    /// The sampling interval that hit the block; 0 when it is not sampled.
    interval_bytes: u64,
}

/// Decides whether a block of `size` bytes is sampled. Counts nothing: the allocation may still fail.
#[inline]
pub(crate) fn decide(size: usize, settings: Settings) -> Verdict {
    if STATE.load(Ordering::Acquire) != READY {
        start(settings);
        if STATE.load(Ordering::Acquire) != READY {
            return Verdict { slot: None, interval_bytes: 0 };
        }
    }
    let in_force = interval_bytes();
    let slot = thread::attached(in_force);
    let interval_bytes = match slot {
        Some(slot) => slot.decide(size, in_force),
        // A thread that is ending has no countdown any more, but exact mode leaves nothing out.
        None => u64::from(in_force == 1),
    };
    Verdict { slot, interval_bytes }
}

impl Verdict {
    #[inline(always)]
    pub(crate) fn is_sampled(&self) -> bool {
        self.interval_bytes != 0
    }

    /// The mark of a sampled block of `size` bytes that is allocated by the calling stack. Its cohort is `None` when the
    /// sample is lost.
    #[inline(always)]
    pub(crate) fn mark(&self, size: usize) -> Mark {
        let Some(cohort) = self.cohort(size) else { return Mark::NOTHING };
        let birth =
            if self.interval_bytes == 1 { exact::birth(self.slot, cohort) } else { Some(Birth::now(false)) };
        Mark { cohort: Some(cohort), birth }
    }

    /// The mark of a sampled block that comes to be by reallocation of another one with `old` as its mark. The block's
    /// life goes on: it has the same birth, or none.
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
        totals::note_dropped(size, self.interval_bytes);
    }

    /// [`Self::cohort`], in the slot's guard if there is a slot.
    #[inline(never)]
    fn find(&self, size: usize) -> Option<&'static Cohort> {
        let origin = self.slot.map_or_else(Origin::of_no_slot, Slot::origin);
        let owner = match self.slot {
            Some(slot) if self.interval_bytes == 1 => Owner::of(slot),
            _ => Owner::ALL,
        };
        let mut stack = Stack::new();
        highwater_unwind::walk(&mut stack);
        let stack = KnownStack::of(&stack)?;
        totals::note_stack(stack);
        Site::of(stack, size as u64, self.interval_bytes, origin, owner)?.cohort()
    }

    /// Counts a sampled block, which has now been allocated.
    #[inline(always)]
    pub(crate) fn count_sampled(&self, block: *mut u8, size: usize, mark: Mark) {
        let Some(cohort) = mark.cohort else { return self.count(size) };
        // Before its bytes are counted: they may make a peak, of which the block is part.
        cohort.add(size as u64);
        self.count(size);
        if let Some(slot) = self.slot {
            slot.note_sampled(block);
        }
        tell_alloc(block, size, cohort);
    }

    /// [`Self::count_sampled`] for one that came to be by reallocation.
    pub(crate) fn count_resized(&self, block: *mut u8, mark: Mark, resized: Resized) {
        self.count_sampled(block, resized.new_size, mark);
        if let Some(cohort) = mark.cohort {
            cohort.site().count_resized(resized);
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
    cohort.remove(size as u64, Owner::of(slot));
}

/// Counts a block with this mark as freed and takes it out of its cohort, because it was resized: its life goes on. To be
/// followed by counting it in its new size.
pub(crate) fn remove_resized(size: usize, mark: Mark) {
    remove_sampled(size, mark);
    if let Some(cohort) = mark.cohort {
        cohort.site().count_resized_away(size as u64);
    }
    count_free_of_resized(size);
}

/// Takes a block with this mark out of its cohort because its life ends. To be called before anybody else can have its
/// address.
#[inline(always)]
pub(crate) fn count_end(block: *mut u8, size: usize, mark: Mark) {
    let Some(cohort) = mark.cohort else { return };
    tell_free(block, mark);
    remove_sampled(size, mark);
    let slot = thread::current();
    // Another thread may have allocated it where this one's last block had been.
    let is_immediate = slot.is_last_allocated(block) && cohort.is_of(Owner::of(slot));
    if is_immediate {
        cohort.count_immediate(size as u64);
    }
    if let Some(birth) = mark.birth {
        cohort.site().count_lifetime(birth, is_immediate);
    }
}

/// Tells tracers of a sampled block that the program is about to be given.
#[inline(always)]
pub(crate) fn tell_alloc(block: *mut u8, size: usize, cohort: &Cohort) {
    probe::alloc(block, size, || {
        let probability = sampler::probability(size as u64, cohort.site().interval_bytes());
        (size as f64 / probability).round() as u64
    });
}

/// Tells tracers of a sampled block that is about to be given back, or to be moved.
#[inline(always)]
pub(crate) fn tell_free(block: *mut u8, mark: Mark) {
    if mark.cohort.is_some() {
        probe::free(block);
    }
}

/// Takes back what [`tell_free`] told: the block is still where it was.
#[inline(always)]
pub(crate) fn tell_kept(block: *mut u8, size: usize, mark: Mark) {
    if let Some(cohort) = mark.cohort {
        tell_alloc(block, size, cohort);
    }
}

/// Counts a block without a mark as freed that is being resized. To be followed by counting it in its new size.
pub(crate) fn count_free_of_resized(size: usize) {
    thread::count_free_of_resized(size, interval_bytes());
}

/// Counts a freed block and reports the process's live bytes.
#[cold]
pub(crate) fn count_free_slowly(size: usize) {
    thread::count_free_slowly(size, interval_bytes());
}

/// Whether this platform can be recorded on.
pub fn is_supported() -> bool {
    system::SUPPORTED
}

/// Whether nothing can be recorded because the standard library is a shared one (`-C prefer-dynamic`).
pub fn has_shared_std() -> bool {
    STATE.load(Ordering::Acquire) == REFUSED
}

/// How long recording has been going on: since the first allocation of the process, which comes before `main`.
pub fn running() -> Duration {
    Duration::from_nanos(sys::monotonic_ns().saturating_sub(STARTED_NS.load(Ordering::Relaxed)))
}

/// What is being recorded; `None` as long as no allocation has come through an [`Alloc`](crate::Alloc).
pub fn mode() -> Option<Mode> {
    (STATE.load(Ordering::Acquire) == READY).then(|| match interval_bytes() {
        0 => Mode::Off,
        interval_bytes => Mode::with_interval(interval_bytes),
    })
}

/// Changes what is recorded from now on. A thread takes the change up when it has allocated or freed 56 KiB, at the
/// latest. A sample keeps the interval that drew it. False, with nothing changed, as long as no allocation has come
/// through an [`Alloc`](crate::Alloc).
pub fn set_mode(mode: Mode) -> bool {
    if STATE.load(Ordering::Acquire) != READY {
        return false;
    }
    if mode != Mode::Exact {
        IS_COMPLETE.store(false, Ordering::Relaxed);
    }
    put_in_force(mode);
    true
}

/// The sampling interval of what was recorded last, in bytes: that in force, or when recording is off, the one before.
/// 0 when nothing was ever recorded.
pub fn last_interval_bytes() -> u64 {
    LAST_INTERVAL.load(Ordering::Relaxed)
}

/// Whether every block was recorded since the process started.
pub fn is_complete() -> bool {
    IS_COMPLETE.load(Ordering::Relaxed)
}
