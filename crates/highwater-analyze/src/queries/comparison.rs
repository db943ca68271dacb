//! What two profiles are to each other: whether their difference means anything, and which of their samples are the same.

use highwater_profile::{Meta, Profile};
use serde::Serialize;

use crate::caveat::Caveat;
use crate::error::AnalyzeError;
use crate::queries::header::Header;
use crate::sample_kind::{Course, SampleKind};

/// Which samples two profiles have in common, and so how the errors of a change add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Overlap {
    /// None that are known: the errors of both add up.
    Independent,
    /// The blocks that live in both snapshots of one process. Their samples are the same, so only those of new and of
    /// dead blocks have an error.
    Survivors,
    /// All of the earlier snapshot: values that only grow in one process. Only what was added has an error.
    Nested,
}

/// What two profiles are to each other.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub overlap: Overlap,
    /// The base is the later one of two snapshots of one process.
    pub reversed: bool,
    /// Number of the earlier snapshot in the process, where there are survivors.
    pub earlier_epoch: i64,
    pub caveats: Vec<Caveat>,
}

impl Comparison {
    /// Compares the profiles as wholes.
    ///
    /// # Errors
    /// When they count in different units, unless forced.
    pub fn of(
        profiles: [&Profile; 2],
        headers: [&Header; 2],
        kind: &SampleKind,
        force: bool,
    ) -> Result<Self, AnalyzeError> {
        let [base, new] = profiles;
        let mut caveats = Vec::new();
        recording(headers, &mut caveats);
        let pair = base.meta.zip(new.meta);
        let processes = pair.and_then(|(base, new)| base.process.zip(new.process));
        let is_same_process = processes.is_some_and(|(base, new)| base == new);
        let epochs = pair.and_then(|(base, new)| base.epoch.zip(new.epoch)).filter(|_| is_same_process);
        match (processes, pair) {
            (Some(_), Some(metas)) if is_same_process => order(profiles, metas, &mut caveats),
            (Some(_), _) if is_same_program(base, new) => caveats.push(Caveat::Restarted),
            (Some(_), _) => caveats.push(Caveat::DifferentPrograms),
            _ => caveats.extend(back_ns(profiles).map(|back_ns| Caveat::Older { back_ns })),
        }
        if let Some(refusal) = caveats.iter().find(|it| it.is_refusal() && !force) {
            return Err(AnalyzeError::NotComparable(refusal.clone()));
        }
        let is_doubtful = caveats.iter().any(|it| matches!(it, Caveat::TotalsWentBack { .. }));
        let epochs = epochs.filter(|_| !is_doubtful);
        let overlap = match (epochs, kind.course()) {
            (Some(_), Course::Live) => Overlap::Survivors,
            (Some(_), Course::Cumulative) => Overlap::Nested,
            _ => Overlap::Independent,
        };
        if overlap == Overlap::Independent && !is_same_process {
            caveats.push(Caveat::SamplingOnly);
        }
        if kind.course() == Course::Peak {
            caveats.push(Caveat::DifferentMoments);
        }
        let (base_epoch, new_epoch) = epochs.unwrap_or_default();
        Ok(Self {
            overlap,
            reversed: base_epoch > new_epoch,
            earlier_epoch: base_epoch.min(new_epoch),
            caveats,
        })
    }
}

/// What the recordings differ in.
fn recording([base, new]: [&Header; 2], caveats: &mut Vec<Caveat>) {
    if base.unit != new.unit {
        caveats.push(Caveat::DifferentUnits {
            sample: new.sample.clone(),
            base: base.unit.to_string(),
            new: new.unit.to_string(),
        });
    }
    if base.interval_bytes != new.interval_bytes {
        caveats.push(Caveat::DifferentIntervals { base: base.interval_bytes, new: new.interval_bytes });
    }
}

/// Whether two snapshots of one process are in the order in which they were taken.
fn order(profiles: [&Profile; 2], (base, new): (Meta, Meta), caveats: &mut Vec<Caveat>) {
    let epochs = base.epoch.zip(new.epoch);
    if let Some((base, new)) = epochs.filter(|(base, new)| new < base) {
        caveats.push(Caveat::Reversed { base, new });
        return;
    }
    if let Some((base, new)) = base.alloc_bytes.zip(new.alloc_bytes).filter(|(base, new)| new < base) {
        caveats.push(Caveat::TotalsWentBack { base, new });
    }
    caveats.extend(back_ns(profiles).map(|back_ns| Caveat::ClockWentBack { back_ns }));
}

/// How much earlier the new profile was taken, where it was.
fn back_ns([base, new]: [&Profile; 2]) -> Option<i64> {
    let known = base.time_ns != 0 && new.time_ns != 0;
    Some(base.time_ns.saturating_sub(new.time_ns)).filter(|back_ns| known && *back_ns > 0)
}

/// Whether the first mapped file, which is the program, is the same build in both.
fn is_same_program(base: &Profile, new: &Profile) -> bool {
    let program = |profile: &Profile| {
        let mapping = profile.mappings().first();
        mapping.map(|it| [it.file, it.build_id].map(|text| profile.string(text).to_owned()))
    };
    match (program(base), program(new)) {
        (Some([file, id]), Some([other_file, other_id])) => {
            if id.is_empty() || other_id.is_empty() {
                file == other_file
            } else {
                id == other_id
            }
        }
        _ => false,
    }
}
