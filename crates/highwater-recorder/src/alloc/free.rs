//! Frees off the fast path: blocks with a mark, blocks that keep theirs elsewhere, and those at which a
//! thread looks around.

use core::alloc::GlobalAlloc;
use core::ptr::NonNull;

use super::{Alloc, Parts, count_free};
use crate::mark::Mark;
use crate::{aligned, odd, recorder};

impl<A: GlobalAlloc + 'static> Alloc<A> {
    /// Frees a block that shows a mark.
    ///
    /// # Safety
    /// As for `GlobalAlloc::dealloc`.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn dealloc_marked(block: *mut u8, parts: Parts, this: &Self) {
        let layout = parts.layout();
        if !this.serves_units() && odd::remove(block) {
            // SAFETY: the caller's promises are passed on.
            return unsafe { Self::dealloc_slowly(block, parts, this) };
        }
        // SAFETY: the caller promises a block of this allocator, and it is no unmarked one.
        let (base, mark) = unsafe { Mark::read(block) };
        recorder::count_end(block, layout.size(), mark);
        count_free(layout.size());
        // SAFETY: this is how the block was asked for, and so it is not too large.
        unsafe { this.inner.dealloc(base, mark.layout_unchecked(layout.size())) };
    }

    /// Frees an unmarked block when the thread is to look around first.
    ///
    /// # Safety
    /// As for `GlobalAlloc::dealloc`.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn dealloc_slowly(block: *mut u8, parts: Parts, this: &Self) {
        let layout = parts.layout();
        count_free(layout.size());
        // SAFETY: an unmarked block was asked for with this layout.
        unsafe { this.inner.dealloc(block, this.plain_unchecked(layout)) };
    }

    /// Frees a block that keeps its address, and whose mark, if any, is found by it.
    ///
    /// # Safety
    /// As for `GlobalAlloc::dealloc`; the alignment is at least [`UNIT`].
    #[inline(never)]
    pub(super) unsafe fn dealloc_aligned(block: *mut u8, parts: Parts, this: &Self) {
        let layout = parts.layout();
        if let Some(mark) = NonNull::new(block).and_then(aligned::remove) {
            recorder::count_end(block, layout.size(), mark);
        }
        count_free(layout.size());
        // SAFETY: such a block was asked for with this layout.
        unsafe { this.inner.dealloc(block, layout) };
    }
}
