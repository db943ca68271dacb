//! Reallocation off the fast path: six ways, for what the block was and what it will be.
//!
//! A reallocation counts as a free of the old block and an allocation of the new one, and may be sampled as such. But the
//! life of a sampled block that is sampled again goes on; see [`Verdict::mark_of_resized`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use super::{Alloc, count_free, record_aligned};
use crate::mark::{self, Mark, UNIT};
use crate::recorder::{self, Verdict};
use crate::site::Resized;
use crate::{aligned, hard_limit, odd, own_frames, thread};

/// Whether a block with an alignment below [`UNIT`] has a mark in front of it. Must not be asked after it was given back.
fn is_marked(block: *mut u8) -> bool {
    mark::shows(block) && !odd::contains(block)
}

impl<A: GlobalAlloc + 'static> Alloc<A> {
    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn realloc_slowly(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if own_frames::is_asked(new_size)
            || (new_size > layout.size() && hard_limit::forbids(new_size - layout.size()))
        {
            return ptr::null_mut();
        }
        let verdict = recorder::decide(new_size, self.settings);
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: the caller's promises are passed on, whichever way is taken.
        unsafe {
            if layout.align() >= UNIT {
                return self.realloc_aligned(block, layout, new_size, &verdict);
            }
            match (is_marked(block), verdict.is_sampled()) {
                (true, true) => self.realloc_marked(block, layout, new_size, &verdict),
                (false, false) if !mark::shows(block) && self.may_resize_unmarked() => {
                    self.realloc_unmarked(block, layout, new_layout, &verdict)
                }
                _ => self.realloc_by_copying(block, layout, new_layout, &verdict),
            }
        }
    }

    /// Resizes a marked block that is sampled again, where it lies if possible.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`; the block is marked.
    unsafe fn realloc_marked(
        &self,
        block: *mut u8,
        layout: Layout,
        new_size: usize,
        verdict: &Verdict,
    ) -> *mut u8 {
        let old_size = layout.size();
        // SAFETY: the caller promises a marked block.
        let (base, old) = unsafe { Mark::read(block) };
        let new = verdict.mark_of_resized(new_size, old);
        let (Some(asked), Some(wanted)) = (old.layout(old_size), new.layout(new_size)) else {
            return ptr::null_mut();
        };
        recorder::tell_free(block, old);
        // SAFETY: this is how the block was asked for.
        let moved = unsafe { self.inner.realloc(base, asked, wanted.size()) };
        if moved.is_null() {
            if let Some(cohort) = old.cohort {
                recorder::tell_alloc(block, old_size, cohort);
            }
            return moved;
        }
        recorder::remove_sampled(old_size, old);
        count_free(old_size);
        // SAFETY: the moved block has room for the mark, which is as long as the old one.
        let resized = unsafe { new.write(moved) };
        verdict.count_resized(resized, new, Resized { old_size, new_size, has_moved: moved != base });
        resized
    }

    /// Resizes a block that was and will not be marked.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    unsafe fn realloc_unmarked(
        &self,
        block: *mut u8,
        layout: Layout,
        new_layout: Layout,
        verdict: &Verdict,
    ) -> *mut u8 {
        let Some(new) = self.plain(new_layout) else { return ptr::null_mut() };
        // SAFETY: an unmarked block was asked for as `plain` says.
        let moved = unsafe { self.inner.realloc(block, self.plain_unchecked(layout), new.size()) };
        if self.is_odd(moved, layout) {
            // SAFETY: the block is the inner allocator's, and resized. It counts as any other.
            return unsafe { self.resettle(moved, layout, new_layout.size()) };
        }
        if !moved.is_null() {
            count_free(layout.size());
            verdict.count(new_layout.size());
        }
        moved
    }

    /// Resizes a block that is marked and will not be, or the other way round, or that must not be left to the inner
    /// allocator.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    unsafe fn realloc_by_copying(
        &self,
        block: *mut u8,
        layout: Layout,
        new_layout: Layout,
        verdict: &Verdict,
    ) -> *mut u8 {
        let (old_size, new_size) = (layout.size(), new_layout.size());
        // SAFETY: the size is not 0.
        let inner = |layout| unsafe { self.inner.alloc(layout) };
        let mark = if verdict.is_sampled() { Some(verdict.mark(new_size)) } else { None };
        let moved = match mark {
            None => self.ask_for_unmarked(new_layout, inner),
            Some(mark) => {
                let base = mark.layout(new_size).map_or(ptr::null_mut(), inner);
                // SAFETY: a fresh block that was asked for with room for the mark.
                if base.is_null() { base } else { unsafe { mark.write(base) } }
            }
        };
        if moved.is_null() {
            return moved;
        }
        // SAFETY: both blocks have at least that many bytes, and the new one is fresh. The old one is given back as the
        // program would have.
        unsafe {
            moved.copy_from_nonoverlapping(block, old_size.min(new_size));
            self.dealloc(block, layout);
        }
        match mark {
            None => verdict.count(new_size),
            Some(mark) => {
                verdict.count_resized(moved, mark, Resized { old_size, new_size, has_moved: true });
            }
        }
        moved
    }

    /// Resizes a block that keeps its address, and whose mark, if any, is found by it.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`; the alignment is at least [`UNIT`].
    unsafe fn realloc_aligned(
        &self,
        block: *mut u8,
        layout: Layout,
        new_size: usize,
        verdict: &Verdict,
    ) -> *mut u8 {
        // Out before the call: once the inner allocator has moved the block its address may be another's.
        let old = NonNull::new(block).and_then(aligned::remove).unwrap_or(Mark::NOTHING);
        recorder::tell_free(block, old);
        // SAFETY: the caller's promises are passed on.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if moved.is_null() {
            if let (Some(cohort), Some(block)) = (old.cohort, NonNull::new(block)) {
                aligned::insert(block, old);
                recorder::tell_alloc(block.as_ptr(), layout.size(), cohort);
            }
            return moved;
        }
        recorder::remove_sampled(layout.size(), old);
        count_free(layout.size());
        if verdict.is_sampled() {
            record_aligned(moved, new_size, verdict);
        } else {
            verdict.count(new_size);
        }
        moved
    }

    /// Moves a block that was resized to where only marked ones may lie, and counts it.
    ///
    /// # Safety
    /// The block was asked for as [`Self::plain`] says of `old` and resized; it is the program's.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn resettle(&self, block: *mut u8, old: Layout, new_size: usize) -> *mut u8 {
        count_free(old.size());
        thread::current().count_alloc(new_size);
        // SAFETY: the size is not 0, as the caller of `realloc` promised.
        let base =
            Mark::NOTHING.layout(new_size).map_or(ptr::null_mut(), |it| unsafe { self.inner.alloc(it) });
        if base.is_null() {
            if !odd::insert(block) {
                // There was room a moment ago, and hundreds of threads that fail at once in between are no program that
                // could go on. The block can neither be given to the program nor back.
                std::process::abort();
            }
            return block;
        }
        // SAFETY: the new block has room for the mark and for as many bytes as the old one, which was asked for with this
        // layout and resized.
        unsafe {
            let moved = Mark::NOTHING.write(base);
            moved.copy_from_nonoverlapping(block, old.size().min(new_size));
            let resized = Layout::from_size_align_unchecked(new_size, old.align());
            self.inner.dealloc(block, self.plain_unchecked(resized));
            moved
        }
    }
}
