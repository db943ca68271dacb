//! What counts as a spike, and what a spike is.

use serde::Serialize;

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
