//! Blocks that are alive long after others of their kind have gone.
//!
//! The lifetimes of freed blocks say how long blocks of a row usually live. A live block is known to be older than that
//! when an early enough snapshot has seen it. Where the times of the snapshots are not known, Little's law gives what can be
//! as young: at `r` births per second of blocks that live for at most `w` seconds no more than `r·w` are alive at a time.
//!
//! A program sets up at its start what it keeps, with the same code that later makes blocks for a moment. So blocks that were
//! there at the first snapshot are none of these, and the others have to come from more than one stretch between snapshots.

use crate::findings::gap::Gap;
use crate::findings::history::History;
use crate::findings::leaks::leak::LeakEvidence;
use crate::findings::lives::value::Value;
use crate::findings::lives::{Life, Lives};
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// Freed blocks that have to have been timed.
const LEAST_SAMPLES: f64 = 10.0;

/// Old blocks that have to have been sampled: a buffer that is kept and used again is one block, and no leak.
const LEAST_OLD: f64 = 4.0;

/// Snapshots that have to have been the first to see some of them.
const LEAST_SNAPSHOTS: usize = 2;

/// The share of freed blocks whose lifetime is the usual one.
const USUAL: f64 = 0.99;

/// A block that lives so many times as long as usual outlives its kind; so many times as many as Little's law has it, likewise.
const LONGER: i64 = 8;

/// A usual lifetime above this share of the run says nothing.
const LONGEST_SHARE: i64 = 64;

/// Evidence that blocks of a row live on when their like are gone, if at least `least` bytes do.
pub(super) fn outlives(
    life: &Life,
    lives: &Lives<'_>,
    history: &History,
    least: f64,
) -> Option<LeakEvidence> {
    let freed = sum(life.lifetimes.values().copied());
    if freed.samples() < LEAST_SAMPLES {
        return None;
    }
    let usual_ns = usual(life, freed.value())?;
    let period_ns = lives.period_ns()?;
    if usual_ns > period_ns / LONGEST_SHARE {
        return None;
    }
    let too_old_ns = usual_ns.saturating_mul(LONGER);
    let old_enough = seen_before(lives, history, too_old_ns);
    let last_epoch = old_enough.map_or(lives.epoch?, |it| it.0);
    let after_start = life.births.iter().filter(|it| (2..=last_epoch).contains(it.0) && it.1.value() > 0);
    let old = sum(after_start.clone().map(|it| *it.1));
    if old.samples() < LEAST_OLD || after_start.count() < LEAST_SNAPSHOTS {
        return None;
    }
    let (old_bytes, older_than_ns) = match old_enough {
        Some((_, age_ns)) => (old.estimate(), Some(age_ns)),
        None => (too_many(life, old, too_old_ns as f64 / period_ns as f64), None),
    };
    let is_certain = old_bytes.lower95().is_some_and(|it| it > 0.0 && it >= least);
    is_certain.then(|| LeakEvidence::OutlivesItsKind {
        usual_ns,
        freed_blocks: freed.estimate(),
        old_bytes,
        older_than_ns,
    })
}

/// The end of the bucket by which [`USUAL`] of the freed blocks had gone.
fn usual(life: &Life, freed: i64) -> Option<i64> {
    let wanted = (freed as f64 * USUAL).ceil() as i64;
    let mut gone = 0i64;
    for (&at_least, blocks) in &life.lifetimes {
        gone = gone.saturating_add(blocks.value());
        if gone >= wanted {
            // The first bucket begins at 1 ns and ends at 1,024.
            return Some(at_least.saturating_mul(2).max(1024));
        }
    }
    None
}

/// The last of the earlier snapshots that was taken at least so long ago, and how long.
fn seen_before(lives: &Lives<'_>, history: &History, age_ns: i64) -> Option<(i64, i64)> {
    let epoch = lives.epoch?;
    let now_ns = lives.header.time_ns?;
    let earlier = history.snapshots.iter().filter(|it| it.0 < epoch);
    earlier
        .map(|&(epoch, time_ns)| (epoch, now_ns - time_ns))
        .filter(|it| it.1 >= age_ns)
        .max_by_key(|it| it.0)
}

/// What of `live` is beyond what can be young, which is this share of all that was ever allocated.
fn too_many(life: &Life, live: Sum, young: f64) -> Estimate {
    let allocated = life.values[Value::AllocBytes];
    // The live blocks are among those that were allocated; taken as if they were not, which errs to the side of silence.
    live.minus(allocated.scaled(young)).estimate()
}

fn sum(sums: impl Iterator<Item = Sum>) -> Sum {
    sums.fold(Sum::ZERO, |mut all, it| {
        all.add(it);
        all
    })
}

/// What is missing for this to be found.
pub(super) fn gap(lives: &Lives<'_>, rows: &[Life]) -> Option<Gap> {
    if !lives.has(Value::AllocBytes) || lives.period_ns().is_none() {
        return Some(Gap::AllocatedTotals);
    }
    let timed = lives.has(Value::FreedBlocks) || rows.iter().any(|it| !it.lifetimes.is_empty());
    if !timed {
        return Some(Gap::Lifetimes);
    }
    // The first, and those that have to have been the first to see some.
    let (have, need) = (lives.epoch.unwrap_or(0), 1 + LEAST_SNAPSHOTS as i64);
    (have < need).then_some(Gap::Snapshots { have, need })
}
