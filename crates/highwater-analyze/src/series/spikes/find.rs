//! When the process jumped.

use std::collections::BTreeMap;

use serde::Serialize;

use super::SnapshotTotals;
use super::follow::Judge;
use super::join::{Background, join};
use super::judge::{Interval, Jump};

/// What counts as a spike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpikesOptions {
    /// Live bytes or the peak must rise by this share of what was live before. Default 0.1.
    pub min_rise: f64,
    /// The rate of allocation must be so many times the usual one. Default 3.
    pub min_times_usual: f64,
    /// Most spikes to give. Default: all.
    pub limit: usize,
}

impl Default for SpikesOptions {
    fn default() -> Self {
        Self { min_rise: 0.1, min_times_usual: 3.0, limit: usize::MAX }
    }
}

/// What shows a spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The peak rose above what is live before and after: blocks came and went.
    Peak,
    /// Live bytes rose.
    Live,
    /// Far more was allocated than is usual in the series.
    Allocated,
}

/// A time in which the process jumped: one interval of the series, or several that belong together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Spike {
    /// Position of the snapshot before it.
    pub before: usize,
    /// Position of the snapshot in it that has most bytes live.
    pub peak: usize,
    /// Position of the snapshot to compare with the one before: that with most bytes live where these rose, and otherwise the
    /// last one of the spike.
    pub after: usize,
    /// Position of the last snapshot of the spike.
    pub last: usize,
    /// What shows it, the plainest first.
    pub signs: Vec<Sign>,
    /// Time from `before` to `after` in nanoseconds.
    pub elapsed_ns: i64,
    /// How live bytes changed from `before` to `peak`.
    pub live_change_bytes: i64,
    /// How far the peak of the process rose above all live values of the snapshots from `before` to `last`; `None` where the
    /// file has no peak or the peak did not rise in that time.
    pub peak_above_live_bytes: Option<i64>,
    /// Bytes allocated from `before` to `after`.
    pub alloc_bytes: Option<i64>,
    /// What is usual in the series for a time of that length; `None` when there are too few other intervals.
    pub usual_alloc_bytes: Option<i64>,
}

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
/// nothing usual but their highest. All that a [`SpikeFollower`](super::SpikeFollower) tells while the series goes on is
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
