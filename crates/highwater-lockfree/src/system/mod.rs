//! What the lock-free parts ask of the operating system: memory, time slices, and word of forks.
//!
//! A platform that is missing here (no Unix, or not 64 bits wide) still compiles: it has no memory to give,
//! so nothing is recorded. A model has memory of its own.

#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
mod unix;
#[cfg(all(unix, target_pointer_width = "64", not(loom)))]
pub use unix::*;

#[cfg(not(any(loom, all(unix, target_pointer_width = "64"))))]
mod none;
#[cfg(not(any(loom, all(unix, target_pointer_width = "64"))))]
pub use none::*;

#[cfg(loom)]
mod model;
#[cfg(loom)]
pub use model::*;
