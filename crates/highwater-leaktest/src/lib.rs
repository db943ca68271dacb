//! Fails tests that leave threads or asynchronous tasks alive, descriptors open or child processes behind,
//! blames the right one, and says where they were started or opened.
//!
//! One line in a test program (or, under `#[cfg(test)]`, in a library) has every test of it checked, whatever
//! the number of test threads, and under cargo-nextest:
//!
//! ```
//! use highwater_leaktest as _;
//! ```
//!
//! A test that ends while a thread that it started, or that one of its threads started, is alive after a
//! grace of 500 ms is reported beside its result, and the process exits with code 101. To have the test
//! itself fail, shadow the built-in attribute for the whole crate:
//!
//! ```
//! #[cfg(test)]
//! #[macro_use]
//! extern crate highwater_leaktest;
//! ```
//!
//! or mark single tests with [`#[highwater_leaktest::test]`](macro@test), or guard a part of one with
//! [`check`].
//!
//! A thread that is started inside of a `Once`, a `OnceLock` or a `LazyLock` belongs to the process: it is
//! listed and fails no test. `highwater.toml` may allow others, each with a reason. See docs/LEAKTEST.md in
//! the repository.
//!
//! # Features
//!
//! `allocator` (on by default) makes [`Alloc`] the global allocator of the test program. A program that has
//! an allocator of its own turns the feature off and wraps that allocator.
//!
//! # Inside
//!
//! Each folder uses the ones below it, and no file is in a circle of files that use each other.
//!
//! - [`entry`] opens a scope around a test ([`entry::whole`], [`entry::around`], [`entry::guard`]) and asks
//!   for the verdict. It has the last word when the process exits (`entry/process.rs`).
//! - [`report`] puts findings into words, [`outcomes`] collects the findings of the process.
//! - [`judge`] waits for the threads, tasks, descriptors and children of the scope, and passes over those
//!   that are excused.
//! - [`tasks`] finds tasks among the blocks that a [`scope`] has allocated.
//! - [`settings`] has the rules that excuse something, and the baseline.
//! - [`evidence`] names the calls of a stack. What had to be read out of the program is kept on the disk
//!   ([`evidence::learnt`]).
//! - [`finding`] is what was found, as data.
//!
//! Threads are followed by `highwater-hooks`, blocks by `highwater-ledger`.
#![deny(unsafe_code)]

mod allocator;
mod entry;
mod evidence;
mod finding;
mod judge;
mod limits;
mod macros;
mod message;
mod options;
mod outcomes;
mod pauses;
mod program;
mod report;
mod scope;
mod settings;
mod tasks;

pub use entry::guard::{Check, check};
pub use highwater_leaktest_macros::{__around, test};
pub use highwater_ledger::Alloc;

/// What the attribute's expansion calls.
#[doc(hidden)]
pub mod private {
    pub use crate::entry::around::{Outcome, run};
    pub use crate::entry::counting::{Bound, Counting};
    pub use crate::entry::settle::settle;
    pub use crate::limits::{Limits, size};
    pub use crate::options::{Denied, Options};
    pub use crate::settings::time::time;
}
