//! A platform that Highwater cannot record on: there is no memory to record into, so nothing is.

use core::ptr::NonNull;

/// Whether there is memory to record into.
pub const SUPPORTED: bool = false;

/// Nothing: there is no memory to give.
pub fn map(_bytes: usize) -> Option<NonNull<u8>> {
    None
}

/// Gives nothing back.
///
/// # Safety
/// None is needed: there is no memory of [`map`] that could come back.
pub unsafe fn unmap(_start: NonNull<u8>, _bytes: usize) {}

/// Does nothing.
pub fn yield_now() {}

/// Does nothing: there are no forks.
pub fn at_fork(_before: extern "C" fn(), _parent: extern "C" fn(), _child: extern "C" fn()) {}
