//! Walks by the system's unwinder, where rules lead nowhere.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::stack::Stack;

/// Stacks that had to be walked by the system's unwinder.
static WALKS: AtomicU64 = AtomicU64::new(0);

/// How many stacks were walked by the system's unwinder so far.
pub fn system_walks() -> u64 {
    WALKS.load(Ordering::Relaxed)
}

/// Makes `stack` the frames that led here, and counts the walk.
#[inline(never)]
pub(crate) fn walk_with_system<const N: usize>(stack: &mut Stack<N>) {
    stack.clear();
    WALKS.fetch_add(1, Ordering::Relaxed);
    trace(stack);
}

/// Adds the frames that led here to `stack`.
pub(crate) fn trace<const N: usize>(stack: &mut Stack<N>) {
    // SAFETY: unsynchronized tracing is unsafe because symbolizing shares caches between threads; walking
    // alone shares nothing.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            // Some C libraries mark the root by a frame without address.
            // A return address may already belong to the next line, or to the next function.
            frame.ip().addr().checked_sub(1).is_some_and(|address| stack.push(address))
        });
    }
}
