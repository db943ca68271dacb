//! Records a process's allocations from the inside.
//!
//! Two laws hold in this crate, whatever else changes:
//!
//! 1. **It never allocates through the global allocator** (but for [`own_frames`], which asks it for a few small blocks, outside of
//!    any allocation). Tables live in memory taken straight from the
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
//! others by a bit of their address. [`probe`] tells tracers outside of the process of both. [`cpu`] uses the same walks to tell
//! where processor time goes, when it is asked to. [`sys`] is all that is asked
//! of the operating system.
//!
//! Under `--cfg loom` only what a model checker goes through is built; see [`sync`].
#![cfg_attr(loom, allow(dead_code, unused_imports, reason = "most of the crate is left out"))]

#[cfg(not(loom))]
mod aligned;
#[cfg(not(loom))]
mod alloc;
mod arena;
#[cfg(not(loom))]
mod block_table;
#[cfg(not(loom))]
mod capture;
mod chain;
#[cfg(not(loom))]
mod cohort;
mod config;
#[cfg(not(loom))]
mod cpu;
#[cfg(all(unix, not(loom)))]
mod ending;
#[cfg(all(not(unix), not(loom)))]
#[path = "ending/unsupported.rs"]
mod ending;
#[cfg(not(loom))]
mod ends;
#[cfg(not(loom))]
mod exact;
#[cfg(not(loom))]
mod hard_limit;
#[cfg(not(loom))]
pub mod ledger;
#[cfg(not(loom))]
mod lifetime;
#[cfg(not(loom))]
mod mapped_file;
#[cfg(not(loom))]
mod mark;
#[cfg(all(test, loom))]
mod models;
#[cfg(not(loom))]
mod odd;
#[cfg(not(loom))]
mod own_frames;
#[cfg(not(loom))]
mod probe;
#[cfg(not(loom))]
mod recent;
#[cfg(not(loom))]
mod recorder;
#[cfg(not(loom))]
mod rows;
#[cfg(loom)]
#[path = "unwind/rule.rs"]
mod rule;
mod sampler;
#[cfg(not(loom))]
pub mod scope;
#[cfg(not(loom))]
mod site;
mod spin;
mod sync;
mod sys;
#[cfg(not(loom))]
mod thread;
#[cfg(not(loom))]
mod totals;
#[cfg(not(loom))]
mod unwind;

pub use config::{Mode, Settings, leading_number, parse_size};
pub use sys::{Module, trim};
#[cfg(not(loom))]
pub use {
    alloc::Alloc,
    cohort::{Values, begin_snapshot},
    cpu::{CpuError, CpuSampling},
    ending::{EndSignal, at_exit, catch_end_signals, end_by, next_signal},
    hard_limit::set_hard_limit,
    mapped_file::MappedFile,
    own_frames::learn_own_frames,
    recorder::{
        has_shared_std, is_complete, is_supported, last_interval_bytes, mode, running, set_mode,
        visit_modules,
    },
    rows::{SiteTotals, visit_sites},
    thread::{Measured, measure, own_memory},
    totals::{Counts, counts},
    unwind::{UnwindMethods, methods as unwind_methods, module_id, modules_of},
};

/// For measuring walks; not for programs.
#[cfg(not(loom))]
#[doc(hidden)]
pub use unwind::{walk_copied_stack, with_stack, with_stack_by_system};
