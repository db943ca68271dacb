//! Telling of sampled blocks: tracers outside of the process, and the table of living ones.

use crate::mark::Mark;
use crate::{living, probe, sampler};

/// Tells of a sampled block that the program is about to be given.
#[inline(always)]
pub(crate) fn alloc(block: *mut u8, size: usize, mark: Mark) {
    let Some(cohort) = mark.cohort else { return };
    living::insert(block, size, mark);
    probe::alloc(block, size, || {
        let probability = sampler::probability(size as u64, cohort.history().interval_bytes());
        (size as f64 / probability).round() as u64
    });
}

/// Tells of a sampled block that is about to be given back, or to be moved.
#[inline(always)]
pub(crate) fn free(block: *mut u8, mark: Mark) {
    if mark.cohort.is_some() {
        living::remove(block, mark);
        probe::free(block);
    }
}

/// Takes back what [`free`] reported: the block is still where it was.
#[inline(always)]
pub(crate) fn kept(block: *mut u8, size: usize, mark: Mark) {
    alloc(block, size, mark);
}
