//! Walks of the calling thread's stack, with no compiler flag, no lock and no heap; and stacks that are
//! stored once.
//!
//! Compiled code comes with tables (call frame information, CFI) that say for every instruction where the
//! caller's frame is. Reading them takes microseconds, so what they say is boiled down to one rule for each
//! return address and kept; a walk over known addresses then costs a few nanoseconds a frame. Code that keeps
//! frame pointers has a rule for that, which is the fastest to follow.
//!
//! Where that is not possible (another architecture or C library, a frame that no simple rule describes, a
//! stack that is not the thread's own) the system's unwinder walks instead, by the `backtrace` crate.
//!
//! | file | what is there |
//! |---|---|
//! | `walk.rs` | the walk itself: by rules, and where there are none by the system's unwinder |
//! | `stack.rs` | a stack in a fixed array |
//! | `known.rs` | stacks that are stored once, and so distinguished by their addresses |
//! | `memo.rs` | stacks that a thread has walked before, recognised without a walk |
//! | `arch/` | rules and registers, one folder an architecture |
//! | `module.rs`, `loaded/` | the files that code comes from, and which of them are loaded |
//! | `mapped_file.rs` | such a file, mapped to be read |
//!
//! This crate knows nothing of blocks, sites and totals.
#![cfg_attr(
    not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")),
    allow(dead_code, unused_imports, reason = "without rules there is no walk to remember")
)]

mod arch;
mod known;
mod loaded;
mod mapped_file;
mod memo;
mod methods;
mod module;
mod stack;
mod system;
mod walk;

pub use arch::{can_walk_interrupted, modules_of_own, unwind_methods, walk_interrupted};
pub use known::KnownStack;
pub use loaded::visit_modules;
pub use mapped_file::MappedFile;
pub use memo::Memo;
pub use methods::UnwindMethods;
pub use module::{Module, module_id, modules_of};
pub use stack::{MAX_FRAMES, Stack};
pub use system::system_walks;
pub use walk::{keep_present_modules, start, walk, walk_seldom};

/// For measuring walks and for sleeping threads; not for programs.
#[doc(hidden)]
pub use walk::{walk_copied_stack, with_stack, with_stack_by_system};
