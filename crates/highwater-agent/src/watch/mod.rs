//! The watch: reads the memory in use, keeps the latest snapshots on disk, and writes an incident folder when
//! a rule is broken, before the kernel kills the process.
//!
//! No failure ends the watch: a failed read or write is counted, and tried again the next time.

#[cfg(feature = "flame")]
mod flame;
mod growth;
mod history;
mod incident;
mod place;
mod rule;
mod settings;
mod sink;
mod watcher;
mod watching;

pub use rule::Growth;
pub(crate) use rule::{Judge, Reason, Use};
pub use settings::Watch;
pub(crate) use watching::{Watching, start};
