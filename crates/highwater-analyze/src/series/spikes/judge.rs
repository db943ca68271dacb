//! Whether an interval stands out from the others.

use super::totals::SnapshotTotals;
use super::usual::Usual;
use crate::series::spikes::spike::{Sign, SpikesOptions};
use crate::statistics::estimate::Z95;

/// Intervals beyond which a rate is unusual, in robust standard deviations.
pub(super) const UNUSUAL: f64 = 5.0;

/// The time between two snapshots of one process.
pub(super) struct Interval<'a> {
    before: &'a SnapshotTotals,
    after: &'a SnapshotTotals,
    pub(super) elapsed_ns: i64,
}

/// What an interval that stands out shows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Jump {
    /// The plainest first.
    pub(super) signs: Vec<Sign>,
    /// By how many bytes it stands out.
    pub(super) bytes: f64,
}

impl Jump {
    /// What one or the other of two judgements says.
    pub(super) fn add(&mut self, other: &Self) {
        self.signs.extend(&other.signs);
        self.signs.sort();
        self.signs.dedup();
        self.bytes = self.bytes.max(other.bytes);
    }
}

impl<'a> Interval<'a> {
    /// `None` where the second snapshot does not go on with the first.
    pub(super) fn of(before: &'a SnapshotTotals, after: &'a SnapshotTotals) -> Option<Self> {
        let elapsed_ns = after.time_ns.saturating_sub(before.time_ns);
        (before.process == after.process && elapsed_ns > 0).then_some(Self { before, after, elapsed_ns })
    }

    /// Bytes allocated and their variance.
    pub(super) fn allocated(&self) -> Option<(i64, f64)> {
        let (after, before) = (self.after.alloc_bytes?, self.before.alloc_bytes?);
        let square = |error: Option<f64>| error.map_or(0.0, |it| it * it);
        let variance = square(after.standard_error) - square(before.standard_error);
        Some((after.value.saturating_sub(before.value).max(0), variance.max(0.0)))
    }

    /// Bytes allocated per nanosecond.
    pub(super) fn rate(&self) -> Option<f64> {
        Some(self.allocated()?.0 as f64 / self.elapsed_ns as f64)
    }

    /// How live bytes changed, in bytes per nanosecond.
    pub(super) fn live_rate(&self) -> f64 {
        self.after.live_bytes.value.saturating_sub(self.before.live_bytes.value) as f64
            / self.elapsed_ns as f64
    }

    /// How far the peak rose above the higher of the two live values, if it did.
    pub(super) fn peak_above_live(&self) -> Option<i64> {
        let highest = self.before.live_bytes.value.max(self.after.live_bytes.value);
        let peaks = self.after.peak_bytes.zip(self.before.peak_bytes);
        peaks
            .filter(|(after, before)| after > before)
            .map(|(after, _)| after.saturating_sub(highest))
            .filter(|it| *it > 0)
    }

    /// What it shows beside the usual rates of allocation and of live bytes, if it stands out.
    pub(super) fn judge(
        &self,
        usual: Option<Usual>,
        live: Option<Usual>,
        options: &SpikesOptions,
    ) -> Option<Jump> {
        let base = self.before.live_bytes.value.max(1) as f64;
        let elapsed = self.elapsed_ns as f64;
        let lower = lower_rise(self.before, self.after);
        let mut signs = Vec::new();
        let mut size = 0f64;
        if let Some(above) = self.peak_above_live().filter(|it| *it as f64 > options.min_rise * base) {
            signs.push(Sign::Peak);
            size = size.max(above as f64);
        }
        let grows_always = live.is_some_and(|usual| {
            let usual = usual.highest_if_few.max(usual.median + UNUSUAL * usual.deviation);
            lower <= usual.max(0.0) * elapsed
        });
        if lower > options.min_rise * base && !grows_always {
            signs.push(Sign::Live);
            size = size.max(lower);
        }
        if let (Some((bytes, variance)), Some(usual)) = (self.allocated(), usual) {
            let error = (variance + (usual.deviation * elapsed).powi(2)).sqrt();
            let excess = bytes as f64 - usual.median * elapsed;
            let times = bytes as f64 > options.min_times_usual * usual.highest_if_few * elapsed;
            if times && excess > UNUSUAL * error && excess > options.min_rise * base {
                signs.push(Sign::Allocated);
                size = size.max(excess - Z95 * error);
            }
        }
        (!signs.is_empty()).then_some(Jump { signs, bytes: size })
    }
}

/// By how much live bytes rose at the least, at 95 %.
pub(super) fn lower_rise(before: &SnapshotTotals, after: &SnapshotTotals) -> f64 {
    let change = after.live_bytes.value.saturating_sub(before.live_bytes.value);
    let variance = [before, after].map(|it| it.live_bytes.standard_error.unwrap_or(0.0).powi(2));
    change as f64 - Z95 * (variance[0] + variance[1]).sqrt()
}
