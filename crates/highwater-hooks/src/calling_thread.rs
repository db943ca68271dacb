//! What is known of the calling thread: its scope, its number, and whether it is the main thread.
//!
//! All of it is in thread-locals without destructors, so that it can be asked for at any time of the thread's
//! life.

use std::cell::Cell;

use crate::live::Current;

thread_local! {
    static SCOPE: Cell<Current> = const { Cell::new((0, None)) };
    static NUMBER: Cell<Option<u64>> = const { Cell::new(None) };
    /// Whether this is the main thread, once that was asked for: it takes two system calls.
    static IS_MAIN: Cell<Option<bool>> = const { Cell::new(None) };
}

/// The calling thread's scope.
pub(crate) fn scope() -> Current {
    SCOPE.get()
}

/// Puts the calling thread into a scope, and yields the one that it was in.
pub(crate) fn replace_scope(scope: Current) -> Current {
    SCOPE.replace(scope)
}

/// The number of the calling thread, if it was seen to start.
pub(crate) fn number() -> Option<u64> {
    NUMBER.get()
}

/// The calling thread, which is starting, has this number.
pub(crate) fn set_number(number: u64) {
    NUMBER.set(Some(number));
}

/// Whether the calling thread is the process's first.
#[cfg(hooked)]
pub(crate) fn is_main() -> bool {
    IS_MAIN.get().unwrap_or_else(|| {
        // SAFETY: neither takes an argument, and neither can fail.
        let is_main = unsafe { libc::gettid() == libc::getpid() };
        IS_MAIN.set(Some(is_main));
        is_main
    })
}
