//! How much heavier than normal the tails of a difference are, where one group is much smaller than the other.
//!
//! The spread of both groups together is what a difference is measured by. In groups of one size an unusual process makes both
//! larger. In a group of three beside one of forty it makes the difference larger, and the spread hardly. So the kurtosis of
//! the processes is that of the difference, but for the part that equal groups have as well.

use super::matrix::{GroupMatrix, GroupSide};
use super::measured::Measured;
use super::moderate::{Moderated, Prior};
use super::scale::Scale;

/// Degrees of freedom of the t distribution that differences of these groups follow; infinite in groups of one size.
pub(super) struct Tails(f64);

impl Tails {
    pub fn of(matrix: &GroupMatrix, prior: &Prior, scale: Scale, rows: &[&Measured<'_>]) -> Self {
        let counts = GroupSide::BOTH.map(|it| matrix.count(it) as f64);
        let all = counts[0] + counts[1];
        if counts[0] < 1.0 || counts[1] < 1.0 || rows.is_empty() {
            return Self(f64::INFINITY);
        }
        let squares = 1.0 / counts[0] + 1.0 / counts[1];
        let fourths = counts[0].powi(-3) + counts[1].powi(-3);
        let uneven = fourths / (squares * squares) - 1.0 / all;
        let kurtosis = |row: &&Measured<'_>| {
            let sampling = scale.sampling_share(&row.row);
            let variance = prior.moderate(row.spread[0], 1.0 - sampling).variance.max(f64::MIN_POSITIVE);
            let fourth = row.residuals.iter().map(|it| it.powi(4)).sum::<f64>() / all;
            (fourth / (variance * variance)).min(MOST)
        };
        let excess = (rows.iter().map(kurtosis).sum::<f64>() / rows.len() as f64 - 3.0).max(LEAST) * uneven;
        Self(if excess > 1e-6 { 4.0 + 6.0 / excess } else { f64::INFINITY })
    }

    /// A variance for a test with these tails. That a t variable varies by more than 1 is left as a reserve.
    pub fn widen(&self, it: Moderated) -> Moderated {
        if self.0 >= it.freedom {
            return it;
        }
        Moderated { freedom: self.0, ..it }
    }
}

/// Kurtosis beyond which one row does not count more.
const MOST: f64 = 60.0;

/// Excess that few rows do not rule out.
const LEAST: f64 = 0.6;
