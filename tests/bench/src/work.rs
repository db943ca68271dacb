//! What a workload is.

use crate::failure::Failure;
use crate::totals::Totals;

/// A workload that allocates and frees.
pub trait Workload {
    /// Runs this many operations. Live blocks stay live until the next run, or until the workload is dropped.
    ///
    /// # Errors
    /// When the input is invalid or a system call fails.
    fn run(&mut self, operations: u64) -> Result<(), Failure>;

    /// Its own count of allocated and live blocks; `None` if libraries allocate for it.
    fn own(&self) -> Option<Totals>;
}
