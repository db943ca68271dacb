//! Processes that are unlike the others of their group.

use super::matrix::{GroupMatrix, GroupSide};

/// How many times the usual deviation from the median a process has to be away (Iglewicz and Hoaglin, How to Detect and Handle
/// Outliers, 1993: 3.5, with the deviation as that of a normal distribution).
const FAR: f64 = 3.5;
/// A median deviation by the standard deviation of a normal distribution.
const OF_NORMAL: f64 = 0.6745;
/// A deviation by less than this part matters to nobody.
const LEAST: f64 = 0.2;
/// Fewer processes do not tell which of them is unusual.
const FEWEST: usize = 5;

/// By how many times the median of its group each process's total is; `None` for a usual one.
pub(super) fn outliers(matrix: &GroupMatrix, totals: &[f64]) -> Vec<Option<f64>> {
    let mut found = vec![None; totals.len()];
    for side in GroupSide::BOTH {
        let members: Vec<usize> = matrix.members(side).filter(|at| totals[*at] > 0.0).collect();
        if members.len() < FEWEST {
            continue;
        }
        let logs: Vec<f64> = members.iter().map(|at| totals[*at].ln()).collect();
        let middle = median(logs.clone());
        let deviation = median(logs.iter().map(|it| (it - middle).abs()).collect());
        for (at, log) in members.iter().zip(&logs) {
            let away = log - middle;
            if away.abs() > LEAST && OF_NORMAL * away.abs() > FAR * deviation {
                found[*at] = Some(away.exp());
            }
        }
    }
    found
}

/// The middle one of some numbers, 0 of none.
pub(super) fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_unstable_by(f64::total_cmp);
    let half = numbers.len() / 2;
    match (numbers.len() % 2, numbers.get(half)) {
        (_, None) => 0.0,
        (0, Some(upper)) => (numbers[half - 1] + upper) / 2.0,
        (_, Some(middle)) => *middle,
    }
}
