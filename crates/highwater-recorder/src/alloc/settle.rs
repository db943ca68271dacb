//! Moves a block that was resized to where an unmarked block may lie.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use super::Alloc;
use crate::mark::Mark;
use crate::odd;

impl<A: GlobalAlloc + 'static> Alloc<A> {
    /// Where a block that was resized is to lie without a mark.
    ///
    /// # Safety
    /// As for [`Self::resettle`].
    #[inline(always)]
    pub(super) unsafe fn settle_resized(&self, moved: *mut u8, old: Layout, new_size: usize) -> *mut u8 {
        if self.is_odd(moved, old) {
            // SAFETY: the caller's promises.
            return unsafe { self.resettle(moved, old, new_size) };
        }
        moved
    }

    /// Moves a block that was resized to where only marked ones may lie.
    ///
    /// # Safety
    /// The block was asked for as [`Self::plain`] says of `old` and resized; it is the program's.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn resettle(&self, block: *mut u8, old: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the size is not 0, as the caller of `realloc` promised.
        let base =
            Mark::NOTHING.layout(new_size).map_or(ptr::null_mut(), |it| unsafe { self.inner.alloc(it) });
        if base.is_null() {
            if !odd::insert(block) {
                // There was a place a moment ago, and hundreds of threads that fail at once in between are no
                // program that could go on. The block can neither be given to the program nor back.
                std::process::abort();
            }
            return block;
        }
        // SAFETY: the new block has space for the mark and for as many bytes as the old one, which was asked
        // for with this layout and resized.
        unsafe {
            let moved = Mark::NOTHING.write(base);
            moved.copy_from_nonoverlapping(block, old.size().min(new_size));
            let resized = Layout::from_size_align_unchecked(new_size, old.align());
            self.inner.dealloc(block, self.plain_unchecked(resized));
            moved
        }
    }
}
