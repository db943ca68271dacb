//! Unix: memory by `mmap`, forks by `pthread_atfork`.

use core::ptr::{self, NonNull};

/// Whether there is memory to record into.
pub const SUPPORTED: bool = true;

/// Zeroed memory straight from the system; `None` when it has none to give.
pub fn map(bytes: usize) -> Option<NonNull<u8>> {
    // SAFETY: an anonymous private mapping at an address of the kernel's choice touches no memory in use.
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANON,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED { None } else { NonNull::new(start.cast()) }
}

/// Gives memory of [`map`] back.
///
/// # Safety
/// `start` and `bytes` come from one call of [`map`], and nothing refers to the memory any more.
pub unsafe fn unmap(start: NonNull<u8>, bytes: usize) {
    // SAFETY: the caller promises that this is a whole mapping of this crate that nobody uses.
    unsafe { libc::munmap(start.as_ptr().cast(), bytes) };
}

/// Lets another thread run.
pub fn yield_now() {
    // SAFETY: sched_yield has no preconditions.
    unsafe { libc::sched_yield() };
}

/// Calls `before` in front of every fork, and behind it `parent` in the one process and `child` in the other.
pub fn at_fork(before: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    // SAFETY: POSIX declares the function with these types.
    unsafe extern "C" {
        // Declared here because the libc crate types the handlers as `unsafe extern "C" fn()`.
        fn pthread_atfork(
            prepare: Option<extern "C" fn()>,
            parent: Option<extern "C" fn()>,
            child: Option<extern "C" fn()>,
        ) -> libc::c_int;
    }
    // SAFETY: the handlers are functions of the program itself and so are there as long as it runs.
    unsafe { pthread_atfork(Some(before), Some(parent), Some(child)) };
}
