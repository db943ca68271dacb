//! A wrapper that forwards every call and does nothing else.

use std::alloc::{GlobalAlloc, Layout};

/// An allocator around another one that adds only the call through it.
#[derive(Debug)]
pub struct Noop<A>(pub A);

// SAFETY: every call is forwarded unchanged, so what the inner allocator guarantees holds for the wrapper.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Noop<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { self.0.realloc(block, layout, new_size) }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.0.dealloc(block, layout) }
    }
}
