//! Records a process's allocations from the inside.
//!
//! Two laws hold in this crate, whatever else changes:
//!
//! 1. **It never allocates through the global allocator.** Tables live in memory taken straight from the
//!    operating system ([`arena`]); nothing here uses `Box`, `Vec`, `String` or formatting on a path that an
//!    allocation can reach.
//! 2. **Everything it needs is const-initialised.** The first allocation of a process happens before `main`, so
//!    there is no initialisation to wait for; what must be set up later ([`recorder`]) is set up by whichever
//!    allocation comes first, and until then calls pass straight through.
//!
//! Nothing in here panics, and no lock is held while the inner allocator runs.
//!
//! The way of an allocation, file by file: [`alloc`] (the `GlobalAlloc` methods; the only calls to the inner
//! allocator) → [`thread`](mod@thread) (the calling thread's countdown and exact counters) → [`sampler`] (when
//! it is sampled) → [`capture`] (its stack, walked by [`unwind`]) → [`site`] (the totals of its call site) → [`totals`] (process
//! totals and the peak). Sampled blocks with an alignment of 16 or more are found again through [`aligned`], all
//! others by a bit of their address. [`sys`] is all that is asked of the operating system.

mod aligned;
mod alloc;
mod arena;
mod capture;
mod chain;
mod config;
mod recorder;
mod sampler;
pub mod scope;
mod site;
mod spin;
mod sys;
mod thread;
mod totals;
mod unwind;

pub use alloc::Alloc;
pub use config::{Mode, Settings};
pub use recorder::{
    SiteTotals, is_complete, is_supported, last_interval_bytes, mode, running, set_mode, visit_modules,
    visit_sites,
};
pub use site::Values;
pub use sys::Module;
pub use thread::{Measured, measure, own_memory};
pub use totals::{Counts, counts};
