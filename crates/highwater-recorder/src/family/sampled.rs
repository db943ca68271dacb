//! The malloc family while it is sampled, or only counted.

use super::{BIG, Family, Inner, PAGE, RESERVED_FROM, tail};
use crate::config::Settings;
use crate::mark::Mark;
use crate::recorder::{self, SampleDecision};
use crate::{in_force, thread};

/// What is asked for a block of this many bytes.
#[inline(always)]
pub(super) fn with_reserve(bytes: usize) -> usize {
    // What is too large is refused by the C library, with its error number.
    if bytes >= RESERVED_FROM { bytes.saturating_add(tail::MOST) } else { bytes }
}

impl<A: Inner> Family<A> {
    /// Allocates a block off the fast path, by a function that is given the bytes to ask for.
    pub(super) fn allocate_sampling(bytes: usize, align: usize, ask: impl Fn(usize) -> *mut u8) -> *mut u8 {
        let block = ask(with_reserve(bytes));
        // SAFETY: the block was just allocated.
        unsafe { Self::count_sampling(block, bytes, align) }
    }

    /// Counts a fresh block, where the program asked for `bytes` bytes, and decides whether it is sampled.
    /// Returns the block for the program.
    ///
    /// # Safety
    /// The block is null or was just allocated, as [`with_reserve`] says.
    #[inline(always)]
    pub(super) unsafe fn count_sampling(block: *mut u8, bytes: usize, align: usize) -> *mut u8 {
        if block.is_null() {
            return block;
        }
        // SAFETY: the block was just allocated.
        let usable = unsafe { A::small_usable_bytes(block) };
        if usable >= BIG || !thread::current().try_count_alloc(usable) {
            // SAFETY: the caller's promise.
            return unsafe { Self::settle(block, bytes, align) };
        }
        block
    }

    /// [`Self::count_sampling`] where the thread looks around or the block may be sampled.
    ///
    /// # Safety
    /// As above.
    #[cold]
    #[inline(never)]
    unsafe fn settle(block: *mut u8, bytes: usize, align: usize) -> *mut u8 {
        // SAFETY: the block was just allocated.
        let size = unsafe { Self::counted_bytes(block) };
        if thread::current().try_count_alloc(size) {
            return block;
        }
        if thread::current().refill(size, in_force::interval_bytes())
            && thread::current().try_count_alloc(size)
        {
            return block;
        }
        let decision = recorder::decide(size, Settings::DEFAULT);
        if !decision.is_sampled() {
            decision.count(size);
            return block;
        }
        let mark = decision.mark(size);
        // SAFETY: the caller's promise.
        let (block, mark) = unsafe { Self::place(block, bytes, align, size, mark, &decision) };
        decision.count_sampled(block, size, mark);
        block
    }

    /// Puts a mark behind a block that nobody else knows yet: a big one where it lies, any other where marks
    /// are looked for. What is returned is the block, and the mark or none if there is no memory for it.
    ///
    /// # Safety
    /// The block was just allocated, as [`with_reserve`] says, for `bytes` bytes of the program's.
    pub(super) unsafe fn place(
        block: *mut u8,
        bytes: usize,
        align: usize,
        size: usize,
        mark: Mark,
        decision: &SampleDecision,
    ) -> (*mut u8, Mark) {
        if mark.cohort.is_none() {
            // Counted as lost.
            return (block, Mark::NOTHING);
        }
        let room = bytes + tail::bytes(mark);
        // SAFETY: the block was just allocated and there is space for the mark behind what the program gets.
        // In its place comes a fresh one with that space, and with as many bytes of the program's.
        unsafe {
            let usable = A::usable_bytes(block);
            if usable >= BIG && room <= usable {
                tail::write(block, usable, mark, size);
                return (block, mark);
            }
            let placed = A::memalign(align.max(PAGE), room);
            if placed.is_null() {
                decision.note_dropped(size);
                return (block, Mark::NOTHING);
            }
            placed.copy_from_nonoverlapping(block, bytes);
            A::free(block);
            tail::write(placed, A::usable_bytes(placed), mark, size);
            (placed, mark)
        }
    }
}
