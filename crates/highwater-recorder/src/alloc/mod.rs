//! The allocator: every call passes through here to the inner one, and nowhere else.
//!
//! **How a free tells a sampled block from others without reading memory:** by its address; see
//! [`crate::mark`]. Blocks with an alignment of 16 or more keep their address, and are looked up; see
//! [`crate::aligned`].
//!
//! **What the inner allocator is asked for.** Unsampled blocks must lie at multiples of 16. The system's
//! allocator does that to every block of at least 16 bytes, so smaller ones are asked for as 16. So do most
//! others, but to ask them for an alignment of 16 may cost much more than to ask for 8: they are asked for
//! what the program asks for, and what then lies elsewhere gets a mark that says nothing.
//!
//! **Ordering rules.**
//! 1. A sample is recorded, and its mark written, before the block is returned.
//! 2. A sample is taken out of its site before the inner allocator gets the block back, or another thread
//!    could be handed the same address while it still counts.
//! 3. A block goes back with the layout it was really asked for with.
//! 4. When the inner allocator returns null, nothing is counted and nothing changes: a block that could not
//!    be resized is still there, with its sample. (One exception: `LEAST_CHECKED`.)
//! 5. No lock is held and nothing is borrowed from the recorder while the inner allocator runs: it may call
//!    back.

mod build;
mod free;
mod resize;
mod settle;

use core::alloc::{GlobalAlloc, Layout};
use core::any::TypeId;
use core::ptr::{self, NonNull};
use std::alloc::System;

use crate::config::Settings;
use crate::exact::Exact;
use crate::mark::{self, Mark, UNIT};
use crate::recorder::{self, SampleDecision};
use crate::{aligned, hard_limit, in_force, odd, own_frames, thread};

/// Says that a branch is rarely taken, where the compiler has a hint for that.
#[inline(always)]
fn cold_path() {
    #[cfg(cold_path)]
    #[expect(clippy::incompatible_msrv, reason = "only compilers that have it get here")]
    core::hint::cold_path();
}

/// A global allocator that records what it passes on to an inner one.
///
/// ```
/// #[global_allocator]
/// static ALLOC: highwater_recorder::Alloc = highwater_recorder::Alloc::new();
/// ```
///
/// All `Alloc`s of a process feed one recorder; the setting of the one that is used first holds.
#[derive(Debug)]
pub struct Alloc<A = System> {
    inner: A,
    settings: Settings,
    serves_units: bool,
}

/// A layout in the order in which the methods get its parts. Functions that the fast path leads to get it
/// first, and the allocator behind it: moving registers costs as much as counting.
#[derive(Clone, Copy)]
struct Parts {
    size: usize,
    align: usize,
}

impl Parts {
    #[inline(always)]
    fn of(layout: Layout) -> Self {
        Self { size: layout.size(), align: layout.align() }
    }

    #[inline(always)]
    fn layout(self) -> Layout {
        // SAFETY: these are the parts of a layout, since there is no other way to make them.
        unsafe { Layout::from_size_align_unchecked(self.size, self.align) }
    }
}

/// Blocks of at least this many bytes are not counted when the system's allocator has no memory for them.
/// Smaller blocks of the fast path are, since they are counted before they are asked for, and nothing is done
/// after that: a program in which they fail seldom runs until it asks for its counts.
const LEAST_CHECKED: usize = 4096;

#[inline(always)]
fn count_free(size: usize) {
    if !thread::current().try_count_free(size) {
        recorder::count_free_slowly(size);
    }
}

impl<A: 'static> Alloc<A> {
    /// Whether the inner allocator puts every block of at least [`UNIT`] bytes at a multiple of it. Known
    /// when it is compiled, because the allocator is a constant.
    #[inline(always)]
    fn serves_units(&self) -> bool {
        TypeId::of::<A>() == TypeId::of::<System>() || self.serves_units
    }

    /// The layout in which the inner allocator is asked for an unsampled block; `None` when it would be too
    /// large.
    #[inline(always)]
    fn plain(&self, layout: Layout) -> Option<Layout> {
        if layout.align() >= UNIT {
            return Some(layout);
        }
        let align = if self.serves_units() { UNIT } else { layout.align() };
        // At least as large as aligned: allocators treat that as an ordinary request.
        Layout::from_size_align(layout.size().max(UNIT), align).ok()
    }

    /// [`Self::plain`] for a block that was, or is small enough to be, allocated.
    ///
    /// # Safety
    /// The size fits `isize` when it is rounded up to [`UNIT`].
    #[inline(always)]
    unsafe fn plain_unchecked(&self, layout: Layout) -> Layout {
        if layout.align() >= UNIT {
            return layout;
        }
        let align = if self.serves_units() { UNIT } else { layout.align() };
        // SAFETY: both alignments are powers of two, and the caller promises that the size fits.
        unsafe { Layout::from_size_align_unchecked(layout.size().max(UNIT), align) }
    }

    /// Whether unmarked blocks may be resized by the inner allocator, which may put them where only marked
    /// ones may lie.
    #[inline(always)]
    fn may_resize_unmarked(&self) -> bool {
        self.serves_units() || odd::has_room()
    }

    /// Whether a block from [`Self::plain`] lies where only marked blocks may.
    #[inline(always)]
    fn is_odd(&self, block: *mut u8, layout: Layout) -> bool {
        !self.serves_units() && layout.align() < UNIT && mark::shows(block)
    }
}

// Each block is asked for with a layout at least as large and as strictly aligned as the program's. `plain`
// and `Mark::layout` are functions of the program's layout and of the block's mark, which the block keeps all
// its life. SAFETY: every block is the inner allocator's, resized and given back with the layout it was asked
// for with, and handed out where the program has its size and its alignment: behind the mark in a 16-aligned
// block with space for both when the alignment is at most 8, and otherwise at its start. Nothing here panics
// or unwinds.
unsafe impl<A: GlobalAlloc + 'static> GlobalAlloc for Alloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise about `layout` (its size is not 0) holds for the larger layouts as
        // well.
        self.allocate(layout, |layout| unsafe { self.inner.alloc(layout) })
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as for `alloc`.
        self.allocate(layout, |layout| unsafe { self.inner.alloc_zeroed(layout) })
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // Three ways out instead of one: joined, the conditions cost more instructions than they save.
        if layout.align() >= UNIT {
            cold_path();
            // SAFETY: the caller's promises are passed on.
            return unsafe { Self::dealloc_aligned(block, Parts::of(layout), self) };
        }
        if mark::shows(block) {
            // SAFETY: the caller's promises are passed on, and the address shows a mark.
            return unsafe { Self::dealloc_marked(block, Parts::of(layout), self) };
        }
        if !thread::current().try_count_free(layout.size()) {
            // SAFETY: the caller's promises are passed on.
            return unsafe { Self::dealloc_slowly(block, Parts::of(layout), self) };
        }
        // SAFETY: an unmarked block was asked for with this layout.
        unsafe { self.inner.dealloc(block, self.plain_unchecked(layout)) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if layout.align() < UNIT
            && !mark::shows(block)
            && self.may_resize_unmarked()
            && thread::current().has_countdown(new_size)
        {
            // SAFETY: an unmarked block was asked for with this layout; the new size is not 0, as the
            // caller promises, and rounded up to the alignment fits isize, because a countdown can hold it.
            let moved =
                unsafe { self.inner.realloc(block, self.plain_unchecked(layout), new_size.max(UNIT)) };
            if moved.is_null() {
                return moved;
            }
            count_free(layout.size());
            thread::current().count_alloc(new_size);
            if self.is_odd(moved, layout) {
                // SAFETY: the block is the inner allocator's, and resized.
                return unsafe { self.resettle(moved, layout, new_size) };
            }
            return moved;
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { self.realloc_slowly(block, layout, new_size) }
    }
}

impl<A: GlobalAlloc + 'static> Alloc<A> {
    #[inline(always)]
    fn allocate(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let size = layout.size();
        // Two functions for two conditions: joined, they would cost more instructions.
        if self.serves_units() && size.wrapping_sub(UNIT) >= LEAST_CHECKED - UNIT || size < UNIT {
            cold_path();
            return Self::allocate_sized(Parts::of(layout), self, inner);
        }
        if layout.align() >= UNIT {
            cold_path();
            return Self::allocate_aligned(Parts::of(layout), self, inner);
        }
        if self.serves_units() {
            self.allocate_unchecked(layout, inner)
        } else {
            self.allocate_counted(layout, inner)
        }
    }

    /// Counts a block, unless it is to be sampled, and asks for it. That is the last thing that is done, so
    /// that it need not return here, which would cost as much as all that was done before. That it may be
    /// null is the price; see [`LEAST_CHECKED`].
    #[inline(always)]
    fn allocate_unchecked(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        if !thread::current().try_count_alloc(layout.size()) {
            return Self::allocate_slowly(Parts::of(layout), self, inner);
        }
        // SAFETY: the size is far from isize::MAX.
        inner(unsafe { self.plain_unchecked(layout) })
    }

    /// [`Self::allocate`] for a block that is smaller than a unit, or so large that there may be no memory
    /// for it.
    #[inline(never)]
    fn allocate_sized(parts: Parts, this: &Self, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        if this.serves_units() && parts.size < UNIT && parts.align < UNIT {
            return this.allocate_unchecked(parts.layout(), inner);
        }
        this.allocate_counted(parts.layout(), inner)
    }

    /// [`Self::allocate`] for a block that is aligned to a unit or more. Out of line, because the inner
    /// allocator's handling of alignments cannot be decided there when it is compiled.
    #[inline(never)]
    fn allocate_aligned(parts: Parts, this: &Self, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        this.allocate_counted(parts.layout(), inner)
    }

    /// Counts a block and asks for it, unless it is to be sampled.
    #[inline(always)]
    fn allocate_counted(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        if !thread::current().try_count_alloc(layout.size()) {
            return Self::allocate_slowly(Parts::of(layout), self, inner);
        }
        // SAFETY: a size near isize::MAX is beyond every countdown.
        let mut block = inner(unsafe { self.plain_unchecked(layout) });
        if self.is_odd(block, layout) {
            // SAFETY: the block was just asked for with this layout.
            block = unsafe { self.settle(block, layout, inner) };
        }
        if block.is_null() {
            thread::uncount_alloc(layout.size());
        }
        block
    }

    #[cold]
    #[inline(never)]
    fn allocate_slowly(parts: Parts, this: &Self, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let (size, layout) = (parts.size, parts.layout());
        own_frames::look_at(size);
        if hard_limit::forbids(size) {
            return ptr::null_mut();
        }
        if thread::current().refill(size, in_force::interval_bytes()) {
            return this.allocate_counted(layout, inner);
        }
        if layout.align() < UNIT
            && let Some(exact) = Exact::begin(size)
        {
            return this.allocate_exactly(size, &exact, inner);
        }
        this.allocate_deciding(layout, inner)
    }

    /// Allocates a block that may be sampled.
    #[inline(never)]
    fn allocate_deciding(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let size = layout.size();
        // What came before may have ended with the call of this function, and is on no stack then.
        own_frames::look_at(size);
        let decision = recorder::decide(size, self.settings);
        if !decision.is_sampled() || layout.align() >= UNIT {
            return self.allocate_unmarked(layout, inner, &decision);
        }
        let mark = decision.mark(size);
        let Some(asked) = mark.layout(size) else { return ptr::null_mut() };
        let base = inner(asked);
        if base.is_null() {
            return base;
        }
        // SAFETY: a fresh block that was asked for with space for the mark.
        let block = unsafe { mark.write(base) };
        decision.count_sampled(block, size, mark);
        block
    }

    /// Allocates a block in exact mode: the same as for any sampled one, without what need not be asked
    /// there.
    #[inline(always)]
    fn allocate_exactly(&self, size: usize, exact: &Exact, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let mark = exact.mark();
        let Some(asked) = mark.layout(size) else { return ptr::null_mut() };
        let base = inner(asked);
        if base.is_null() {
            return base;
        }
        // SAFETY: a fresh block that was asked for with space for the mark.
        let block = unsafe { mark.write(base) };
        exact.count(block, size, mark);
        block
    }

    /// Allocates a block that is not sampled, or keeps its address nevertheless.
    #[inline(never)]
    fn allocate_unmarked(
        &self,
        layout: Layout,
        inner: impl Fn(Layout) -> *mut u8,
        decision: &SampleDecision,
    ) -> *mut u8 {
        own_frames::look_at(layout.size());
        let block = self.ask_for_unmarked(layout, inner);
        if block.is_null() {
            return block;
        }
        if decision.is_sampled() {
            record_aligned(block, layout.size(), decision);
        } else {
            decision.count(layout.size());
        }
        block
    }

    /// A block that says of itself that it is not sampled, not counted yet.
    fn ask_for_unmarked(&self, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        let block = self.plain(layout).map_or(ptr::null_mut(), &inner);
        if self.is_odd(block, layout) {
            // SAFETY: the block was just asked for with this layout.
            return unsafe { self.settle(block, layout, inner) };
        }
        block
    }

    /// Replaces a fresh block that lies where only marked ones may.
    ///
    /// # Safety
    /// The block was asked for as [`Self::plain`] says, and nobody uses it.
    #[cold]
    #[inline(never)]
    unsafe fn settle(&self, block: *mut u8, layout: Layout, inner: impl Fn(Layout) -> *mut u8) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(block, self.plain_unchecked(layout)) };
        let base = Mark::NOTHING.layout(layout.size()).map_or(ptr::null_mut(), inner);
        // SAFETY: a fresh block that was asked for with space for the mark.
        if base.is_null() { base } else { unsafe { Mark::NOTHING.write(base) } }
    }
}

/// Counts a sampled block, and records the caller's stack for it, that is found again by its address.
fn record_aligned(block: *mut u8, size: usize, decision: &SampleDecision) {
    let mark = keep_aligned(block, size, decision.mark(size), decision);
    decision.count_sampled(block, size, mark);
}

/// Keeps the mark of a block that is found by its address. What is returned is that mark, or none if it
/// cannot be kept.
fn keep_aligned(block: *mut u8, size: usize, mark: Mark, decision: &SampleDecision) -> Mark {
    if mark.cohort.is_none() || NonNull::new(block).is_some_and(|block| aligned::insert(block, mark)) {
        return mark;
    }
    decision.note_dropped(size);
    Mark::NOTHING
}
