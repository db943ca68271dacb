//! What groups of a size can find.

use super::judge::{JudgedRow, JudgedRows};
use super::matrix::GroupMatrix;
use crate::statistics;

/// The share of comparisons in which a change may be missed.
const MISSED: f64 = 0.2;

/// The relative growth of a row that groups with so many processes each find in four of five comparisons, beside the rows that are
/// called already. `None` where nothing can be found.
pub(super) fn detectable(
    judged: &JudgedRows,
    row: &JudgedRow,
    matrix: &GroupMatrix,
    per_side: usize,
) -> Option<f64> {
    let count = per_side as f64;
    // Each process more is a degree of freedom more.
    let freedom = row.freedom - matrix.freedom() + 2.0 * count - 2.0;
    if row.freedom < 1.0 || freedom < 1.0 || count < 2.0 {
        return None;
    }
    let needed =
        statistics::t_quantile(judged.threshold, freedom) + statistics::t_quantile(2.0 * MISSED, freedom);
    let change = needed * (row.noise? * 2.0 / count).sqrt();
    Some(change.exp_m1()).filter(|it| it.is_finite())
}
