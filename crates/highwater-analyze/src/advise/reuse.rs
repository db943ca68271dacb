//! *Reuse*: blocks of one size that are allocated at a high rate and freed at once. A buffer that is kept, or a pool, spares
//! all but the first.

use super::{Found, Ground, Measure, share};
use crate::lives::{Life, Value};

/// Of the blocks of the row this share has to be temporary.
const TEMPORARY: f64 = 0.8;

/// Of the temporary blocks this share has to be of one size, or up to twice that.
const OF_ONE_SIZE: f64 = 0.8;

/// Blocks per second from which a rate is high.
const HIGH_RATE: f64 = 100.0;

pub(super) fn find(ground: &Ground<'_>, life: &Life) -> Option<Found> {
    let (bytes, blocks) = (life.values[Value::TempBytes], life.values[Value::TempBlocks]);
    let temporary_fraction = share(blocks, life.values[Value::AllocBlocks]);
    if temporary_fraction < TEMPORARY || !ground.is_worthwhile(bytes, blocks) {
        return None;
    }
    let saved = ground.saving(blocks);
    if saved.per_second.is_some_and(|it| it.value < HIGH_RATE) {
        return None;
    }
    let (least_bytes, most_bytes) = one_size(life, blocks.value())?;
    Some(Found {
        measure: Measure::Reuse { least_bytes, most_bytes, temporary_fraction: temporary_fraction.min(1.0) },
        bytes: ground.saving(bytes),
        blocks: Some(saved),
    })
}

/// The sizes from one to its double that have most of the temporary blocks.
fn one_size(life: &Life, all: i64) -> Option<(i64, i64)> {
    let sizes: Vec<(i64, i64)> =
        life.sizes.iter().map(|(&size, it)| (size, it.temp_blocks.value())).filter(|it| it.1 > 0).collect();
    let (mut end, mut within) = (0, 0i64);
    for (at, &(least, blocks)) in sizes.iter().enumerate() {
        while let Some(&(size, more)) = sizes.get(end).filter(|it| it.0 <= least.saturating_mul(2)) {
            within = within.saturating_add(more);
            (end, _) = (end + 1, size);
        }
        if within as f64 >= OF_ONE_SIZE * all as f64 {
            return Some((least, sizes[end.max(at + 1) - 1].0));
        }
        within -= blocks;
    }
    None
}
