//! Memory profiling for Rust programs: which code allocated the memory that is live, that was freed, and that
//! was live at the peak.
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
//! [`Alloc`] wraps any other allocator and records a random selection of its allocations with their stacks
//! (one every 512 KiB by default, or all of them). It is cheap enough for production. A [`Snapshot`] is a
//! copy of the records so far; written to a file it is a gzipped pprof profile. [`Profiler`] takes snapshots
//! at the end of a scope and at regular intervals. [`stats`] returns the exact totals of the process.
//!
//! The environment variable `HIGHWATER` overrides the built-in setting at the start of the process:
//! `HIGHWATER=interval:64KiB`, `HIGHWATER=exact`, `HIGHWATER=off`.
//!
//! Profiles need debug information to show functions and lines. It does not change the code: set `debug =
//! "limited"` in the Cargo profile of the build. (`"line-tables-only"` works too, but inlined functions then
//! have no path in front of their names.)
#![forbid(unsafe_code)]

mod background;
mod cgroup;
mod error;
mod modules;
mod profiler;
mod scope;
mod signed;
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
