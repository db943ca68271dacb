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

/// What a descriptor leads to. There is no way here.
pub fn about_descriptor(_number: u32) -> Option<String> {
    None
}

/// Whether these calls are inside of the initialisation of a `Once`. It is not known here.
pub fn is_in_once(_stack: &[usize]) -> bool {
    false
}

/// Descriptors where none is seen to be opened.
pub(crate) mod descriptors {
    use crate::thread::Thread;

    /// A descriptor that was opened in a scope and is open. There is none here.
    #[derive(Clone, Debug)]
    pub enum Descriptor {}

    impl Descriptor {
        /// Its number, as the kernel has it.
        pub fn number(&self) -> u32 {
            match *self {}
        }

        /// Its place among all descriptors that were seen to be opened.
        pub fn serial(&self) -> u64 {
            match *self {}
        }

        /// The thread that opened it.
        pub fn opener(&self) -> Option<&Thread> {
            match *self {}
        }

        /// Where it was opened.
        pub fn open_stack(&self) -> &[usize] {
            match *self {}
        }
    }

    /// A descriptor that is open and was not seen to be opened.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct UnseenDescriptor {
        /// Its number, as the kernel has it.
        pub number: u32,
        /// What it leads to.
        pub about: String,
    }

    /// Would have descriptors be followed. There is no way here.
    pub fn follow_descriptors() {}

    /// Would list descriptors that were opened past the hooks. There are no hooks here.
    pub fn unseen_descriptors() -> Vec<UnseenDescriptor> {
        Vec::new()
    }

    pub(crate) fn in_scope(_scope: u64) -> Vec<Descriptor> {
        Vec::new()
    }
}
