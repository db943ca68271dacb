//! The moment in a series at which the process jumped, and the code whose allocations explain it.
//!
//! Temporary blocks make a heap jump and are gone when the next snapshot is taken, so the search goes by what each
//! interval allocated and by the process's peak too, not by live bytes alone. It needs a few numbers of each snapshot
//! ([`SnapshotTotals`]) and no symbols; only the snapshots around a spike are looked at row by row ([`explain`]).

mod explain;
mod find;
mod totals;

pub use explain::{SpikeRow, Suspects, explain};
pub use find::{Sign, Spike, Spikes, SpikesOptions, find_spikes};
pub use totals::SnapshotTotals;
