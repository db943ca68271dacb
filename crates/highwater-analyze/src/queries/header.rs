//! What is true of a whole answer: the values shown, how they were sampled, and what they add up to.

use std::collections::BTreeMap;

use highwater_profile::Profile;
use serde::Serialize;

use crate::frames::drop_frames::DropFrames;
use crate::queries::lost::Lost;
use crate::sample_kind::{SampleKind, Unit};
use crate::statistics::estimate::Estimate;
use crate::statistics::sampling;
use crate::statistics::sum::Sum;

/// What an answer is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Header {
    /// The kind of values, as [`SampleKind`] displays it.
    pub sample: String,
    /// Unit of all values of the answer.
    pub unit: Unit,
    /// Sampling interval in bytes; `None` when the file does not say.
    pub interval_bytes: Option<i64>,
    /// What there is from one sample to the next where that is not bytes, such as processor time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub period: Option<Period>,
    /// Every block was recorded: no value has a sampling error.
    pub exact: bool,
    /// What the recorder lost, if it lost anything; then `exact` is false.
    pub lost: Option<Lost>,
    /// The profile is the difference of two: its values have signs, and nothing says how far sampling put them off.
    pub difference: bool,
    /// Sum over the whole profile, filters or not.
    pub total: Estimate,
    /// Sum over the samples that `focus` and `ignore` left.
    pub shown_total: Estimate,
    /// Number of the profile's rows with such a value that `focus` and `ignore` left.
    pub samples: usize,
    /// The kinds of which the profile has any value, as [`SampleKind`] displays them.
    pub kinds_with_values: Vec<String>,
    /// When the profile was taken, in nanoseconds since 1970-01-01 UTC.
    pub time_ns: Option<i64>,
    /// Time that cumulative values cover, in nanoseconds.
    pub duration_ns: Option<i64>,
    /// What the recorder says about the process, by name; `None` in profiles of other tools.
    pub meta: Option<BTreeMap<String, i64>>,
    /// What keeps the answer from saying more or better, and what to do about it, one sentence each: names that are missing,
    /// expressions of the file that are none.
    pub notes: Vec<String>,
}

/// A sampling interval that is not in bytes, as profiles of processor time have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Period {
    /// How much there is from one sample to the next, in `unit`.
    pub value: i64,
    /// What is counted, such as `cpu`.
    pub kind: String,
    /// Unit of `value`.
    pub unit: Unit,
}

impl Period {
    /// That of a profile; `None` where it is in bytes, not stated, or 1: then everything was recorded.
    pub(crate) fn of(profile: &Profile) -> Option<Self> {
        let period = profile.period_type.as_ref().filter(|it| it.unit != "bytes" && profile.period > 1)?;
        Some(Self { value: profile.period, kind: period.kind.clone(), unit: Unit::named(&period.unit) })
    }
}

impl Header {
    /// A header without totals.
    pub(crate) fn new(profile: &Profile, kind: &SampleKind) -> Self {
        let interval_bytes = sampling::interval_bytes(profile);
        Self {
            sample: kind.to_string(),
            unit: kind.unit(profile),
            interval_bytes,
            period: Period::of(profile),
            exact: sampling::is_exact(profile),
            lost: None,
            difference: profile.is_difference(),
            total: Estimate::default(),
            shown_total: Estimate::default(),
            samples: 0,
            kinds_with_values: kinds_with_values(profile),
            time_ns: known(profile.time_ns),
            duration_ns: known(profile.duration_ns),
            meta: meta(profile),
            notes: notes(profile),
        }
    }

    /// Sets what the values of the whole profile add up to, and what the filters left.
    pub(crate) fn add_up(&mut self, profile: &Profile, total: Estimate, shown_total: Estimate) {
        (self.total, self.shown_total) = (total, shown_total);
        self.exact &= !total.has_error();
        self.lost = Lost::of(profile, &SampleKind::named(&self.sample), total.value);
    }
}

/// What was found out while the profile was read, and what it asks for and cannot be done; see [`Header::notes`].
pub fn notes(profile: &Profile) -> Vec<String> {
    let mut notes = profile.source.notes.clone();
    notes.extend(DropFrames::of(profile).err().map(|it| format!("{it}; no frame is left out")));
    notes
}

/// The kinds of which the profile has any value, as [`SampleKind`] displays them.
pub fn kinds_with_values(profile: &Profile) -> Vec<String> {
    let mut has_values = vec![false; profile.sample_types().len()];
    for values in profile.samples.values().chunks_exact(has_values.len().max(1)) {
        for (has, &value) in has_values.iter_mut().zip(values) {
            *has |= value != 0;
        }
    }
    let kinds = profile.sample_types().iter().zip(has_values).filter(|(_, has)| *has);
    kinds.map(|(it, _)| SampleKind::named(&it.kind).to_string()).collect()
}

/// A time, unless it is the 0 that stands for an unknown one.
pub(crate) fn known(time_ns: i64) -> Option<i64> {
    Some(time_ns).filter(|it| *it != 0)
}

/// What the recorder says about the process.
pub(crate) fn meta(profile: &Profile) -> Option<BTreeMap<String, i64>> {
    Some(profile.meta?.facts().map(|(name, value, _)| (name.to_owned(), value)).collect())
}

/// What was left out of an answer for being small or beyond the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Omitted {
    /// Number of rows.
    pub rows: usize,
    /// Sum of their values (of their changes, in a diff).
    pub value: i64,
}

impl Omitted {
    /// Counts rows with these values.
    pub(crate) fn of(values: impl Iterator<Item = Sum>) -> Self {
        let (mut rows, mut total) = (0, Sum::ZERO);
        for value in values {
            rows += 1;
            total.add(value);
        }
        Self { rows, value: total.value() }
    }
}
