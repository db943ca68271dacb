//! *Reuse*: blocks of one size that are allocated at a high rate and freed at once. A buffer that is kept, or a pool, spares
//! all but the first.
//!
//! What is filled, used and freed is a buffer that can be kept. What lives longer is data, also where that is over within a
//! millisecond: the nodes of a map, the items of a list. And what one call makes whole is a value, which may be handed on: no
//! profile says who frees a block.

use super::hoist::own_name;
use super::{Found, Ground, Measure, at_most, makers, share};
use crate::Frame;
use crate::estimate::Sum;
use crate::lives::{Life, Lives, OfSize, Value};

/// Of the blocks of the row this share has to be temporary.
const TEMPORARY: f64 = 0.8;

/// Of the temporary blocks this share has to be of one size, or up to twice that.
const OF_ONE_SIZE: f64 = 0.8;

/// Smaller blocks are not worth keeping: what leads to a kept block takes as much.
const LEAST_BYTES: i64 = 16;

/// Of the blocks of that size this share has to be freed as soon as they are used.
const BRIEF: f64 = 0.8;

/// Blocks per second from which a rate is high.
const HIGH_RATE: f64 = 100.0;

pub(super) fn find(ground: &Ground<'_>, row: usize, life: &Life) -> Option<Found> {
    let (temporary, allocated) = (life.values[Value::TempBlocks], life.values[Value::AllocBlocks]);
    let temporary_fraction = share(temporary, allocated);
    if temporary_fraction < TEMPORARY {
        return None;
    }
    let (least_bytes, most_bytes) = one_size(life, temporary.value())?;
    let (mut bytes, mut blocks) = (Sum::ZERO, Sum::ZERO);
    let (mut freed, mut brief) = (Sum::ZERO, Sum::ZERO);
    for it in life.sizes.range(least_bytes..=most_bytes).map(|it| it.1) {
        bytes.add(it.temp_bytes);
        blocks.add(it.temp_blocks);
        freed.add(it.freed_blocks);
        brief.add(it.brief_blocks);
    }
    // Not every format says how long blocks lived.
    let is_data = !freed.is_zero() && share(brief, freed) < BRIEF;
    if least_bytes < LEAST_BYTES
        || is_data
        || !is_buffer(ground.lives, row, life)
        || !ground.is_worthwhile(bytes, blocks)
    {
        return None;
    }
    let saved = ground.saving(at_most(blocks, allocated));
    if saved.per_second.is_some_and(|it| it.value < HIGH_RATE) {
        return None;
    }
    Some(Found {
        measure: Measure::Reuse { least_bytes, most_bytes, temporary_fraction: temporary_fraction.min(1.0) },
        bytes: ground.saving(at_most(bytes, life.values[Value::AllocBytes])),
        blocks: Some(saved),
    })
}

/// Whether the line may be able to keep what it allocates. A box is a place for one value and not a buffer, and a copy is for
/// who asked for it, as is what was made whole.
fn is_buffer(lives: &Lives<'_>, row: usize, life: &Life) -> bool {
    let asked = lives.asked(life);
    if makers::is_made_whole(lives, life) || makers::is_formatter(lives, row, life) {
        return false;
    }
    let is_of_vec = |it: &Frame| {
        let has = |text: &Option<String>| text.as_ref().is_some_and(|it| it.contains("raw_vec"));
        has(&it.function) || has(&it.file)
    };
    let is_copy = lives.function(row).is_some_and(|it| own_name(it) == "clone");
    !is_copy && (asked.is_empty() || asked.iter().any(is_of_vec))
}

/// The sizes from one to its double that have most of the temporary blocks.
fn one_size(life: &Life, all: i64) -> Option<(i64, i64)> {
    let of_size = |(&size, it): (&i64, &OfSize)| (size, it.temp_blocks.value());
    let sizes: Vec<(i64, i64)> = life.sizes.iter().map(of_size).filter(|it| it.1 > 0).collect();
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
