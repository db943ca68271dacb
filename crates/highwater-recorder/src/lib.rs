//! Records a process's allocations from the inside.
//!
//! Two laws hold in this crate, whatever else changes:
//!
//! 1. **It never allocates through the global allocator** (but for [`own_frames`], which asks it for a few
//!    small blocks, outside of any allocation). Tables live in memory taken straight from the operating
//!    system ([`highwater_lockfree::arena`]); nothing here uses `Box`, `Vec`, `String` or formatting on a
//!    path that an allocation can reach.
//! 2. **Everything it needs is const-initialised.** The first allocation of a process happens before `main`,
//!    so there is no initialisation to wait for; what must be set up later ([`start`]) is set up by the first
//!    allocation, and until then calls pass straight through.
//!
//! Nothing in here panics, and no lock is held while the inner allocator runs.
//!
//! The way of an allocation, file by file: [`alloc`] (the `GlobalAlloc` methods; the only calls to the inner
//! allocator) → [`thread`](mod@thread) (the calling thread's countdown and exact counters) → [`sampler`]
//! (when it is sampled) → [`highwater_unwind`] (its stack) → [`site`] (the totals of its call site) →
//! [`totals`] and [`peak`] (of the process). Sampled blocks with an alignment of 16 or more are found again
//! through [`aligned`], all others by a bit of their address. [`probe`] tells tracers outside of the process
//! of both. [`sys`] is all that is asked of the operating system.
//!
//! The feature `preloaded` is for a shared library that is loaded when the program starts: it reaches the
//! thread's counters without a call of the loader. Such a library cannot always be loaded later. The feature
//! changes nothing else.

mod aligned;
mod alloc;
mod cohort;
mod config;
#[cfg(unix)]
mod ending;
#[cfg(not(unix))]
#[path = "ending/unsupported.rs"]
mod ending;
mod ends;
mod exact;
mod family;
mod hard_limit;
mod history;
mod in_force;
mod lifetime;
mod living;
mod lost;
mod mark;
mod odd;
mod origin;
mod own_frames;
mod owner;
mod peak;
mod probe;
mod recent;
mod recorder;
mod rows;
mod sampler;
pub mod scope;
mod site;
mod start;
mod sys;
mod tell;
mod thread;
mod totals;
mod values;
mod way;

pub use config::{Mode, Settings, leading_number, parse_size};
pub use sys::trim;

/// Shows the ranges of memory that the recorder's tables have.
pub use highwater_lockfree::arena::visit_mappings as visit_own_mappings;

pub use {
    alloc::Alloc,
    cohort::begin_snapshot,
    ending::{EndSignal, at_exit, catch_end_signals, end_by, next_signal},
    family::{BIG_BLOCK, Family, Inner, start_family},
    hard_limit::set_hard_limit,
    in_force::{has_shared_std, is_complete, is_supported, last_interval_bytes, mode, running, set_mode},
    living::{LiveSample, live_samples, visit_live_samples},
    own_frames::{learn_own_frames, leave_out},
    rows::{SiteTotals, visit_sites},
    thread::{Measured, measure, own_memory},
    totals::{Counts, counts},
    values::Values,
};
