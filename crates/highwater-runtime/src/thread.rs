//! What each thread counts for itself: the bytes until its next sample, and its exact totals.
//!
//! A thread's [`Slot`] lives in the arena and outlives it, so that totals can be added up without stopping
//! anybody. Only the owner writes to it, with plain loads and stores (no locked instruction); the next thread
//! that needs a slot goes on where the last owner stopped, so nothing is ever subtracted or reset.
//!
//! A thread that has no slot — before its first allocation, and behind the destructors of its thread-locals —
//! points to a shared one whose values send every call to the slow path.

mod measure;
mod own;

use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{AcqRel, Acquire, Relaxed, Release},
};

pub use measure::{Measured, measure};
pub use own::own_memory;

use crate::sampler::Random;
use crate::site::ThreadName;
use crate::unwind::Memo;
use crate::{arena, site, sys, totals};

/// Bytes that a thread may free, beyond those it allocates, before it reports.
const FREE_CREDIT: i64 = 64 * 1024;

/// Bytes that a thread may allocate, beyond those it frees, before it reports at its next sample.
const ALLOC_CREDIT: i64 = 64 * 1024;

/// A countdown that no program reaches.
const NEVER: i64 = i64::MAX / 2;

/// Bytes after which a thread looks whether recording has been switched on.
const OFF_CHECK: i64 = 1 << 20;

/// One thread's counters. Alone on its cache lines, or neighbours would slow each other down.
#[repr(C, align(128))]
pub(crate) struct Slot {
    // What the fast path touches.
    /// Bytes that may still be allocated before one is sampled, or before the thread looks around.
    countdown: AtomicI64,
    /// Live bytes gained since the last report, plus FREE_CREDIT: below 0 it is time for a report.
    net: AtomicI64,
    /// Highest value of `net` since the last report, as of the last free: a maximum ends with a free, so that is the
    /// time to look.
    net_max: AtomicI64,
    alloc_blocks: AtomicU64,
    freed_blocks: AtomicU64,

    /// Odd while the slow path changes several fields that belong together.
    version: AtomicU32,
    /// All countdowns granted so far: the bytes allocated are this less what is left of the countdown.
    granted: AtomicI64,
    /// The sampling interval that the countdown was drawn from: 0 when nothing is to be sampled.
    interval_bytes: AtomicU64,
    /// Sum of the changes of live bytes reported so far.
    reported: AtomicI64,
    /// Highest value of what the thread allocated less what it freed, as of the last report.
    highest: AtomicI64,
    random: AtomicU64,
    /// The recorder is at work in this thread: whatever it or a signal handler allocates now is not recorded.
    busy: AtomicBool,
    kind: Kind,
    is_taken: AtomicBool,
    /// Calls of the exit hook since the owner took the slot.
    farewells: AtomicU32,
    name: AtomicPtr<ThreadName>,
    memo: AtomicPtr<Memo>,
    samples: AtomicU64,
    next: AtomicPtr<Slot>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Counts for the program.
    Program,
    /// Counts what Highwater itself allocates.
    Own,
    /// Shared by the threads that have no slot; counts nothing.
    None,
}

/// What a thread that has not allocated yet points to.
static UNATTACHED: Slot = Slot::new(Kind::None);
/// What a thread points to when it is being attached, and again when it has ended.
static DETACHED: Slot = Slot::new(Kind::None);
/// Where the operations of such threads are counted.
static ORPHANS: Orphans = Orphans {
    alloc_blocks: AtomicU64::new(0),
    alloc_bytes: AtomicU64::new(0),
    freed_blocks: AtomicU64::new(0),
    live_bytes: AtomicI64::new(0),
};
static ALL: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
pub(crate) static EXIT_HOOK: sys::ExitHook = sys::ExitHook::new();

struct Orphans {
    alloc_blocks: AtomicU64,
    alloc_bytes: AtomicU64,
    freed_blocks: AtomicU64,
    live_bytes: AtomicI64,
}

thread_local! {
    // Constant and without a destructor, so it can be used from the first instruction of a thread to the last.
    static CURRENT: Cell<&'static Slot> = const { Cell::new(&UNATTACHED) };
}

/// The calling thread's slot, which may be a shared one that counts nothing.
#[inline(always)]
pub(crate) fn current() -> &'static Slot {
    CURRENT.with(Cell::get)
}

/// The calling thread's own slot, which it gets now if it has none yet. `None` for a thread that has ended or is
/// just being attached, and when there is no memory: its operations go to [`count_orphan_alloc`] and
/// [`count_orphan_free`].
pub(crate) fn attached(interval_bytes: u64) -> Option<&'static Slot> {
    let slot = current();
    if slot.kind != Kind::None {
        return Some(slot);
    }
    if !ptr::eq(slot, &UNATTACHED) {
        return None;
    }
    // A signal handler that allocates while this goes on must not begin it again.
    CURRENT.set(&DETACHED);
    let Some(slot) = Slot::take(Kind::Program, interval_bytes) else {
        CURRENT.set(&UNATTACHED);
        return None;
    };
    slot.farewells.store(0, Relaxed);
    slot.name.store(ptr::null_mut(), Relaxed);
    slot.samples.store(0, Relaxed);
    // When there is no hook the slot stays taken for ever: a loss of a few hundred bytes, and no error.
    EXIT_HOOK.arm(ptr::from_ref(slot).cast());
    CURRENT.set(slot);
    Some(slot)
}

/// The exit hook's destructor.
///
/// # Safety
/// `slot` is what [`attached`] armed the hook with in this thread.
pub(crate) unsafe extern "C" fn detach(slot: *mut c_void) {
    // POSIX runs destructors in up to four rounds while there is something left to destroy. Ours waits for the
    // third, so that what other keys' destructors free is still counted here.
    const LAST_ROUND: u32 = 3;
    // SAFETY: the caller promises a slot; slots live in the arena for ever.
    let slot = unsafe { &*slot.cast::<Slot>() };
    let rounds = slot.farewells.load(Relaxed) + 1;
    slot.farewells.store(rounds, Relaxed);
    if rounds < LAST_ROUND && EXIT_HOOK.arm(ptr::from_ref(slot).cast()) {
        return;
    }
    slot.report();
    CURRENT.set(&DETACHED);
    slot.is_taken.store(false, Release);
}

impl Slot {
    const fn new(kind: Kind) -> Self {
        Self {
            countdown: AtomicI64::new(0),
            net: AtomicI64::new(0),
            net_max: AtomicI64::new(0),
            alloc_blocks: AtomicU64::new(0),
            freed_blocks: AtomicU64::new(0),
            version: AtomicU32::new(0),
            granted: AtomicI64::new(0),
            interval_bytes: AtomicU64::new(0),
            reported: AtomicI64::new(0),
            highest: AtomicI64::new(0),
            random: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            kind,
            is_taken: AtomicBool::new(true),
            farewells: AtomicU32::new(0),
            name: AtomicPtr::new(ptr::null_mut()),
            memo: AtomicPtr::new(ptr::null_mut()),
            samples: AtomicU64::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// A slot of this kind that nobody owns, or a new one.
    fn take(kind: Kind, interval_bytes: u64) -> Option<&'static Self> {
        let free = all().find(|slot| {
            slot.kind == kind
                && !slot.is_taken.load(Relaxed)
                && slot.is_taken.compare_exchange(false, true, Acquire, Relaxed).is_ok()
        });
        if let Some(slot) = free {
            slot.follow(interval_bytes);
            return Some(slot);
        }
        let slot = arena::place(Self::new(kind))?;
        slot.random.store(Random::new(sys::entropy()).state(), Relaxed);
        slot.net.store(FREE_CREDIT, Relaxed);
        slot.net_max.store(FREE_CREDIT, Relaxed);
        slot.restart_countdown(interval_bytes);
        let mut first = ALL.load(Acquire);
        loop {
            slot.next.store(first, Relaxed);
            match ALL.compare_exchange(first, ptr::from_ref(slot).cast_mut(), AcqRel, Acquire) {
                Ok(_) => return Some(slot),
                Err(now) => first = now,
            }
        }
    }

    /// Bytes left before a sample if `size` more are allocated; below 0 the slow path decides.
    #[inline(always)]
    pub(crate) fn countdown_after(&self, size: usize) -> i64 {
        // A size is at most isize::MAX.
        self.countdown.load(Relaxed) - size as i64
    }

    /// Counts a block that [`Self::countdown_after`] found to need no sample, before it is asked for: then nothing but its
    /// size has to be kept until the inner allocator returns.
    #[inline(always)]
    pub(crate) fn count_alloc(&self, size: usize) {
        self.countdown.store(self.countdown_after(size), Relaxed);
        bump(&self.alloc_blocks);
        add(&self.net, size as i64);
    }

    /// Counts a freed block. False, with nothing counted, when [`count_free_slowly`] must do it.
    #[inline(always)]
    pub(crate) fn try_count_free(&self, size: usize) -> bool {
        let net = self.net.load(Relaxed);
        if net > self.net_max.load(Relaxed) {
            self.net_max.store(net, Relaxed);
        }
        let net = net - size as i64;
        if net < 0 {
            return false;
        }
        self.net.store(net, Relaxed);
        bump(&self.freed_blocks);
        true
    }

    /// Highest value of `net` since the last report.
    fn highest_net(&self) -> i64 {
        self.net_max.load(Relaxed).max(self.net.load(Relaxed))
    }

    /// The sampling interval that hits the allocation of `size` bytes, or 0 when it is not to be sampled. Takes part of
    /// the countdown, or all of it and draws a new one from `interval_bytes`, the interval now in force; either
    /// way nothing is counted yet, because the allocation may still fail.
    pub(crate) fn decide(&self, size: usize, interval_bytes: u64) -> u64 {
        if self.kind == Kind::Own || self.busy.load(Relaxed) {
            return 0;
        }
        let mut left = self.countdown_after(size);
        if left < 0 {
            // A wait that has ended is a sample of the interval it was drawn from, also when another one is in force
            // by now: to draw again would give this block two chances to be passed over.
            let drawn_from = self.interval_bytes.load(Relaxed);
            self.restart_countdown(interval_bytes);
            if drawn_from != 0 || interval_bytes == 0 {
                return drawn_from;
            }
            left = self.countdown_after(size);
            if left < 0 {
                self.restart_countdown(interval_bytes);
                return interval_bytes;
            }
        }
        self.change(|| {
            self.countdown.store(left, Relaxed);
            add(&self.granted, -(size as i64));
        });
        0
    }

    /// Takes up an interval that was set after the countdown was drawn. What is left of a wait can be drawn anew at
    /// any moment that does not depend on it, because the distribution has no memory.
    fn follow(&self, interval_bytes: u64) {
        if self.kind == Kind::Program && self.interval_bytes.load(Relaxed) != interval_bytes {
            self.restart_countdown(interval_bytes);
        }
    }

    /// Grants a new wait, without changing what counts as allocated.
    fn restart_countdown(&self, interval_bytes: u64) {
        let wait = match interval_bytes {
            _ if self.kind == Kind::Own => NEVER,
            0 => OFF_CHECK,
            // Every allocation takes the slow path.
            1 => 0,
            _ => {
                let mut random = Random::from_state(self.random.load(Relaxed));
                let wait = random.wait(interval_bytes).min(NEVER);
                self.random.store(random.state(), Relaxed);
                wait
            }
        };
        self.interval_bytes.store(interval_bytes, Relaxed);
        self.change(|| {
            add(&self.granted, wait - self.countdown.load(Relaxed));
            self.countdown.store(wait, Relaxed);
        });
    }

    /// Counts a block for which [`Self::decide`] was asked, and reports if that is due.
    pub(crate) fn count_decided(&self, size: usize) {
        self.change(|| add(&self.granted, size as i64));
        bump(&self.alloc_blocks);
        add(&self.net, size as i64);
        let gained = self.net.load(Relaxed) - FREE_CREDIT;
        if gained > ALLOC_CREDIT || self.kind == Kind::Program && totals::is_peak(gained) {
            self.report();
        }
    }

    /// Passes the change of live bytes since the last report on to the process's totals.
    fn report(&self) {
        let change = self.net.load(Relaxed) - FREE_CREDIT;
        let rise = self.highest_net() - FREE_CREDIT;
        let highest = self.reported.load(Relaxed) + rise;
        if highest > self.highest.load(Relaxed) {
            self.highest.store(highest, Relaxed);
        }
        self.change(|| {
            add(&self.reported, change);
            self.net.store(FREE_CREDIT, Relaxed);
            self.net_max.store(FREE_CREDIT, Relaxed);
        });
        if self.kind == Kind::Program {
            totals::report(change, rise);
        }
    }

    /// Runs `record` unless the recorder is at work in this thread already, as when a signal handler allocates.
    pub(crate) fn guarded<R>(&self, record: impl FnOnce() -> Option<R>) -> Option<R> {
        // Nobody else writes to it, so no atomic exchange is needed.
        if self.busy.load(Relaxed) {
            return None;
        }
        self.busy.store(true, Relaxed);
        let result = record();
        self.busy.store(false, Relaxed);
        result
    }

    /// The thread's memory of stacks, which it gets now if it has none yet; `None` when there is no memory for it.
    ///
    /// To be called by the owner inside of [`Self::guarded`] only, and once in it.
    #[allow(clippy::mut_from_ref, reason = "the guard makes it exclusive")]
    pub(crate) fn memo(&self) -> Option<&mut Memo> {
        debug_assert!(self.busy.load(Relaxed));
        if self.memo.load(Relaxed).is_null() {
            let memory = arena::map(size_of::<Memo>())?.cast();
            // SAFETY: just mapped, and so zeroed, aligned to a page, and nobody else's.
            unsafe { Memo::prepare(memory) };
            self.memo.store(memory.as_ptr(), Relaxed);
        }
        // SAFETY: the memory is mapped for this slot alone, stays so, and was prepared. Only the slot's owner gets here, and the guard lets it in once at a time.
        unsafe { self.memo.load(Relaxed).as_mut() }
    }

    /// The thread's name, asked of the system again at every power of two of samples: threads are often named, or
    /// renamed, after their first allocation.
    pub(crate) fn name(&self) -> Option<&'static ThreadName> {
        let samples = self.samples.load(Relaxed) + 1;
        self.samples.store(samples, Relaxed);
        if samples.is_power_of_two()
            && let Some(name) = site::current_thread_name()
        {
            self.name.store(ptr::from_ref(name).cast_mut(), Relaxed);
        }
        // SAFETY: the pointer is null or that of a name, which lives in the arena for ever.
        unsafe { self.name.load(Relaxed).as_ref() }
    }

    /// Makes a change of several fields that a reader sees whole or not at all.
    fn change(&self, change: impl FnOnce()) {
        self.version.store(self.version.load(Relaxed).wrapping_add(1), Relaxed);
        core::sync::atomic::fence(Release);
        change();
        self.version.store(self.version.load(Relaxed).wrapping_add(1), Release);
    }

    fn counts(&self) -> SlotCounts {
        const PATIENCE: usize = 1_000;
        let mut counts = self.read();
        for _ in 0..PATIENCE {
            let before = self.version.load(Acquire);
            counts = self.read();
            core::sync::atomic::fence(Acquire);
            if before.is_multiple_of(2) && self.version.load(Relaxed) == before {
                break;
            }
            core::hint::spin_loop();
        }
        counts
    }

    fn read(&self) -> SlotCounts {
        // Freed before allocated: what is freed between the two reads was allocated before, so that no thread
        // alone ever shows more freed blocks than it should.
        let freed_blocks = self.freed_blocks.load(Acquire);
        SlotCounts {
            is_own: self.kind == Kind::Own,
            freed_blocks,
            alloc_blocks: self.alloc_blocks.load(Relaxed),
            alloc_bytes: (self.granted.load(Relaxed) - self.countdown.load(Relaxed)) as u64,
            live_bytes: self.reported.load(Relaxed) + self.net.load(Relaxed) - FREE_CREDIT,
            unreported_rise: self.highest_net() - FREE_CREDIT,
        }
    }
}

/// Adds one to a counter that only the calling thread writes.
#[inline(always)]
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// Adds to a counter that only the calling thread writes.
#[inline(always)]
fn add(counter: &AtomicI64, value: i64) {
    counter.store(counter.load(Relaxed) + value, Relaxed);
}

/// Takes [`Slot::count_alloc`] back: there was no memory for the block. Asks for the slot itself, so that the caller has
/// no more to remember than the size.
#[cold]
#[inline(never)]
pub(crate) fn uncount_alloc(size: usize) {
    let slot = current();
    add(&slot.countdown, size as i64);
    slot.alloc_blocks.store(slot.alloc_blocks.load(Relaxed).wrapping_sub(1), Relaxed);
    add(&slot.net, -(size as i64));
}

/// Counts a freed block for which [`Slot::try_count_free`] had no credit left.
#[cold]
pub(crate) fn count_free_slowly(size: usize, interval_bytes: u64) {
    match attached(interval_bytes) {
        Some(slot) => {
            slot.follow(interval_bytes);
            slot.net_max.store(slot.highest_net(), Relaxed);
            add(&slot.net, -(size as i64));
            bump(&slot.freed_blocks);
            slot.report();
        }
        None => {
            ORPHANS.freed_blocks.fetch_add(1, Relaxed);
            ORPHANS.live_bytes.fetch_sub(size as i64, Relaxed);
            totals::report(-(size as i64), 0);
        }
    }
}

/// Counts a block allocated by a thread without a slot.
pub(crate) fn count_orphan_alloc(size: usize) {
    ORPHANS.alloc_blocks.fetch_add(1, Relaxed);
    ORPHANS.alloc_bytes.fetch_add(size as u64, Relaxed);
    ORPHANS.live_bytes.fetch_add(size as i64, Relaxed);
    totals::report(size as i64, size as i64);
}

/// What one slot has counted.
pub(crate) struct SlotCounts {
    pub is_own: bool,
    pub alloc_blocks: u64,
    pub alloc_bytes: u64,
    pub freed_blocks: u64,
    pub live_bytes: i64,
    /// How far live bytes rose above the last report.
    pub unreported_rise: i64,
}

/// The counts of every thread there is or was.
pub(crate) fn all_counts() -> impl Iterator<Item = SlotCounts> {
    let orphans = SlotCounts {
        is_own: false,
        freed_blocks: ORPHANS.freed_blocks.load(Acquire),
        alloc_blocks: ORPHANS.alloc_blocks.load(Relaxed),
        alloc_bytes: ORPHANS.alloc_bytes.load(Relaxed),
        live_bytes: ORPHANS.live_bytes.load(Relaxed),
        unreported_rise: 0,
    };
    all().map(Slot::counts).chain(core::iter::once(orphans))
}

fn all() -> impl Iterator<Item = &'static Slot> {
    let mut next = ALL.load(Acquire);
    core::iter::from_fn(move || {
        // SAFETY: the pointer is null or that of a published slot; slots live in the arena for ever.
        let slot: &'static Slot = unsafe { next.as_ref() }?;
        next = slot.next.load(Acquire);
        Some(slot)
    })
}

/// Has the calling thread report now.
pub(crate) fn report_own() {
    let slot = current();
    if slot.kind == Kind::Program {
        slot.report();
    }
}
