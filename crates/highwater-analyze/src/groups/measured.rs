//! A row on the scale: the difference of the groups, and the spread within them.

use super::matrix::{GroupMatrix, GroupSide};
use super::scale::Scale;
use super::weights::Row;

/// A row with its test statistic.
pub(super) struct Measured<'a> {
    pub row: Row<'a>,
    /// Values on the even scale less the mean of their group, by their expected standard deviation.
    pub residuals: Vec<f64>,
    /// Difference of the groups on that scale, and what it varies by for a variance of 1.
    pub difference: [f64; 2],
    /// Variance within groups, as a share of the expected one: on the scale, and of the values as they are.
    pub spread: [f64; 2],
}

/// Puts a row on the scale.
pub(super) fn measure<'a>(matrix: &GroupMatrix, scale: Scale, row: Row<'a>, freedom: f64) -> Measured<'a> {
    let (values, expected) = (scale.values(&row), scale.expected(&row));
    let (mut means, mut weights) = ([0.0; 2], [0.0; 2]);
    for (at, side) in matrix.sides.iter().enumerate() {
        means[side.index()] += values[at] / expected[at];
        weights[side.index()] += 1.0 / expected[at];
    }
    let mut residuals = vec![0.0; values.len()];
    let mut spread = [0.0; 2];
    let usual = |side: GroupSide, weight: f64| -> f64 {
        let mean = row.means[side.index()];
        (weight * mean + scale.phi * mean * mean).max(f64::MIN_POSITIVE)
    };
    for (at, side) in matrix.sides.iter().enumerate() {
        let group = side.index();
        residuals[at] = (values[at] - means[group] / weights[group]) / expected[at].sqrt();
        spread[0] += residuals[at].powi(2);
        spread[1] += (row.values[at] - row.means[group]).powi(2) / usual(*side, row.weights[at]);
    }
    // Values of few large blocks are equal by chance: that does not make them certain.
    spread[0] += scale.step(&row).powi(2) / 2.0;
    let difference = [1, 0].map(|group| means[group] / weights[group]);
    Measured {
        difference: [difference[0] - difference[1], 1.0 / weights[0] + 1.0 / weights[1]],
        spread: spread.map(|it| it / freedom.max(1.0)),
        residuals,
        row,
    }
}

/// The residuals of rows in each degree of freedom: within each group, each process against the mean of those before it (Helmert's
/// contrasts).
pub(super) fn contrasts(matrix: &GroupMatrix, rows: &[&Measured<'_>]) -> Vec<Vec<f64>> {
    let mut columns = Vec::new();
    for side in GroupSide::BOTH {
        let members: Vec<usize> = matrix.members(side).collect();
        for (before, &at) in members.iter().enumerate().skip(1) {
            let count = before as f64;
            let contrast = |row: &&Measured<'_>| {
                let mean = members[..before].iter().map(|it| row.residuals[*it]).sum::<f64>() / count;
                (row.residuals[at] - mean)
                    * (count / ((count + 1.0) * row.spread[0].max(f64::MIN_POSITIVE))).sqrt()
            };
            columns.push(rows.iter().map(contrast).collect());
        }
    }
    columns
}
