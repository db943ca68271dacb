//! Reallocation off the fast path: for what the block was and what it will be.
//!
//! A reallocation counts as a free of the old block and an allocation of the new one, and may be sampled as
//! such. But it ends no lifetime: the lifetime of a sampled block that is sampled again goes on (see
//! [`SampleDecision::mark_of_resized`]), and one that is not sampled again leaves its site without an end.
//!
//! Whether a block moves is the inner allocator's choice, and what the program would have seen without a
//! recorder. So a block that gets a mark, or loses it, is resized like any other, and what is in it is
//! shifted by the length of the mark.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{self, NonNull};

use super::{Alloc, keep_aligned};
use crate::history::Resized;
use crate::mark::{self, Mark, UNIT};
use crate::recorder::{self, SampleDecision};
use crate::{aligned, hard_limit, odd, own_frames, tell};

/// Whether a block with an alignment below [`UNIT`] has a mark in front of it. Must not be asked after it was
/// given back.
fn is_marked(block: *mut u8) -> bool {
    mark::shows(block) && !odd::contains(block)
}

/// A way of resizing a block that is given the new size.
// SAFETY: a type alone. A caller of such a function has to keep the promises of `GlobalAlloc::realloc`.
type ToSize<A> = unsafe fn(&A, *mut u8, Layout, usize, &SampleDecision) -> *mut u8;

/// A way of resizing a block that is given the new layout.
// SAFETY: a type alone, as above.
type ToLayout<A> = unsafe fn(&A, *mut u8, Layout, Layout, &SampleDecision) -> *mut u8;

impl<A: GlobalAlloc + 'static> Alloc<A> {
    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn realloc_slowly(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        own_frames::look_at(new_size);
        // Those that a call here may end with: then they are on the stack of a sample, and this function is
        // not.
        own_frames::add_where_asked(new_size, || {
            // SAFETY: the functions are not called here, only their addresses are taken.
            let ways: [ToSize<Self>; 3] =
                [Self::realloc_aligned, Self::realloc_marked, Self::realloc_marking];
            let others: [ToLayout<Self>; 2] = [Self::realloc_and_replace, Self::realloc_by_copying];
            let [aligned, marked, marking] = ways.map(|it| it as usize);
            let [replaced, copied] = others.map(|it| it as usize);
            [aligned, marked, marking, replaced, copied]
        });
        if new_size > layout.size() && hard_limit::forbids(new_size - layout.size()) {
            return ptr::null_mut();
        }
        let decision = recorder::decide(new_size, self.settings);
        let Ok(new_layout) = Layout::from_size_align(new_size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: the caller's promises are passed on in either way.
        unsafe {
            if layout.align() >= UNIT {
                return self.realloc_aligned(block, layout, new_size, &decision);
            }
            match (is_marked(block), decision.is_sampled()) {
                (true, true) => self.realloc_marked(block, layout, new_size, &decision),
                (true, false) if self.serves_units() => {
                    self.realloc_unmarking(block, layout, new_layout, &decision)
                }
                (false, true) if self.serves_units() => {
                    self.realloc_marking(block, layout, new_size, &decision)
                }
                (false, false) if !mark::shows(block) && self.may_resize_unmarked() => {
                    self.realloc_unmarked(block, layout, new_layout, &decision)
                }
                (false, true) if !mark::shows(block) && self.may_resize_unmarked() => {
                    self.realloc_and_replace(block, layout, new_layout, &decision)
                }
                _ => self.realloc_by_copying(block, layout, new_layout, &decision),
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
        decision: &SampleDecision,
    ) -> *mut u8 {
        let old_size = layout.size();
        // SAFETY: the caller promises a marked block.
        let (base, old) = unsafe { Mark::read(block) };
        let new = decision.mark_of_resized(new_size, old);
        let (Some(asked), Some(wanted)) = (old.layout(old_size), new.layout(new_size)) else {
            return ptr::null_mut();
        };
        tell::free(block, old);
        // SAFETY: this is how the block was asked for.
        let moved = unsafe { self.inner.realloc(base, asked, wanted.size()) };
        if moved.is_null() {
            tell::kept(block, old_size, old);
            return moved;
        }
        recorder::remove_resized(old_size, old);
        // SAFETY: the moved block has space for the mark, which is as long as the old one.
        let resized = unsafe { new.write(moved) };
        decision.count_resized(resized, new, Resized { old_size, new_size, has_moved: moved != base });
        resized
    }

    /// Resizes an unmarked block that is sampled now, with an inner allocator that puts every block at a
    /// multiple of [`UNIT`].
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`; the block is unmarked.
    unsafe fn realloc_marking(
        &self,
        block: *mut u8,
        layout: Layout,
        new_size: usize,
        decision: &SampleDecision,
    ) -> *mut u8 {
        let old_size = layout.size();
        let new = decision.mark(new_size);
        let Some(wanted) = new.layout(new_size) else { return ptr::null_mut() };
        // SAFETY: the caller promises an unmarked block. It has the alignment that marked ones have.
        let moved = unsafe { self.resize_plain(block, layout, wanted.size()) };
        if moved.is_null() {
            return moved;
        }
        // SAFETY: the block has space for the mark and the new size behind it. What the program keeps is not
        // more than that, and the mark is written when it is out of the way.
        let resized = unsafe {
            moved.add(new.bytes()).copy_from(moved, old_size.min(new_size));
            new.write(moved)
        };
        recorder::count_free_of_resized(old_size);
        decision.count_resized(resized, new, Resized { old_size, new_size, has_moved: moved != block });
        resized
    }

    /// Resizes a marked block that is not sampled again, with an inner allocator that puts every block at a
    /// multiple of [`UNIT`].
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`; the block is marked.
    unsafe fn realloc_unmarking(
        &self,
        block: *mut u8,
        layout: Layout,
        new_layout: Layout,
        decision: &SampleDecision,
    ) -> *mut u8 {
        let (old_size, new_size) = (layout.size(), new_layout.size());
        // SAFETY: the caller promises a marked block.
        let (base, old) = unsafe { Mark::read(block) };
        let (Some(asked), Some(wanted)) = (old.layout(old_size), self.plain(new_layout)) else {
            return ptr::null_mut();
        };
        tell::free(block, old);
        let kept = old_size.min(new_size);
        // SAFETY: the kept bytes begin behind the mark, and there is as much space in front of them as that.
        // This is how the block was asked for, and the alignments of marked and unmarked ones are the same
        // here.
        let moved = unsafe {
            base.copy_from(block, kept);
            self.inner.realloc(base, asked, wanted.size())
        };
        if moved.is_null() {
            // SAFETY: the block is still there. Only its kept bytes were shifted, and they go back to where
            // they were: what is behind them was not written to.
            unsafe {
                block.copy_from(base, kept);
                old.write(base);
            }
            tell::kept(block, old_size, old);
            return moved;
        }
        recorder::remove_resized(old_size, old);
        decision.count(new_size);
        moved
    }

    /// Resizes an unmarked block that is sampled now, with an inner allocator that may put blocks anywhere:
    /// as it would be resized without a recorder, which shows whether it moves; and then its place is taken
    /// by a block with a mark.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`; the block is unmarked.
    unsafe fn realloc_and_replace(
        &self,
        block: *mut u8,
        layout: Layout,
        new_layout: Layout,
        decision: &SampleDecision,
    ) -> *mut u8 {
        let (old_size, new_size) = (layout.size(), new_layout.size());
        let Some(wanted) = self.plain(new_layout) else { return ptr::null_mut() };
        // SAFETY: the caller promises an unmarked block.
        let moved = unsafe { self.resize_plain(block, layout, wanted.size()) };
        if moved.is_null() {
            return moved;
        }
        let new = decision.mark(new_size);
        // SAFETY: the size is not 0.
        let base = new.layout(new_size).map_or(ptr::null_mut(), |it| unsafe { self.inner.alloc(it) });
        recorder::count_free_of_resized(old_size);
        if base.is_null() {
            decision.note_dropped(new_size);
            decision.count(new_size);
            // SAFETY: the block is the inner allocator's, and resized.
            return unsafe { self.settle_resized(moved, layout, new_size) };
        }
        // SAFETY: the fresh block has space for the mark and the new size behind it. The other one was asked
        // for with this layout, and nobody but this function has it.
        let resized = unsafe {
            let resized = new.write(base);
            resized.copy_from_nonoverlapping(moved, old_size.min(new_size));
            self.inner.dealloc(moved, self.plain_unchecked(new_layout));
            resized
        };
        decision.count_resized(resized, new, Resized { old_size, new_size, has_moved: moved != block });
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
        decision: &SampleDecision,
    ) -> *mut u8 {
        let Some(new) = self.plain(new_layout) else { return ptr::null_mut() };
        // SAFETY: the caller promises an unmarked block.
        let moved = unsafe { self.resize_plain(block, layout, new.size()) };
        if moved.is_null() {
            return moved;
        }
        recorder::count_free_of_resized(layout.size());
        decision.count(new_layout.size());
        // SAFETY: the block is the inner allocator's, and resized.
        unsafe { self.settle_resized(moved, layout, new_layout.size()) }
    }

    /// Resizes a block that cannot be left to the inner allocator: it loses its mark, and the place that the
    /// inner allocator has for it may be one for marked ones only. Or it lies at such a place already.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    unsafe fn realloc_by_copying(
        &self,
        block: *mut u8,
        layout: Layout,
        new_layout: Layout,
        decision: &SampleDecision,
    ) -> *mut u8 {
        let (old_size, new_size) = (layout.size(), new_layout.size());
        // SAFETY: the size is not 0.
        let inner = |layout| unsafe { self.inner.alloc(layout) };
        let mark = if decision.is_sampled() { Some(decision.mark(new_size)) } else { None };
        let moved = match mark {
            None => self.ask_for_unmarked(new_layout, inner),
            Some(mark) => {
                let base = mark.layout(new_size).map_or(ptr::null_mut(), inner);
                // SAFETY: a fresh block that was asked for with space for the mark.
                if base.is_null() { base } else { unsafe { mark.write(base) } }
            }
        };
        if moved.is_null() {
            return moved;
        }
        // SAFETY: both blocks have at least that many bytes, and the new one is fresh. The old one is given
        // back as it was asked for.
        unsafe {
            moved.copy_from_nonoverlapping(block, old_size.min(new_size));
            self.give_back_resized(block, layout);
        }
        match mark {
            None => decision.count(new_size),
            Some(mark) => {
                decision.count_resized(moved, mark, Resized { old_size, new_size, has_moved: true });
            }
        }
        moved
    }

    /// Gives back a block with an alignment below [`UNIT`] whose content goes on in another.
    ///
    /// # Safety
    /// As for `GlobalAlloc::dealloc`.
    unsafe fn give_back_resized(&self, block: *mut u8, layout: Layout) {
        let was_odd = !self.serves_units() && odd::remove(block);
        if mark::shows(block) && !was_odd {
            // SAFETY: the caller promises a block of this allocator, and it is no unmarked one; this is how
            // it was asked for.
            unsafe {
                let (base, mark) = Mark::read(block);
                tell::free(block, mark);
                recorder::remove_resized(layout.size(), mark);
                self.inner.dealloc(base, mark.layout_unchecked(layout.size()));
            }
            return;
        }
        recorder::count_free_of_resized(layout.size());
        // SAFETY: an unmarked block was asked for with this layout.
        unsafe { self.inner.dealloc(block, self.plain_unchecked(layout)) };
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
        decision: &SampleDecision,
    ) -> *mut u8 {
        // Out before the call: once the inner allocator has moved the block its address may be another's.
        let old = NonNull::new(block).and_then(aligned::remove).unwrap_or(Mark::NOTHING);
        tell::free(block, old);
        // SAFETY: the caller's promises are passed on.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if moved.is_null() {
            if let (Some(_), Some(block)) = (old.cohort, NonNull::new(block)) {
                aligned::insert(block, old);
            }
            tell::kept(block, layout.size(), old);
            return moved;
        }
        let old_size = layout.size();
        recorder::remove_resized(old_size, old);
        if !decision.is_sampled() {
            decision.count(new_size);
            return moved;
        }
        let mark = match old.cohort {
            Some(_) => decision.mark_of_resized(new_size, old),
            None => decision.mark(new_size),
        };
        let mark = keep_aligned(moved, new_size, mark, decision);
        decision.count_resized(moved, mark, Resized { old_size, new_size, has_moved: moved != block });
        moved
    }

    /// Has the inner allocator resize an unmarked block, with whatever that moves.
    ///
    /// # Safety
    /// As for `GlobalAlloc::realloc`; the block is unmarked.
    #[inline(always)]
    unsafe fn resize_plain(&self, block: *mut u8, layout: Layout, new_bytes: usize) -> *mut u8 {
        // SAFETY: an unmarked block was asked for as `plain` says; the rest is the caller's promise.
        unsafe { self.inner.realloc(block, self.plain_unchecked(layout), new_bytes) }
    }
}
