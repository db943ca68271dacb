//! Fails tests that leave threads or asynchronous tasks alive, descriptors open or child processes behind, blames the right one, and
//! says where they were started or opened.
//!
//! One line in a test program (or, under `#[cfg(test)]`, in a library) has every test of it checked, whatever the number of
//! test threads, and under cargo-nextest:
//!
//! ```
//! use highwater_leaktest as _;
//! ```
//!
//! A test that ends while a thread that it started, or that one of its threads started, is alive after a grace of 500 ms is
//! reported beside its result, and the process exits with code 101. To have the test itself fail, shadow the built-in
//! attribute for the whole crate:
//!
//! ```
//! #[cfg(test)]
//! #[macro_use]
//! extern crate highwater_leaktest;
//! ```
//!
//! or mark single tests with [`#[highwater_leaktest::test]`](macro@test), or guard a part of one with [`check`].
//!
//! A thread that is started inside of a `Once`, a `OnceLock` or a `LazyLock` belongs to the process: it is listed and fails
//! no test. `highwater.toml` may allow others, each with a reason. See docs/LEAKTEST.md in the repository.
//!
//! # Features
//!
//! `allocator` (on by default) makes [`Alloc`] the global allocator of the test program. A program that has an allocator of its own
//! turns the feature off and wraps that allocator.
//!
//! # Inside
//!
//! The way of a verdict: [`whole`], [`around`] or [`guard`] open a scope around a test → [`judge`] waits for its threads,
//! passing over those that [`classify`], [`rules`] and [`baseline`] excuse → a [`finding`] for each that is left → [`report`]
//! words it, and [`process`] has the last word when the process exits. Threads are followed by `highwater-hooks`; [`tasks`] are
//! found among the blocks that the scope has allocated, and waited for inside of their runtime ([`settle`](mod@settle)). Descriptors and
//! children are judged by [`held`]. What has to be read out of the program for that is kept on the disk ([`learnt`]).
#![deny(unsafe_code)]

mod allocator;
mod around;
mod baseline;
mod busy;
mod classify;
mod code;
mod doc_test;
mod finding;
mod frame;
mod front;
mod guard;
mod hang;
mod held;
mod judge;
mod known;
mod learnt;
mod memory;
mod message;
mod path;
mod pattern;
mod process;
mod remaining;
mod report;
mod rules;
mod scope;
mod settings;
mod settle;
#[allow(unsafe_code, reason = "what runs before `main` is found by the name of its section")]
mod start;
mod symbols;
mod task_wait;
mod tasks;
mod time;
mod types;
mod whole;

pub use guard::{Check, check};
pub use highwater_leaktest_macros::{__around, test};
pub use highwater_ledger::Alloc;

/// What the attribute's expansion calls.
#[doc(hidden)]
pub mod private {
    pub use crate::around::{Outcome, run};
    pub use crate::held::Denied;
    pub use crate::judge::Options;
    pub use crate::memory::{Bound, Counting, Limits, size};
    pub use crate::settle::settle;
    pub use crate::time::time;
}
