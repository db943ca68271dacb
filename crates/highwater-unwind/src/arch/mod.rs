//! Rules for walks, and the registers that they begin with: one folder an architecture.
//!
//! Each folder has the same functions: [`start`], [`walk`], [`walk_interrupted`], [`walk_copied`],
//! [`follow`], [`modules_of_own`] and [`unwind_methods`]. `none` is for all that have no folder: there the
//! system's unwinder walks every stack.

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod x86_64;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
use x86_64 as here;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
mod none;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
use none as here;

mod witness;

pub(crate) use here::{
    HAS_RULES, Registers, are_lasting, follow, keep_present, read, stack_end, start, walk, walk_copied,
};
pub use here::{can_walk_interrupted, modules_of_own, unwind_methods, walk_interrupted};
pub(crate) use witness::Witness;
