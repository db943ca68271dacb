//! What few samples can say, whatever the spread of processes seems to be: the p-values of samples and blocks that fall on the groups by
//! chance alone. Processes that differ make both larger, so no row is more certain than these.

use super::matrix::{GroupMatrix, GroupSide};
use super::weights::Row;
use crate::statistics;

/// Samples of the group with less up to which their number alone is looked at too.
const FEW: f64 = 100.0;

/// The chance that so few samples fall so unevenly on the groups, were all processes the same: processes that differ make it
/// larger. 0 where there are many.
pub(super) fn by_samples(matrix: &GroupMatrix, row: &Row<'_>) -> f64 {
    let samples = GroupSide::BOTH.map(|side| (row.samples(side) * matrix.count(side) as f64).round());
    let all = samples[0] + samples[1];
    if samples[0].min(samples[1]) > FEW {
        return 0.0;
    }
    let share = share_of_new(matrix, row);
    let (base, new, all) = (samples[0] as u64, samples[1] as u64, all as u64);
    let tail = if samples[1] > all as f64 * share {
        statistics::at_most(base, all, 1.0 - share)
    } else {
        statistics::at_most(new, all, share)
    };
    2.0 * tail
}

/// The chance that sampling misses so many of few large blocks in one group, or so few, were they the same in all processes.
pub(super) fn by_blocks(matrix: &GroupMatrix, row: &Row<'_>) -> f64 {
    let of_group = |side: GroupSide| {
        let weight = row.group_weights[side.index()];
        let found_with = row.block / (row.block + weight);
        let count = matrix.count(side) as f64;
        let [all, found] =
            [row.mean, row.means[side.index()] * found_with].map(|it| (it * count / row.block).round());
        if row.block <= 0.0 || found_with < 0.05 || all > FEW {
            return None;
        }
        let (all, found) = (all.max(found) as u64, found as u64);
        Some(if found as f64 > all as f64 * found_with {
            1.0 - found.checked_sub(1).map_or(0.0, |below| statistics::at_most(below, all, found_with))
        } else {
            statistics::at_most(found, all, found_with)
        })
    };
    // What is certain to be found says nothing about chance.
    let is_random = GroupSide::BOTH.iter().all(|it| row.group_weights[it.index()] > row.block * 1e-4);
    if !is_random {
        return 0.0;
    }
    // Where one group has many blocks, what the other has found of its few decides.
    GroupSide::BOTH.into_iter().filter_map(of_group).reduce(f64::min).map_or(0.0, |it| 2.0 * it)
}

/// The share of a row's samples that the new group finds where both are the same.
pub(super) fn share_of_new(matrix: &GroupMatrix, row: &Row<'_>) -> f64 {
    let [base, new] = GroupSide::BOTH.map(|it| matrix.count(it) as f64 / row.group_weights[it.index()]);
    new / (base + new)
}
