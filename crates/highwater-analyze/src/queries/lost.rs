//! What a recorder had to leave out, and how much of an answer may be missing for it.

use highwater_profile::Profile;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::sample_kind::{SampleKind, Unit};
use crate::statistics::sampling::{self, Sampling};
use crate::statistics::sum::Sum;

/// Samples that the recorder lost, mostly because its memory was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Lost {
    /// How many.
    pub samples: i64,
    /// How much of the answer's values is missing, at the most; `None` when the file does not say.
    pub most: Option<i64>,
}

impl Lost {
    /// What is missing of these values, which add up to `total` in the file; `None` when nothing was lost.
    pub(crate) fn of(profile: &Profile, kind: &SampleKind, total: i64) -> Option<Self> {
        let meta = profile.meta?;
        let samples = meta.dropped_samples.filter(|it| *it > 0)?;
        let live = |allocated: Option<i64>, freed: Option<i64>| {
            allocated.zip(freed).map(|(allocated, freed)| allocated.saturating_sub(freed))
        };
        // What the process counted, whatever was recorded of it.
        let counted = match kind {
            SampleKind::LiveBytes => live(meta.alloc_bytes, meta.freed_bytes),
            SampleKind::LiveBlocks => live(meta.alloc_blocks, meta.freed_blocks),
            SampleKind::AllocBytes => meta.alloc_bytes,
            SampleKind::AllocBlocks => meta.alloc_blocks,
            SampleKind::PeakBytes => meta.peak_bytes,
            _ => None,
        };
        let is_exact = sampling::interval_bytes(profile) == Some(1) && meta.exact != Some(0);
        let dropped = match kind.unit(profile) {
            Unit::Bytes => meta.dropped_bytes,
            _ => meta.dropped_blocks,
        };
        let most = match (counted, dropped) {
            (Some(counted), _) if is_exact => Some(counted.saturating_sub(total).max(0)),
            (Some(counted), Some(dropped)) => Some(dropped.min(counted.max(0))),
            (_, dropped) => dropped,
        };
        Some(Self { samples, most })
    }
}

/// What is missing of these values of a profile because its recorder lost samples; `None` when nothing is.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn lost(profile: &Profile, kind: &SampleKind) -> Result<Option<Lost>, AnalyzeError> {
    let column = kind.column(profile)?;
    Ok(Lost::of(profile, kind, total(profile, column).value()))
}

/// What all rows add up to.
pub(crate) fn total(profile: &Profile, column: usize) -> Sum {
    let mut sampling = Sampling::of(profile, column);
    let mut sum = Sum::ZERO;
    for sample in profile.samples.iter().filter(|it| it.values[column] != 0) {
        sum.add(Sum::new(sample.values[column], sampling.basis(&sample)));
    }
    sum
}
