//! What was allocated again and again, and next to nothing of it freed.
//!
//! Live blocks say which snapshot saw them first. What a program sets up at its start and keeps is seen first by one
//! snapshot or two that follow each other; what piles up is first seen by snapshots all over the run.

use crate::findings::gap::Gap;
use crate::findings::leaks::leak::LeakEvidence;
use crate::findings::lives::value::Value;
use crate::findings::lives::{Life, Lives};
use crate::statistics::sum::Sum;

/// Parts of the run, after the first snapshot, in each of which new blocks must have been seen.
const PARTS: i64 = 3;

/// Snapshots that it takes: the first, and one for each part.
const SNAPSHOTS: i64 = PARTS + 1;

/// Of all that was allocated, this share may have been freed: a table that grows leaves smaller ones behind.
const FREED_AT_MOST: f64 = 0.1;

/// Evidence that the blocks of a row pile up, if there is any.
pub(crate) fn never_freed(life: &Life, lives: &Lives<'_>) -> Option<LeakEvidence> {
    let epoch = lives.epoch.filter(|it| *it >= SNAPSHOTS)?;
    let allocated = life.values[Value::AllocBytes];
    let freed_fraction_at_most = freed_at_most(life)?;
    let mut parts = [Sum::ZERO; PARTS as usize];
    let mut snapshots = 0;
    for (&born, &bytes) in life.births.range(2..=epoch) {
        // Snapshot 2 begins the first part, the last one ends the last.
        let part = (born - 2) * PARTS / (epoch - 1);
        parts[part as usize].add(bytes);
        snapshots += 1;
    }
    let piles_up = parts.iter().all(|it| it.estimate().stands_out());
    (piles_up && freed_fraction_at_most <= FREED_AT_MOST).then(|| LeakEvidence::NeverFreed {
        snapshots,
        alloc_bytes: allocated.estimate(),
        freed_fraction_at_most,
    })
}

/// The share of a row's bytes that was freed, at the most.
fn freed_at_most(life: &Life) -> Option<f64> {
    let allocated = life.values[Value::AllocBytes].value();
    let freed = life.freed([Value::AllocBytes, Value::LiveBytes]).estimate().upper95()?;
    (allocated > 0).then(|| (freed / allocated as f64).clamp(0.0, 1.0))
}

/// What is missing for this to be found.
pub(crate) fn gap(lives: &Lives<'_>, rows: &[Life]) -> Option<Gap> {
    if !lives.has(Value::AllocBytes) {
        return Some(Gap::AllocatedTotals);
    }
    match lives.epoch {
        Some(have) if have < SNAPSHOTS => Some(Gap::Snapshots { have, need: SNAPSHOTS }),
        Some(_) if rows.iter().any(|it| !it.births.is_empty()) => None,
        _ => Some(Gap::BirthEpochs),
    }
}
