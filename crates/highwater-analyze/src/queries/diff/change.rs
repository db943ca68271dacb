//! A change of a total, as it is shown.

use serde::Serialize;

use super::pair::{Cohorts, Pair};
use super::tally::Tally;
use crate::queries::comparison::Overlap;
use crate::statistics::estimate::Estimate;

/// A change of a total.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Change {
    /// New value minus base value.
    pub change: Estimate,
    /// The change as a share, see [`DiffMode`](crate::DiffMode).
    pub fraction: f64,
    /// The probability that sampling alone makes such a change, of this one test. `None` as for [`DiffRow::q_value`](crate::DiffRow::q_value).
    pub p_value: Option<f64>,
    /// The p-value is not above the false discovery rate; any change at all when the errors are not known.
    pub significant: bool,
    /// See [`DiffRow::cohorts`](crate::DiffRow::cohorts).
    pub cohorts: Option<CohortEstimates>,
}

/// What became of the blocks of a snapshot until a later one of the same process.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct CohortEstimates {
    /// Allocated after the base, and live in the new profile.
    pub new: Estimate,
    /// Live in the base, and freed since.
    pub dead: Estimate,
    /// Live in both.
    pub survived: Estimate,
}

/// The change of a total, as a share of `whole`.
pub(crate) fn change_of(pair: &Pair<'_>, total: &Tally, whole: u128, significant: bool) -> Change {
    Change {
        change: total.change.estimate(),
        fraction: total.change.fraction_of(whole),
        p_value: total.p_value,
        significant,
        cohorts: cohorts_of(pair, total),
    }
}

/// What became of the blocks of a row, where the profiles are snapshots of one process.
pub(super) fn cohorts_of(pair: &Pair<'_>, row: &Tally) -> Option<CohortEstimates> {
    let Cohorts { new, dead, survived } = row.cohorts(pair);
    (pair.comparison.overlap == Overlap::Survivors).then(|| CohortEstimates {
        new: new.estimate(),
        dead: dead.estimate(),
        survived: survived.estimate(),
    })
}
