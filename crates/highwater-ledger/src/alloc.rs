//! The allocator that writes blocks down in the ledger of the thread that allocates them.
//!
//! **Ordering rules**, like the rules of the recorder's allocator: a block is in the table before it is
//! returned; it is taken out before the inner allocator gets it back, or another thread could be handed the
//! same address while it is still there; a block that could not be resized goes back in; what is null is
//! written down nowhere; and no lock is held while the inner allocator runs.

use core::alloc::{GlobalAlloc, Layout};
use std::alloc::System;

use crate::{blocks, ended, raw, wanted};

/// A global allocator that writes down what threads in a [`Ledger`](crate::Ledger) allocate, and passes
/// everything on to an inner one as it comes.
///
/// ```
/// use highwater_ledger::{Alloc, Ledger};
///
/// #[global_allocator]
/// static ALLOC: Alloc = Alloc::new();
///
/// // `None` where this is not supported.
/// if let Some(ledger) = Ledger::open(1) {
///     let entered = ledger.enter();
///     let _kept = Box::new(7_u64);
///     drop(entered);
///     assert_eq!(ledger.totals().live_bytes, 8);
/// }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Alloc<A = System> {
    inner: A,
}

impl Alloc {
    /// Around the system's allocator.
    pub const fn new() -> Self {
        Self { inner: System }
    }
}

impl<A> Alloc<A> {
    /// Around another one.
    pub const fn with_inner(inner: A) -> Self {
        Self { inner }
    }
}

/// Writes a block down if it is wanted, and returns it.
#[inline]
fn written_down(block: *mut u8, layout: Layout) -> *mut u8 {
    raw::is_above();
    if wanted::may_be_wanted(layout.align()) {
        blocks::add(block, layout.size(), layout.align());
    }
    block
}

// SAFETY: every call is passed on as it came, and its result is returned as it is; nothing here panics or
// unwinds, and what it does besides allocates nothing by this allocator.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Alloc<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        written_down(unsafe { self.inner.alloc(layout) }, layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are passed on.
        written_down(unsafe { self.inner.alloc_zeroed(layout) }, layout)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Some(entry) = blocks::take(block) {
            // SAFETY: the caller has not freed the block, nor has this function.
            unsafe { ended::look(block, entry) };
            blocks::end(entry);
        }
        // SAFETY: the caller's promises are passed on.
        unsafe { self.inner.dealloc(block, layout) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let entry = blocks::take(block);
        // SAFETY: the caller's promises are passed on.
        let moved = unsafe { self.inner.realloc(block, layout, new_size) };
        if moved.is_null() {
            if let Some(entry) = entry {
                blocks::put_back(block, entry);
            }
            return moved;
        }
        if let Some(entry) = entry {
            blocks::end(entry);
        }
        if wanted::may_be_wanted(layout.align()) {
            blocks::add(moved, new_size, layout.align());
        }
        moved
    }
}
