//! Knows every thread that is started in this process, every descriptor that is opened and every child
//! process: the thread that did so, where, and in which [`Scope`].
//!
//! Linking this crate puts its own `pthread_create` in front of the C library's, so it sees the threads of
//! Rust, C and C++ alike. It is meant for test programs first:
//! [`highwater-leaktest`](https://docs.rs/highwater-leaktest) builds the leak harness on it.
//!
//! The way of a thread: `create` (the functions in front of the C library's) → `registry` (which threads are
//! alive, in which scope) → `ending` (the last thing a thread does, behind the destructors of its
//! thread-locals) → out of the registry again. What the kernel says of threads is in `proc`; threads that
//! came into being in another way are found by comparing its list with the registry ([`unseen`]).
//!
//! The way of a descriptor: `opening` (the functions in front of the C library's) → `descriptors` (a table by
//! its number) → `about` (what it leads to). The way of a child: `starting` → `children`.
//!
//! Nothing in here panics, and no lock is held while code of the program runs. On platforms other than Linux
//! with glibc there are no hooks: [`status`] says so, and every scope is empty. With a static glibc threads
//! that are alive can still be listed, and the exit code chosen.
//!
//! # Features
//! - `harness`: the leak harness's part. The functions that open descriptors, start processes and allocate
//!   memory are followed, too. Without it only threads are.
#![cfg_attr(not(hooked), allow(dead_code, reason = "no thread is seen to start"))]
#![cfg_attr(not(feature = "harness"), allow(dead_code, reason = "only threads are seen to start"))]

#[cfg(hooked)]
mod about;
#[cfg(hooked)]
mod ask;
#[cfg(hooked)]
mod asleep;
mod calling_thread;
mod children;
#[cfg(hooked)]
mod create;
#[cfg(hooked)]
mod descriptors;
#[cfg(hooked)]
mod ending;
#[cfg(glibc)]
mod exit;
mod live;
#[cfg(malloc_hooked)]
mod malloc;
#[cfg(hooked)]
mod next;
mod observer;
#[cfg(hooked)]
mod once;
#[cfg(all(hooked, feature = "harness"))]
mod opening;
mod proc;
#[cfg(hooked)]
mod program;
mod registry;
mod scope;
mod stack;
#[cfg(all(hooked, feature = "harness"))]
mod starting;
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
use unhooked::descriptors;
#[cfg(not(hooked))]
pub use unhooked::{
    Program, about_descriptor, base_of, file_of, find, is_in_once, keep_stacks, present_stack, program,
    visit_constants, word_at,
};
#[cfg(hooked)]
pub use {
    about::about_descriptor, ask::present_stack, asleep::word_at, create::keep_stacks, once::is_in_once,
    program::Program, program::program, stack::base_of, stack::file_of, text::find, text::visit_constants,
};

#[cfg(malloc_hooked)]
pub use malloc::follow_blocks;

/// Would have blocks be written down that any allocator takes from the C library. There is no way here.
#[cfg(not(malloc_hooked))]
pub fn follow_blocks() {}

pub use children::{Child, UnseenChild, follow_children, unseen_children};
pub use descriptors::{Descriptor, UnseenDescriptor, follow_descriptors, unseen_descriptors};
pub use observer::{Observer, observe};
pub use proc::{Reading, State};
pub use registry::{Unseen, current, threads, unseen};
pub use scope::{Entered, Scope};
pub use status::{Unsupported, sees_descriptors, status};
pub use thread::{Inherited, Spawner, Thread};
