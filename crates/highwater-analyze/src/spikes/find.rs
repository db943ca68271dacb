//! In which interval the process jumped.

use serde::Serialize;

use super::SnapshotTotals;
use crate::estimate::Z95;

/// What counts as a spike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpikesOptions {
    /// Live bytes or the peak must rise by this share of what was live before. Default 0.1.
    pub min_rise: f64,
    /// The rate of allocation must be so many times the usual one. Default 3.
    pub min_times_usual: f64,
    /// Most spikes to give. Default 3.
    pub limit: usize,
}

impl Default for SpikesOptions {
    fn default() -> Self {
        Self { min_rise: 0.1, min_times_usual: 3.0, limit: 3 }
    }
}

/// What shows a spike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// The peak rose above what is live before and after: blocks came and went.
    Peak,
    /// Live bytes rose.
    Live,
    /// Far more was allocated than is usual in the series.
    Allocated,
}

/// An interval in which the process jumped.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Spike {
    /// Position of the snapshot before it; the one after it is the next.
    pub before: usize,
    /// What shows it, the plainest first.
    pub signs: Vec<Sign>,
    /// Length of the interval in nanoseconds.
    pub elapsed_ns: i64,
    /// How live bytes changed.
    pub live_change_bytes: i64,
    /// How far the peak rose above the higher of the two live values; `None` where the file has no peak or the peak did
    /// not rise in the interval.
    pub peak_above_live_bytes: Option<i64>,
    /// Bytes allocated in the interval.
    pub alloc_bytes: Option<i64>,
    /// What is usual in the series for an interval of that length; `None` when there are too few other intervals.
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
    /// Why spikes of temporary blocks may be missing: the files have neither cumulative values nor a peak.
    pub only_live: bool,
}

/// Half the width of the middle half of a normal distribution in standard deviations: what makes of a median absolute
/// deviation an estimate of the standard deviation.
const MAD_OF_NORMAL: f64 = 0.674_489_750_196_081_7;

/// Intervals beyond which a rate is unusual, in robust standard deviations.
const UNUSUAL: f64 = 5.0;

/// Finds the intervals in which the process jumped: by its live bytes, by its peak, by what it allocated.
///
/// A rate of allocation is unusual when it is above the median of all other intervals by a factor, and by five standard
/// deviations, which are estimated by the median absolute deviation. With two other intervals or fewer there is
/// nothing usual but their highest.
pub fn find_spikes(snapshots: &[SnapshotTotals], options: &SpikesOptions) -> Spikes {
    let intervals: Vec<Interval> = snapshots
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| Interval::of(at, &pair[0], &pair[1]))
        .collect();
    let allocated: Vec<Option<f64>> = intervals.iter().map(Interval::rate).collect();
    let live: Vec<Option<f64>> = intervals.iter().map(|it| Some(it.live_rate())).collect();
    let mut found: Vec<(f64, Spike)> = Vec::new();
    let [allocated, live] = [allocated, live].map(UsualOfOthers::of);
    for (at, interval) in intervals.iter().enumerate() {
        found.extend(interval.spike(allocated.than(at), live.than(at), options));
    }
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.truncate(options.limit);
    Spikes {
        snapshots: snapshots.to_vec(),
        spikes: found.into_iter().map(|it| it.1).collect(),
        only_live: snapshots.iter().all(|it| it.alloc_bytes.is_none() && it.peak_bytes.is_none()),
    }
}

/// The time between two snapshots of one process.
struct Interval<'a> {
    at: usize,
    before: &'a SnapshotTotals,
    after: &'a SnapshotTotals,
    elapsed_ns: i64,
}

impl<'a> Interval<'a> {
    fn of(at: usize, before: &'a SnapshotTotals, after: &'a SnapshotTotals) -> Option<Self> {
        let elapsed_ns = after.time_ns.saturating_sub(before.time_ns);
        (before.process == after.process && elapsed_ns > 0).then_some(Self { at, before, after, elapsed_ns })
    }

    /// Bytes allocated and their variance.
    fn allocated(&self) -> Option<(i64, f64)> {
        let (after, before) = (self.after.alloc_bytes?, self.before.alloc_bytes?);
        let square = |error: Option<f64>| error.map_or(0.0, |it| it * it);
        let variance = square(after.standard_error) - square(before.standard_error);
        Some((after.value.saturating_sub(before.value).max(0), variance.max(0.0)))
    }

    /// Bytes allocated per nanosecond.
    fn rate(&self) -> Option<f64> {
        Some(self.allocated()?.0 as f64 / self.elapsed_ns as f64)
    }

    /// How live bytes changed, in bytes per nanosecond.
    fn live_rate(&self) -> f64 {
        self.after.live_bytes.value.saturating_sub(self.before.live_bytes.value) as f64
            / self.elapsed_ns as f64
    }

    /// The spike, if it is one, and how large it is, beside the usual rates of allocation and of live bytes.
    fn spike(
        &self,
        usual: Option<Usual>,
        live: Option<Usual>,
        options: &SpikesOptions,
    ) -> Option<(f64, Spike)> {
        let base = self.before.live_bytes.value.max(1) as f64;
        let live_change = self.after.live_bytes.value.saturating_sub(self.before.live_bytes.value);
        let variance =
            [self.before, self.after].map(|it| it.live_bytes.standard_error.unwrap_or(0.0).powi(2));
        let lower = live_change as f64 - Z95 * (variance[0] + variance[1]).sqrt();
        let highest = self.before.live_bytes.value.max(self.after.live_bytes.value);
        let above = self
            .after
            .peak_bytes
            .zip(self.before.peak_bytes)
            .filter(|(after, before)| after > before)
            .map(|(after, _)| after.saturating_sub(highest))
            .filter(|it| *it > 0);
        let allocated = self.allocated();
        let expected = usual.map(|it| it.median * self.elapsed_ns as f64);

        let mut signs = Vec::new();
        let mut size = 0f64;
        if let Some(above) = above.filter(|it| *it as f64 > options.min_rise * base) {
            signs.push(Sign::Peak);
            size = size.max(above as f64);
        }
        let grows_always = live.is_some_and(|usual| {
            let usual = usual.highest_if_few.max(usual.median + UNUSUAL * usual.deviation);
            lower <= usual.max(0.0) * self.elapsed_ns as f64
        });
        if lower > options.min_rise * base && !grows_always {
            signs.push(Sign::Live);
            size = size.max(lower);
        }
        if let (Some((bytes, variance)), Some(usual)) = (allocated, usual) {
            let elapsed = self.elapsed_ns as f64;
            let error = (variance + (usual.deviation * elapsed).powi(2)).sqrt();
            let excess = bytes as f64 - usual.median * elapsed;
            let times = bytes as f64 > options.min_times_usual * usual.highest_if_few * elapsed;
            if times && excess > UNUSUAL * error && excess > options.min_rise * base {
                signs.push(Sign::Allocated);
                size = size.max(excess - Z95 * error);
            }
        }
        (!signs.is_empty()).then(|| {
            let spike = Spike {
                before: self.at,
                signs,
                elapsed_ns: self.elapsed_ns,
                live_change_bytes: live_change,
                peak_above_live_bytes: above,
                alloc_bytes: allocated.map(|it| it.0),
                usual_alloc_bytes: expected.map(|it| it as i64),
            };
            (size, spike)
        })
    }
}

/// Rates from which on one more changes nothing that is usual. It keeps long series from taking quadratic time.
const MANY: usize = 200;

/// What is usual in all intervals but one.
struct UsualOfOthers {
    rates: Vec<Option<f64>>,
    /// That of all, where there are many.
    of_all: Option<Usual>,
}

impl UsualOfOthers {
    fn of(rates: Vec<Option<f64>>) -> Self {
        let of_all = (rates.len() >= MANY).then(|| Usual::of(rates.iter().copied().flatten().collect()));
        Self { rates, of_all: of_all.flatten() }
    }

    fn than(&self, at: usize) -> Option<Usual> {
        self.of_all.or_else(|| {
            let others = self.rates.iter().enumerate().filter(|(other, _)| *other != at);
            Usual::of(others.filter_map(|(_, rate)| *rate).collect())
        })
    }
}

/// What intervals usually allocate, in bytes per nanosecond.
#[derive(Clone, Copy)]
struct Usual {
    median: f64,
    deviation: f64,
    /// The median, or, of two intervals or fewer, the highest.
    highest_if_few: f64,
}

impl Usual {
    fn of(rates: Vec<f64>) -> Option<Self> {
        let highest = rates.iter().copied().fold(0.0, f64::max);
        let few = rates.len() <= 2;
        let median = middle(rates.clone())?;
        let deviation = middle(rates.into_iter().map(|it| (it - median).abs()).collect())? / MAD_OF_NORMAL;
        Some(Self { median, deviation, highest_if_few: if few { highest } else { median } })
    }
}

/// The median.
fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let half = values.len() / 2;
    let upper = *values.get(half)?;
    Some(if values.len().is_multiple_of(2) { (values[half - 1] + upper) / 2.0 } else { upper })
}
