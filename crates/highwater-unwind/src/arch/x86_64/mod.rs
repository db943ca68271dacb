//! Linux on x86-64 with glibc: rules from unwind tables, in a cache, within bounds that glibc's own data
//! tell.
//!
//! `rule.rs` has the rules as equations and their cache, `cfi.rs` makes them, `walk.rs` follows them, and
//! `copied.rs` does so in a copy of another thread's stack. `bounds.rs`, `object.rs` and `lasting.rs` ask
//! glibc: for the thread's stack, for the module of an address, and for the modules that stay loaded.
//! `method.rs` counts which rules each mapping has.

mod bounds;
mod cfi;
mod copied;
mod lasting;
mod method;
mod object;
mod rule;
mod walk;

use core::ffi::c_void;

use crate::methods::UnwindMethods;
use crate::stack::Stack;

pub(crate) use bounds::stack_end;
pub(crate) use copied::walk as walk_copied;
pub(crate) use lasting::{are_lasting, keep_present};
pub(crate) use walk::{Registers, follow, read, walk};

/// Whether walks can go by rules.
pub(crate) const HAS_RULES: bool = true;

/// Looks up what walks need from the C library.
pub(crate) fn start() {
    bounds::start();
    object::start();
    lasting::start();
}

/// How the stacks of this process were walked so far. All zero where the system's unwinder walks them.
pub fn unwind_methods() -> UnwindMethods {
    method::methods()
}

/// Whether [`walk_interrupted`] can walk, after [`start`](crate::start).
pub fn can_walk_interrupted() -> bool {
    object::is_available()
}

/// Adds to `stack`, which is empty, the instruction at which a signal interrupted the calling thread, and the
/// calls that had led there. They end where no rule leads on: the system's unwinder may not be asked in a
/// handler.
///
/// # Safety
/// `context` is what the handler was given that is running now in this thread: a `ucontext_t`.
pub unsafe fn walk_interrupted<const N: usize>(context: *const c_void, stack: &mut Stack<N>) {
    // SAFETY: the caller promises that it is the context.
    walk::walk_from(Registers::of(unsafe { &*context.cast::<libc::ucontext_t>() }), stack);
}

/// [`modules_of`](crate::modules_of) the calling thread's stack; `None` where the C library does not tell
/// without a lock.
///
/// # Safety
/// The stack is the calling thread's of now.
pub unsafe fn modules_of_own(stack: &[usize]) -> Option<u64> {
    // SAFETY: the caller's promise.
    can_walk_interrupted().then(|| unsafe { lasting::modules_of_own(stack) })
}
