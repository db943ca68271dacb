//! What the rules of advice look at, and what each of them answers.

use crate::findings::advise::advice::{Measure, Rate, Saving};
use crate::findings::history::History;
use crate::findings::lives::Lives;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// Less is not worth a change, whatever share it is: a program allocates as much in a millisecond.
const LEAST_BYTES: f64 = 1_048_576.0;

const LEAST_BLOCKS: f64 = 1000.0;

/// What the rules look at.
pub(super) struct Ground<'a> {
    pub lives: &'a Lives<'a>,
    pub history: &'a History,
    /// All that was allocated, and is live.
    pub total: SiteTotals,
    /// The least share of the whole that is worth a finding.
    pub min_fraction: f64,
    pub period_ns: Option<i64>,
}

pub(super) struct SiteTotals {
    pub alloc_bytes: Sum,
    pub alloc_blocks: Sum,
    pub live_bytes: Sum,
}

impl Ground<'_> {
    /// What is saved of traffic.
    pub fn saving(&self, sum: Sum) -> Saving {
        let total = sum.estimate();
        Saving { total, per_second: self.period_ns.map(|it| Rate::of(total, it as f64 / 1e9)) }
    }

    /// Whether both certainly are more than nothing, and one is enough of all traffic, and enough in itself, to be worth a
    /// change.
    pub fn is_worthwhile(&self, bytes: Sum, blocks: Sum) -> bool {
        let certain = |sum: Sum| Some(sum.estimate()).filter(Estimate::stands_out)?.lower95();
        let (Some(least_bytes), Some(least_blocks)) = (certain(bytes), certain(blocks)) else { return false };
        let enough = |whole: Sum, least: f64| match self.min_fraction * whole.value() as f64 {
            0.0 => 0.0,
            share => share.max(least),
        };
        least_bytes >= enough(self.total.alloc_bytes, LEAST_BYTES)
            || least_blocks >= enough(self.total.alloc_blocks, LEAST_BLOCKS)
    }
}

/// What a rule found in a row.
pub(super) struct Found {
    pub measure: Measure,
    pub bytes: Saving,
    pub blocks: Option<Saving>,
}

/// A sum, or what there is of it at the most.
pub(super) fn at_most(sum: Sum, whole: Sum) -> Sum {
    if sum.exact() > whole.exact() { whole } else { sum }
}

/// The share that one sum is of another; 0 of nothing.
pub(super) fn share(part: Sum, whole: Sum) -> f64 {
    part.fraction_of(whole.magnitude())
}
