//! When the process jumped.

use std::collections::BTreeMap;

use serde::Serialize;

use super::follow::Judge;
use super::join::{Background, join};
use super::judge::{Interval, Jump};
use crate::series::spikes::spike::{Spike, SpikesOptions};
use crate::series::spikes::totals::SnapshotTotals;

/// The answer of [`find_spikes`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Spikes {
    /// All snapshots, in order of time.
    pub snapshots: Vec<SnapshotTotals>,
    /// The largest spikes first.
    pub spikes: Vec<Spike>,
    /// How many smaller ones were left out, by [`SpikesOptions::limit`].
    pub omitted: usize,
    /// Why spikes of temporary blocks may be missing: the files have neither cumulative values nor a peak.
    pub only_live: bool,
}

/// Finds the times in which the process jumped: by its live bytes, by its peak, by what it allocated.
///
/// A rate of allocation is unusual when it is above the median of all other intervals by a factor, and by five standard
/// deviations, which are estimated by the median absolute deviation. With two other intervals or fewer there is
/// nothing usual but their highest. All that a [`SpikeFollower`](crate::SpikeFollower) tells while the series goes on is
/// found as well, though what came later may have become usual.
pub fn find_spikes(snapshots: &[SnapshotTotals], options: &SpikesOptions) -> Spikes {
    let mut jumps = told_while_it_went_on(snapshots, options);
    let background = Background::of(snapshots);
    for (at, pair) in snapshots.windows(2).enumerate() {
        let interval = Interval::of(&pair[0], &pair[1]);
        let judged = interval.and_then(|it| {
            let (allocated, live) = background.outside(&(at..at + 1));
            it.judge(allocated, live, options)
        });
        if let Some(jump) = judged {
            jumps.entry(at).and_modify(|it| it.add(&jump)).or_insert(jump);
        }
    }
    let mut found = join(snapshots, &jumps, &background, options, true);
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let omitted = found.len().saturating_sub(options.limit);
    found.truncate(options.limit);
    Spikes {
        snapshots: snapshots.to_vec(),
        spikes: found.into_iter().map(|it| it.1).collect(),
        omitted,
        only_live: snapshots.iter().all(|it| it.alloc_bytes.is_none() && it.peak_bytes.is_none()),
    }
}

/// The intervals that stood out from what was known when they came.
fn told_while_it_went_on(snapshots: &[SnapshotTotals], options: &SpikesOptions) -> BTreeMap<usize, Jump> {
    let mut judge = Judge::new(*options);
    let mut jumps = BTreeMap::new();
    for (number, snapshot) in snapshots.iter().enumerate() {
        jumps.extend(judge.push(*snapshot).into_iter().map(|(back, jump)| (number - back, jump)));
    }
    jumps
}
