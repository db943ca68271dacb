//! The exit code, when everything else has been said.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

// SAFETY: the declaration is the one in glibc's stdlib.h, and this file is built for glibc only.
unsafe extern "C" {
    /// Of glibc: as `atexit`, with the exit code.
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), argument: *mut c_void) -> c_int;
}

static DECIDE: OnceLock<fn(i32) -> i32> = OnceLock::new();

/// When the process exits, has `decide` choose the exit code, which it is given. Handlers run in the reverse
/// order of their being set, so the earlier this is called, the less comes behind it. Only the first call
/// counts; says whether this one does.
pub fn at_exit(decide: fn(i32) -> i32) -> bool {
    // SAFETY: the handler is of the type that is asked for, and takes no notice of its argument.
    DECIDE.set(decide).is_ok() && unsafe { on_exit(run, std::ptr::null_mut()) } == 0
}

extern "C" fn run(code: c_int, _argument: *mut c_void) {
    let decided = DECIDE.get().map_or(code, |decide| decide(code));
    if decided != code {
        // SAFETY: glibc lets a handler call `exit`: the handlers that are left run, and the last code counts.
        unsafe { libc::exit(decided) };
    }
}
