//! Reallocation in the malloc family off the fast path. A reallocation counts as in [`crate::alloc`]: as a
//! free and an allocation that end no life.

use super::sampled::with_reserve;
use super::{Family, Inner, is_foreign, is_looked_at, tail};
use crate::config::Settings;
use crate::history::Resized;
use crate::mark::Mark;
use crate::recorder;
use crate::tell;
use crate::way::{EXACT, way};

impl<A: Inner> Family<A> {
    /// `realloc` of a block that may have a mark, or may get one.
    ///
    /// # Safety
    /// As for [`Self::realloc`]; the block is not null.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn realloc_looking(block: *mut u8, bytes: usize) -> *mut u8 {
        if bytes == 0 {
            // SAFETY: the caller's promise.
            return unsafe { Self::realloc_to_nothing(block) };
        }
        // SAFETY: the caller's promise.
        let usable = unsafe { A::usable_bytes(block) };
        // Out before the call: once the block has moved its address may be another's, and its mark must not
        // pass for one where it lay. SAFETY: the caller's promise.
        let found = unsafe { tail::take_if(is_looked_at(block, usable), block, usable) };
        let before = Before {
            // SAFETY: the caller's promise.
            size: found.as_ref().map_or_else(|| unsafe { Self::counted_bytes(block) }, |it| it.bytes),
            mark: found.as_ref().map_or(Mark::NOTHING, |it| it.mark),
            is_counted: found.is_some() || !is_foreign(),
        };
        tell::free(block, before.mark);
        let is_exact = way() == EXACT;
        let verdict = is_exact.then(|| recorder::decide(bytes, Settings::DEFAULT));
        let mark = verdict.as_ref().map(|it| match before.mark.cohort {
            _ if !it.is_sampled() => Mark::NOTHING,
            Some(_) => it.mark_of_resized(bytes, before.mark),
            None => it.mark(bytes),
        });
        let asked = mark.map_or_else(|| with_reserve(bytes), |mark| bytes.saturating_add(tail::bytes(mark)));
        // SAFETY: the caller's promise.
        let moved = unsafe { A::realloc(block, asked) };
        if moved.is_null() {
            if let Some(found) = found {
                // SAFETY: the block is still there, with the mark's space behind it.
                unsafe { tail::write(block, usable, found.mark, found.bytes) };
            }
            tell::kept(block, before.size, before.mark);
            return moved;
        }
        let has_moved = moved != block;
        let (Some(verdict), Some(mark)) = (verdict, mark) else {
            // SAFETY: the block was just resized.
            return unsafe { Self::settle_counting(moved, bytes, before, has_moved) };
        };
        // SAFETY: the block was just resized to have space for the mark.
        unsafe { tail::write(moved, A::usable_bytes(moved), mark, bytes) };
        before.count_away();
        let resized = Resized { old_size: before.size, new_size: bytes, has_moved };
        verdict.count_resized(moved, mark, resized);
        moved
    }

    /// `realloc` to 0 bytes, which frees the block, and returns null or another one as the C library likes.
    ///
    /// # Safety
    /// As for [`Self::realloc`]; the block is not null.
    unsafe fn realloc_to_nothing(block: *mut u8) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            Self::count_end(block);
            let rest = A::realloc(block, 0);
            if rest.is_null() {
                return rest;
            }
            // One that is counted in its place.
            A::free(rest);
            Self::malloc(0)
        }
    }

    /// Counts a block that was resized on the fast path, where the thread looks around or the block may be
    /// sampled.
    ///
    /// # Safety
    /// The block was just resized, as [`with_reserve`] says, for `bytes` bytes of the program's.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn settle_resized(
        block: *mut u8,
        bytes: usize,
        before: usize,
        has_moved: bool,
    ) -> *mut u8 {
        let before = Before { size: before, mark: Mark::NOTHING, is_counted: true };
        // SAFETY: the caller's promise.
        unsafe { Self::settle_counting(block, bytes, before, has_moved) }
    }

    /// Counts a block that was resized, and decides whether it is sampled.
    ///
    /// # Safety
    /// As for [`Self::settle_resized`].
    unsafe fn settle_counting(block: *mut u8, bytes: usize, before: Before, has_moved: bool) -> *mut u8 {
        // SAFETY: the block was just resized.
        let size = unsafe { Self::counted_bytes(block) };
        let verdict = recorder::decide(size, Settings::DEFAULT);
        before.count_away();
        if !verdict.is_sampled() {
            verdict.count(size);
            return block;
        }
        let mark = match before.mark.cohort {
            Some(_) => verdict.mark_of_resized(size, before.mark),
            None => verdict.mark(size),
        };
        // SAFETY: the caller's promise.
        let (placed, mark) = unsafe { Self::place(block, bytes, 1, size, mark, &verdict) };
        verdict.count_resized(placed, mark, Resized { old_size: before.size, new_size: size, has_moved });
        placed
    }
}

/// What a block was before it was resized.
struct Before {
    size: usize,
    mark: Mark,
    is_counted: bool,
}

impl Before {
    /// Counts it as freed, and takes it out of its cohort. To be followed by counting it in its new size.
    fn count_away(&self) {
        if self.is_counted {
            recorder::remove_resized(self.size, self.mark);
        }
    }
}
