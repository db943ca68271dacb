//! What stands in for the hooks where there are none.

use crate::thread::Thread;

/// The addresses of a thread's stack, innermost first. There is no way here.
pub fn present_stack(_thread: &Thread) -> Option<Vec<usize>> {
    None
}

/// Would have threads keep the stacks that started them. There is no way here.
pub fn keep_stacks() {}

#[cfg(not(glibc))]
/// Would have `decide` choose the exit code. There is no way here, and it returns `false`.
pub fn at_exit(_decide: fn(i32) -> i32) -> bool {
    false
}

/// The path of the file that an address lies in. There is no way here.
pub fn file_of(_address: usize) -> Option<String> {
    None
}

/// Where the file begins that an address lies in. There is no way here.
pub fn base_of(_address: usize) -> Option<usize> {
    None
}

/// What would be known of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The addresses that it takes.
    pub addresses: std::ops::Range<usize>,
    /// What tells this build from all others.
    pub build_id: Option<&'static [u8]>,
}

/// The program that runs. There is no way here.
pub fn program() -> Option<Program> {
    None
}

/// The word that stands at an address. There is no way here.
pub fn word_at(_address: usize) -> Option<usize> {
    None
}

/// Would call `visit` for the program's constants. There is no way here.
pub fn visit_constants(_visit: impl FnMut(&'static [u8])) {}

/// Place of the first `needle` in `bytes`.
pub fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|it| it == needle)
}
