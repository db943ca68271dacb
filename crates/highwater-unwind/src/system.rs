//! Walks by the system's unwinder, where rules lead nowhere.

use core::ptr;
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

/// Adds the frame that `stack` is a variable of, and those around it. False where that frame is not found.
#[inline(never)]
pub(crate) fn trace_around<const N: usize>(stack: &mut Stack<N>) -> bool {
    let variable = ptr::from_ref(stack).addr();
    // A frame reaches from its stack pointer to its caller's.
    let mut inner: Option<usize> = None;
    let mut is_around = false;
    // SAFETY: as in `trace`.
    unsafe {
        backtrace::trace_unsynchronized(|frame| {
            let Some(address) = frame.ip().addr().checked_sub(1) else { return false };
            if is_around {
                return stack.push(address);
            }
            let Some(own) = inner.replace(address) else { return true };
            is_around = frame.sp().addr() > variable;
            !is_around || (stack.push(own) && stack.push(address))
        });
    }
    is_around
}
