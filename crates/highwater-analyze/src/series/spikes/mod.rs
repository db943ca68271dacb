//! The moments in a series at which the process jumped, and the code whose allocations explain it.
//!
//! Temporary blocks make a heap jump and are gone when the next snapshot is taken, so the search goes by what each
//! interval allocated and by the process's peak too, not by live bytes alone. It needs a few numbers of each snapshot
//! ([`SnapshotTotals`]) and no symbols; only the snapshots around a spike are looked at row by row ([`explain`]).
//!
//! An interval is judged beside the others ([`judge`]): as a watch does when its snapshot comes ([`follow`]), and once more
//! when the series is whole. Live bytes that rise step by step and fall again are found as a whole ([`hump`]). What
//! belongs together is one spike ([`join`]).

pub(crate) mod explain;
pub(crate) mod find;
pub(crate) mod follow;
pub(crate) mod hump;
pub(crate) mod join;
pub(crate) mod judge;
pub(crate) mod spike;
pub(crate) mod totals;
pub(crate) mod usual;
