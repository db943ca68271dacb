//! *Reserve*: buffers that grow by reallocation, which copies what is in them and allocates for each step.
//!
//! A buffer that grows passes through sizes; the number of reallocations to a size is the number of buffers that came that
//! far. The capacity to ask for is the largest size that more than a tenth of them reached.

use super::{Found, Ground, Measure, share};
use crate::lives::{Life, Value};

/// Buffers above the capacity that is asked for, at most.
const BEYOND: f64 = 0.1;

/// Reallocations that double a block are growth; a capacity asked for in advance spares nothing of trimming.
const DOUBLINGS: f64 = 0.5;

pub(super) fn find(ground: &Ground<'_>, life: &Life) -> Option<Found> {
    let (copied, grown) = (life.values[Value::CopiedBytes], life.values[Value::GrownBlocks]);
    let doubling_fraction = share(life.values[Value::Doublings], grown);
    if doubling_fraction < DOUBLINGS || !ground.is_worthwhile(copied, grown) {
        return None;
    }
    Some(Found {
        measure: Measure::Reserve { capacity_bytes: capacity(life)?, doubling_fraction },
        bytes: ground.saving(copied),
        blocks: Some(ground.saving(grown)),
    })
}

fn capacity(life: &Life) -> Option<i64> {
    let steps = || life.sizes.iter().map(|(&size, of_size)| (size, of_size.grown_blocks.estimate()));
    // A small block that happened to be sampled stands for many that need not have been there: what counts is how many there
    // were for certain.
    let certain = steps().map(|(_, it)| it.lower95().unwrap_or(it.value as f64)).fold(0.0, f64::max);
    let likely = steps().map(|(_, it)| it.value).max()? as f64;
    let buffers = if certain > 0.0 { certain } else { likely };
    steps().filter(|(_, it)| it.value > 0 && it.value as f64 > BEYOND * buffers).map(|it| it.0).max()
}
