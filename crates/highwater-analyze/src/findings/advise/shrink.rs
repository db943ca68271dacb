//! *Shrink*: large live blocks that came to be by doubling. A buffer that doubles whenever it is full is between half full and
//! full, so as much as half of such a block may never have been written to. How full it is no profile says.

use crate::findings::advise::advice::{Measure, Saving};
use crate::findings::advise::ground::{Found, Ground};
use crate::findings::lives::Life;
use crate::findings::lives::value::Value;
use crate::statistics::sum::Sum;

/// Smaller blocks are not worth trimming.
const LARGE_BYTES: i64 = 64 << 10;

pub(super) fn find(ground: &Ground<'_>, life: &Life) -> Option<Found> {
    // Trimming is a reallocation too, and never a doubling.
    if 2 * life.values[Value::Doublings].value() < life.values[Value::GrownBlocks].value() {
        return None;
    }
    let grown = life.sizes.range(LARGE_BYTES..).map(|it| it.1);
    let grown = grown.filter(|it| 2 * it.grown_blocks.value() > it.alloc_blocks.value());
    let held = grown.fold(Sum::ZERO, |mut sum, it| {
        sum.add(it.live_bytes);
        sum
    });
    let held = held.estimate();
    let certain = held.lower95()?;
    if certain <= 0.0 || certain < ground.min_fraction * ground.total.live_bytes.value() as f64 {
        return None;
    }
    let half = held.scaled(0.5);
    Some(Found {
        measure: Measure::Shrink { held_bytes: held, large_bytes: LARGE_BYTES },
        bytes: Saving { total: half, per_second: None },
        blocks: None,
    })
}
