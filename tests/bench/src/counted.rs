//! A wrapper that counts every call in the simplest possible way: the reference that tools are compared with.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

use crate::totals::Totals;

/// An allocator around another one that counts blocks and bytes for the whole process, over all threads.
#[derive(Debug)]
pub struct Counted<A> {
    inner: A,
    alloc_blocks: AtomicI64,
    alloc_bytes: AtomicI64,
    live_blocks: AtomicI64,
    live_bytes: AtomicI64,
}

impl<A> Counted<A> {
    /// A wrapper around `inner` whose counts are 0.
    pub const fn new(inner: A) -> Self {
        Self {
            inner,
            alloc_blocks: AtomicI64::new(0),
            alloc_bytes: AtomicI64::new(0),
            live_blocks: AtomicI64::new(0),
            live_bytes: AtomicI64::new(0),
        }
    }

    /// The totals of the process so far.
    pub fn totals(&self) -> Totals {
        Totals {
            alloc_blocks: self.alloc_blocks.load(Relaxed),
            alloc_bytes: self.alloc_bytes.load(Relaxed),
            live_blocks: self.live_blocks.load(Relaxed),
            live_bytes: self.live_bytes.load(Relaxed),
        }
    }

    /// Counts a block from the inner allocator, if there is one.
    fn allocated(&self, block: *mut u8, size: usize) -> *mut u8 {
        if !block.is_null() {
            self.alloc_blocks.fetch_add(1, Relaxed);
            self.alloc_bytes.fetch_add(size as i64, Relaxed);
            self.live_blocks.fetch_add(1, Relaxed);
            self.live_bytes.fetch_add(size as i64, Relaxed);
        }
        block
    }

    fn freed(&self, size: usize) {
        self.live_blocks.fetch_sub(1, Relaxed);
        self.live_bytes.fetch_sub(size as i64, Relaxed);
    }
}

// SAFETY: every call is forwarded unchanged, so what the inner allocator guarantees holds for the wrapper.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Counted<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.allocated(unsafe { self.inner.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        self.allocated(unsafe { self.inner.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let moved = self.allocated(unsafe { self.inner.realloc(block, layout, new_size) }, new_size);
        if !moved.is_null() {
            self.freed(layout.size());
        }
        moved
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.dealloc(block, layout) };
        self.freed(layout.size());
    }
}

#[cfg(test)]
mod tests {
    use std::alloc::System;

    use super::*;

    #[test]
    fn every_call_is_counted() {
        let counted = Counted::new(System);
        let layout = Layout::from_size_align(100, 8).unwrap();
        // SAFETY: the sizes are not 0, and each block is given back once with the layout it has.
        unsafe {
            let first = counted.alloc(layout);
            let second = counted.alloc_zeroed(layout);
            let first = counted.realloc(first, layout, 300);
            counted.dealloc(second, layout);
            assert_eq!(
                counted.totals(),
                Totals { alloc_blocks: 3, alloc_bytes: 500, live_blocks: 1, live_bytes: 300 }
            );
            counted.dealloc(first, Layout::from_size_align(300, 8).unwrap());
        }
        assert_eq!(counted.totals().live_bytes, 0);
    }
}
