//! The parts of the recorder that several threads change at once without waiting for each other.
//!
//! All of them hold where an allocator and a signal handler may call: no part allocates through the global
//! allocator, waits for a lock that the calling thread may hold, or needs a constructor to have run. They
//! know nothing of blocks' sites, stacks or totals.
//!
//! | part | what it is |
//! |---|---|
//! | [`system`] | memory, forks and time slices from the operating system |
//! | [`arena`] | memory that is never given back |
//! | [`chain`] | a table that only grows, read without a lock |
//! | [`address_cache`] | small values by address, each in one word |
//! | [`spin`] | a lock that a thread does not wait for when it holds the lock itself |
//! | [`block_table`] | values by the addresses of blocks, in shards with such a lock each |
//!
//! Under `--cfg loom` the atomics are a model checker's; see `sync`. `cargo xtask test` runs the models.
#![cfg_attr(loom, allow(missing_docs, reason = "the checker's statics have no documentation"))]

#[macro_use]
mod sync;

pub mod address_cache;
pub mod arena;
pub mod block_table;
pub mod chain;
mod mappings;
pub mod spin;
pub mod system;

#[cfg(all(test, loom))]
mod models;
#[cfg(all(test, not(loom)))]
mod tests;
