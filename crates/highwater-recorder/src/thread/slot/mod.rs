//! One thread's counters, and what the fast path does with them.
//!
//! An allocation takes its size out of the **countdown**, a free out of the **`room`**. That is all there is
//! to say about bytes: what was allocated is what was granted to the countdown so far less what is left of
//! it, and likewise for the `room` and what was freed. The thread looks around (is a report due, has the
//! process reached a peak, has the interval changed?) when one of the two is used up.

mod decide;
pub(super) mod read;
mod report;

use core::ptr::{self, NonNull};
use core::sync::atomic::{
    AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64,
    Ordering::{Relaxed, Release},
};

use crate::origin::{self, Origin, ThreadName};
use crate::recent::Recent;
use crate::sampler::Random;
use crate::scope;
use crate::sys;
use highwater_lockfree::arena;
use highwater_unwind::Memo;

/// One thread's counters. Alone on its cache lines, or neighbours would slow each other down.
#[repr(C, align(128))]
pub(crate) struct Slot {
    // What the fast path touches.
    /// Bytes that may still be allocated before one is sampled, or before the thread looks around.
    countdown: AtomicI64,
    /// Bytes that may still be freed before the thread looks around.
    room: AtomicI64,
    alloc_blocks: AtomicU64,
    freed_blocks: AtomicU64,

    /// Odd while the slow path changes several fields that belong together.
    version: AtomicU32,
    /// All countdowns granted so far: the bytes allocated are this less what is left of the countdown.
    granted: AtomicI64,
    /// All `room` granted so far: the bytes freed are this less what is left of it.
    room_granted: AtomicI64,
    /// The sampling interval that the countdown was drawn from: 0 when nothing is to be sampled.
    interval_bytes: AtomicU64,
    /// What is left of the wait for a sample when the countdown is used up.
    reserve: AtomicI64,
    /// The thread's net bytes as of its last report.
    reported: AtomicI64,
    /// Highest value of the net bytes, as far as the thread has looked.
    pub(super) highest: AtomicI64,
    /// Measurements going on, during which the thread looks around at every free.
    pub(super) measurements: AtomicU32,
    random: AtomicU64,
    /// Blocks to the next one whose lifetime is measured, in exact mode.
    until_timed: AtomicU64,
    /// The block sampled last, and the blocks allocated as of then: tells whether anything was allocated
    /// since.
    last_block: AtomicPtr<u8>,
    last_alloc_blocks: AtomicU64,
    /// The recorder is at work in this thread: whatever it or a signal handler allocates now is not recorded.
    busy: AtomicBool,
    pub(super) kind: Kind,
    pub(super) is_taken: AtomicBool,
    /// Calls of the exit hook since the owner took the slot.
    pub(super) farewells: AtomicU32,
    name: AtomicPtr<ThreadName>,
    memory: AtomicPtr<Memory>,
    samples: AtomicU64,
    pub(super) next: AtomicPtr<Slot>,
}

/// What a thread remembers in exact mode. Zeroed memory is an empty one but for what [`Memo::prepare`] does.
pub(crate) struct Memory {
    pub stacks: Memo,
    pub recent: Recent,
}

impl Memory {
    #[cold]
    fn new() -> Option<*mut Self> {
        let memory = arena::map(size_of::<Self>())?.cast::<Self>();
        // SAFETY: just mapped, and so zeroed, aligned to a page, and nobody else's.
        unsafe { Memo::prepare(NonNull::new_unchecked(&raw mut (*memory.as_ptr()).stacks)) };
        Some(memory.as_ptr())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Counts for the program.
    Program,
    /// Counts what Highwater itself allocates.
    Own,
    /// Shared by the threads that have no slot; counts nothing.
    None,
}

/// Takes `$size` out of the counter `$field` of `$slot`, which only the calling thread writes; returns false
/// from the function around it, with the counter as it was, when that is less.
///
/// On x86-64 in one instruction that sets the condition as well; a compiler makes three or four of it. It is
/// also whole as far as signal handlers can see. `$register` is where the size is when the allocator's method
/// was called.
macro_rules! take_or_return {
    ($slot:expr, $field:ident, $size:expr, $register:tt) => {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            let slot: *const Slot = $slot;
            // SAFETY: the place is an atomic's of a live slot, which the instruction changes as a relaxed
            // load and store would.
            unsafe {
                core::arch::asm!(
                    concat!("sub qword ptr [{slot} + {offset}], ", $register),
                    "jl {short}",
                    slot = in(reg) slot,
                    offset = const core::mem::offset_of!(Slot, $field),
                    in($register) $size,
                    short = label {
                        // In one instruction too, or a signal handler in between might draw a new countdown
                        // without need. SAFETY: as above.
                        unsafe {
                            core::arch::asm!(
                                "add qword ptr [{slot} + {offset}], {size}",
                                slot = in(reg) slot,
                                offset = const core::mem::offset_of!(Slot, $field),
                                size = in(reg) $size,
                                options(nostack),
                            );
                        }
                        return false;
                    },
                    options(nostack),
                );
            }
        }
        #[cfg(not(all(target_arch = "x86_64", not(miri))))]
        {
            let left = $slot.$field.load(Relaxed) - $size as i64;
            if left < 0 {
                return false;
            }
            $slot.$field.store(left, Relaxed);
        }
    };
}

impl Slot {
    pub(super) const fn new(kind: Kind) -> Self {
        // Nobody may take anything out of a shared slot; the slow path finds that it counts nothing.
        let nothing = match kind {
            Kind::None => SHUT,
            Kind::Program | Kind::Own => 0,
        };
        Self {
            countdown: AtomicI64::new(nothing),
            room: AtomicI64::new(nothing),
            alloc_blocks: AtomicU64::new(0),
            freed_blocks: AtomicU64::new(0),
            version: AtomicU32::new(0),
            granted: AtomicI64::new(0),
            room_granted: AtomicI64::new(0),
            interval_bytes: AtomicU64::new(0),
            reserve: AtomicI64::new(0),
            reported: AtomicI64::new(0),
            highest: AtomicI64::new(0),
            measurements: AtomicU32::new(0),
            random: AtomicU64::new(0),
            until_timed: AtomicU64::new(0),
            last_block: AtomicPtr::new(ptr::null_mut()),
            last_alloc_blocks: AtomicU64::new(0),
            busy: AtomicBool::new(false),
            kind,
            is_taken: AtomicBool::new(true),
            farewells: AtomicU32::new(0),
            name: AtomicPtr::new(ptr::null_mut()),
            memory: AtomicPtr::new(ptr::null_mut()),
            samples: AtomicU64::new(0),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Puts a shared slot's counters back where they were. Threads take their sizes out of them, and put them
    /// back, without regard to each other, and one may overwrite what another has just written.
    pub(super) fn shut(&self) {
        self.countdown.store(SHUT, Relaxed);
        self.room.store(SHUT, Relaxed);
    }

    /// Makes a new slot ready for its first owner.
    pub(super) fn begin(&self, interval_bytes: u64) {
        self.random.store(Random::new(sys::entropy()).state(), Relaxed);
        self.draw_timed();
        self.restart_countdown(interval_bytes);
    }

    /// Makes the slot ready for the next thread.
    pub(super) fn hand_over(&self, interval_bytes: u64) {
        self.farewells.store(0, Relaxed);
        self.name.store(ptr::null_mut(), Relaxed);
        self.samples.store(0, Relaxed);
        self.last_block.store(ptr::null_mut(), Relaxed);
        self.follow(interval_bytes);
    }

    /// Counts the bytes of a block that is not sampled, before it is asked for: then nothing but its size has
    /// to be kept until the inner allocator returns. False, with nothing counted, when the slow path must
    /// decide.
    #[inline(always)]
    pub(crate) fn try_count_alloc(&self, size: usize) -> bool {
        take_or_return!(self, countdown, size, "rdi");
        bump(&self.alloc_blocks);
        true
    }

    /// Whether [`Self::try_count_alloc`] would succeed.
    #[inline(always)]
    pub(crate) fn has_countdown(&self, size: usize) -> bool {
        // A size is at most isize::MAX, and no countdown below -isize::MAX / 2.
        self.countdown.load(Relaxed) >= size as i64
    }

    /// Counts a block for which [`Self::has_countdown`] held a moment ago.
    #[inline(always)]
    pub(crate) fn count_alloc(&self, size: usize) {
        add(&self.countdown, -(size as i64));
        bump(&self.alloc_blocks);
    }

    /// Takes [`Self::try_count_alloc`] back.
    pub(super) fn uncount_alloc(&self, size: usize) {
        add(&self.countdown, size as i64);
        self.alloc_blocks.store(self.alloc_blocks.load(Relaxed).wrapping_sub(1), Relaxed);
    }

    /// Counts a freed block. False, with nothing counted, when [`super::slots::count_free_slowly`] must do
    /// it.
    #[inline(always)]
    pub(crate) fn try_count_free(&self, size: usize) -> bool {
        take_or_return!(self, room, size, "rsi");
        bump(&self.freed_blocks);
        true
    }

    /// Runs `record` unless the recorder is at work in this thread already, as when a signal handler
    /// allocates.
    #[inline(always)]
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

    /// The thread's memory, which it gets now if it has none yet; `None` when there is none to be had.
    ///
    /// To be called by the owner inside of [`Self::guarded`] only, and once in it.
    #[allow(clippy::mut_from_ref, reason = "the guard makes it exclusive")]
    #[inline(always)]
    pub(crate) fn memory(&self) -> Option<&mut Memory> {
        debug_assert!(self.busy.load(Relaxed));
        if self.memory.load(Relaxed).is_null() {
            self.memory.store(Memory::new()?, Relaxed);
        }
        // SAFETY: the memory is mapped for this slot alone, stays so, and was prepared. Only the slot's owner
        // gets here, and the guard lets it in once at a time.
        unsafe { self.memory.load(Relaxed).as_mut() }
    }

    /// Whether the thread records every block. One that counts what Highwater itself allocates does not.
    #[inline(always)]
    pub(crate) fn is_exact(&self) -> bool {
        self.interval_bytes.load(Relaxed) == 1
    }

    /// Who allocates a block that is sampled now.
    #[inline(always)]
    pub(crate) fn origin(&self) -> Origin {
        let samples = self.samples.load(Relaxed).wrapping_add(1);
        self.samples.store(samples, Relaxed);
        if samples & samples.wrapping_sub(1) == 0 {
            self.ask_for_name();
        }
        // SAFETY: the pointer is null or a name's. The name stays in the arena for ever.
        let thread = unsafe { self.name.load(Relaxed).as_ref() };
        Origin { thread, scope: scope::current() }
    }

    /// Takes the thread's name from the system. Done at every power of two of samples: threads are often
    /// named, or renamed, after their first allocation.
    #[cold]
    fn ask_for_name(&self) {
        if let Some(name) = origin::current_thread_name() {
            self.name.store(ptr::from_ref(name).cast_mut(), Relaxed);
        }
    }

    /// Makes a change of several fields that a reader sees whole or not at all.
    fn change(&self, change: impl FnOnce()) {
        self.version.store(self.version.load(Relaxed).wrapping_add(1), Relaxed);
        core::sync::atomic::fence(Release);
        change();
        self.version.store(self.version.load(Relaxed).wrapping_add(1), Release);
    }
}

/// What a shared slot has in the place of countdown and `room`. So far below 0 that nothing is ever above it,
/// whatever threads take out of it, and put back, at once.
const SHUT: i64 = i64::MIN / 2;

/// Adds one to a counter that only the calling thread writes.
#[inline(always)]
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// Adds to a counter that only the calling thread writes, in one instruction where that can be written: a
/// signal handler comes before it or after it. What is granted and what is left of it are changed by the same
/// number, so what a handler does to the two in between remains, whatever was read before.
#[inline(always)]
fn add(counter: &AtomicI64, value: i64) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: the place is a live atomic's, which the instruction changes as a relaxed load and store would.
    unsafe {
        core::arch::asm!(
            "add qword ptr [{counter}], {value}",
            counter = in(reg) counter.as_ptr(),
            value = in(reg) value,
            options(nostack),
        );
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    counter.store(counter.load(Relaxed).wrapping_add(value), Relaxed);
}
