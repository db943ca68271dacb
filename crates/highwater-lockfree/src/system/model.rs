//! The operating system's part in a model.

use core::ptr::NonNull;
use std::alloc::{Layout, alloc_zeroed, dealloc};

pub use loom::thread::yield_now;

fn layout(bytes: usize) -> Option<Layout> {
    Layout::from_size_align(bytes, 128).ok()
}

/// Zeroed memory. Models map little, and what they do not give back is lost.
pub fn map(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: nobody maps 0 bytes.
    NonNull::new(unsafe { alloc_zeroed(layout(bytes)?) })
}

/// Gives memory of [`map`] back.
///
/// # Safety
/// `start` and `bytes` come from one call of [`map`], and nothing refers to the memory any more.
pub unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    if let Some(layout) = layout(bytes) {
        // SAFETY: the caller promises that this is a whole mapping of `map`.
        unsafe { dealloc(start.as_ptr(), layout) };
    }
}
