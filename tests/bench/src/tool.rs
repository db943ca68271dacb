//! The reports of an allocator.

use highwater::Snapshot;

use crate::estimate::Estimate;
use crate::totals::Totals;

/// Functions that ask an allocator for its reports.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The totals that it counts exactly; `None` if it counts none.
    pub counted: fn() -> Option<Totals>,
    /// The sums over the rows of its profile; `None` if it has no profile.
    pub estimate: fn() -> Option<Estimate>,
}

impl Tool {
    /// An allocator that reports nothing.
    pub const SILENT: Self = Self { counted: || None, estimate: || None };

    /// Highwater, around any allocator.
    pub const HIGHWATER: Self = Self { counted: highwater_totals, estimate: highwater_estimate };
}

fn highwater_totals() -> Option<Totals> {
    let stats = highwater::stats();
    Some(Totals {
        alloc_blocks: stats.alloc_blocks as i64,
        alloc_bytes: stats.alloc_bytes as i64,
        live_blocks: stats.live_blocks as i64,
        live_bytes: stats.live_bytes as i64,
    })
}

fn highwater_estimate() -> Option<Estimate> {
    Snapshot::capture().ok().and_then(|snapshot| Estimate::of_profile(&snapshot.to_profile()))
}
