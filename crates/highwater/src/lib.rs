//! Memory profiling for Rust programs: who allocated what is alive, what was, and what was at the peak.
//!
//! ```no_run
//! #[global_allocator]
//! static ALLOC: highwater::Alloc = highwater::Alloc::new();
//!
//! fn main() -> Result<(), highwater::Error> {
//!     let _profiler = highwater::Profiler::new("heap.pb.gz");
//!     // … the program …
//!     Ok(())
//! } // heap.pb.gz is written here: `highwater top heap.pb.gz` shows it, and so does `go tool pprof`
//! ```
//!
//! [`Alloc`] goes around any other allocator and records a random selection of its allocations with their stacks
//! (one every 512 KiB by default, or all of them), cheap enough to stay on in production. A [`Snapshot`] is a
//! copy of what was recorded so far; written to a file it is a gzipped pprof profile. [`Profiler`] takes
//! snapshots at the end of a scope and at regular intervals. [`stats`] gives the exact totals of the process.
//!
//! The environment variable `HIGHWATER` overrides the built-in setting at the start of the process:
//! `HIGHWATER=interval:64KiB`, `HIGHWATER=exact`, `HIGHWATER=off`.
//!
//! Programs whose profiles are to show functions and lines need debug information, which does not change the code:
//! `debug = "limited"` in the Cargo profile they are built with. (`"line-tables-only"` will do too, but leaves
//! inlined functions without the path in front of their names.)
#![forbid(unsafe_code)]

mod background;
mod cgroup;
mod error;
mod modules;
mod profiler;
mod scope;
mod snapshot;
mod stats;
mod who;

#[doc(hidden)]
pub use background::Background;
pub use cgroup::{Container, LimitKind, MemoryLevel, container, memory_levels};
pub use error::Error;
pub use highwater_profile as profile;
pub use highwater_recorder::{Alloc, Measured, Mode, measure, mode, set_mode};
#[doc(hidden)]
pub use modules::{Locations, Modules};
pub use profiler::{Profiler, ProfilerBuilder};
pub use scope::{Scope, in_scope, scope, spawn};
pub use snapshot::Snapshot;
pub use stats::{Stats, stats};
pub use who::{IDENTITY_VARIABLES, Who, set_version, who};
