//! Knows every thread that is started in this process: by whom, where, and in which [`Scope`].
//!
//! Linking this crate puts its own `pthread_create` in front of the C library's, so it sees the threads of Rust, C and C++
//! alike. It is meant for test programs first: [`highwater-leaktest`](https://docs.rs/highwater-leaktest)
//! builds the leak harness on it.
//!
//! The way of a thread: `create` (the functions in front of the C library's) → `registry` (who lives, in which scope) →
//! `ending` (the last thing a thread does, behind the destructors of its thread-locals) → out of the registry again.
//! What the kernel says of threads is in `proc`; threads that came into being in another way are found by comparing its
//! list with the registry ([`unseen`]).
//!
//! Nothing in here panics, and no lock is held while code of the program runs. On platforms other than Linux with glibc
//! there are no hooks: [`status`] says so, and every scope is empty. With a static glibc threads that are alive can still be
//! listed, and the exit code chosen.
#![cfg_attr(not(hooked), allow(dead_code, reason = "no thread is seen to start"))]

#[cfg(hooked)]
mod ask;
#[cfg(hooked)]
mod asleep;
#[cfg(hooked)]
mod create;
#[cfg(hooked)]
mod ending;
#[cfg(glibc)]
mod exit;
mod observer;
mod proc;
#[cfg(hooked)]
mod program;
mod registry;
mod scope;
mod stack;
mod status;
#[cfg(hooked)]
mod text;
mod thread;
#[cfg(not(hooked))]
mod unhooked;

#[cfg(glibc)]
pub use exit::at_exit;
#[cfg(not(glibc))]
pub use unhooked::at_exit;
#[cfg(not(hooked))]
pub use unhooked::{
    Program, base_of, file_of, find, keep_stacks, present_stack, program, visit_constants, word_at,
};
#[cfg(hooked)]
pub use {
    ask::present_stack, asleep::word_at, create::keep_stacks, program::Program, program::program,
    stack::base_of, stack::file_of, text::find, text::visit_constants,
};

pub use observer::{Inherited, Observer, observe};
pub use proc::{Reading, State};
pub use registry::{Unseen, current, threads, unseen};
pub use scope::{Entered, Scope};
pub use status::{Unsupported, status};
pub use thread::{Spawner, Thread};
