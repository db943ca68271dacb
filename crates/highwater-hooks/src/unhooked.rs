//! What stands in for the hooks where there are none.

use crate::thread::Thread;

/// The addresses of a thread's stack, innermost first. There is no way here.
pub fn present_stack(_thread: &Thread) -> Option<Vec<usize>> {
    None
}

#[cfg(not(glibc))]
/// Would have `decide` choose the exit code. There is no way here, and it returns `false`.
pub fn at_exit(_decide: fn(i32) -> i32) -> bool {
    false
}

/// The path of the file that an address lies in. There is no way here.
pub fn file_of(_address: usize) -> Option<String> {
    None
}
