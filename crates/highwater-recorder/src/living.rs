//! Where the sampled live blocks are, for those who ask what each keeps resident.
//!
//! In exact mode only the blocks whose lifetimes are timed are here: the first of each site, and then one in
//! [`STRIDE`](crate::lifetime::STRIDE).

use core::ptr::NonNull;

use highwater_lockfree::block_table::BlockTable;

use crate::cohort::Cohort;
use crate::lifetime::STRIDE;
use crate::mark::{self, Mark};
use crate::sampler;

static LIVING: BlockTable<Living> = BlockTable::new();

#[derive(Clone, Copy)]
struct Living {
    cohort: &'static Cohort,
    size: usize,
    lead: u8,
    is_drawn: bool,
}

/// A sampled live block.
#[derive(Clone, Copy, Debug)]
pub struct LiveSample {
    /// Where the inner allocator's block begins.
    pub start: usize,
    /// Bytes in front of the program's part, which are Highwater's.
    pub lead: usize,
    /// Bytes that the program requested.
    pub size: usize,
    /// Where the block is counted: the same number as in [`SiteTotals::cohort`](crate::SiteTotals::cohort).
    pub cohort: usize,
    /// The probability with which a block of this site and size is seen here.
    pub probability: f64,
}

/// Remembers a sampled block that the program is about to be given.
#[inline(always)]
pub(crate) fn insert(block: *mut u8, size: usize, mark: Mark) {
    if let (Some(cohort), Some(birth)) = (mark.cohort, mark.birth) {
        let lead = if mark::shows(block) { mark.bytes() as u8 } else { 0 };
        keep(block, Living { cohort, size, lead, is_drawn: birth.is_drawn });
    }
}

#[inline(never)]
fn keep(block: *mut u8, living: Living) {
    // A block that cannot be kept is not asked about.
    NonNull::new(block).map(|block| LIVING.insert(block, living));
}

/// Forgets a sampled block that is about to be given back, or to be moved.
#[inline(always)]
pub(crate) fn remove(block: *mut u8, mark: Mark) {
    if mark.birth.is_some()
        && let Some(block) = NonNull::new(block)
    {
        LIVING.remove(block);
    }
}

/// The number of sampled live blocks that [`visit_live_samples`] shows, roughly.
pub fn live_samples() -> usize {
    let mut count = 0;
    LIVING.visit(|_, _| count += 1);
    count
}

/// Shows the sampled live blocks. `visit` must not allocate: other threads may wait for it.
pub fn visit_live_samples(mut visit: impl FnMut(LiveSample)) {
    LIVING.visit(|block, Living { cohort, size, lead, is_drawn }| {
        let interval_bytes = cohort.history().interval_bytes();
        let probability = match interval_bytes {
            1 if is_drawn => 1.0 / STRIDE as f64,
            _ => sampler::probability(size as u64, interval_bytes),
        };
        let lead = usize::from(lead);
        let cohort = core::ptr::from_ref(cohort).addr();
        visit(LiveSample { start: block - lead, lead, size, cohort, probability });
    });
}

/// Brings the table to rest before a fork.
pub(crate) fn before_fork() {
    LIVING.before_fork();
}

/// Lets it go on, in parent and child.
pub(crate) fn after_fork() {
    LIVING.after_fork();
}
