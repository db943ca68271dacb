//! Two groups of processes, compared with the process as the unit.
//!
//! Sampling error says how far one recording is off. It does not say how much processes differ by their load, their age and
//! by chance, which is more. So each row has one value a process, and the spread within both groups is what a difference between
//! them is measured by. [`judge_groups`](judge::judge_groups) has the test; "Groups of processes" in `docs/ACCURACY.md` explains it.

pub(crate) mod answer;
pub(crate) mod collect;
pub(crate) mod gate;
mod guard;
pub(crate) mod judge;
pub(crate) mod matrix;
mod measured;
mod moderate;
pub(crate) mod note;
mod outliers;
mod power;
pub(crate) mod process;
mod scale;
mod tails;
mod weights;

use std::cmp::Ordering;

use self::answer::{GroupPower, GroupRow, Groups, Interval95};
use self::collect::GroupsBuilder;
use self::judge::{GroupOptions, JudgedRow, JudgedRows, judge_groups};
use self::matrix::{GroupMatrix, GroupSide};
use self::note::GroupNote;
use crate::error::AnalyzeError;
use crate::group::RowKey;
use crate::queries::header::Omitted;
use crate::sample_kind::Unit;
use crate::statistics::sum::Sum;

/// Sizes of groups that the answer says the power of, besides that of the smaller group.
const SIZES: [usize; 4] = [5, 10, 20, 40];

impl GroupsBuilder {
    /// Compares the groups.
    ///
    /// # Errors
    /// When a group has no process, and when both have the same one.
    pub fn finish(mut self, options: &GroupOptions) -> Result<Groups, AnalyzeError> {
        let earlier = self.keep_last_snapshots()?;
        for side in GroupSide::BOTH {
            if !self.processes.iter().any(|it| it.shown.side == side) {
                return Err(AnalyzeError::EmptyGroup(side));
            }
        }
        self.set_factors();
        let (matrix, unknown) = self.matrix();
        let judged = judge_groups(&matrix, options);
        let totals: Vec<f64> =
            (0..self.processes.len()).map(|at| matrix.values.iter().map(|row| row[at]).sum()).collect();
        for (process, outlier) in self.processes.iter_mut().zip(outliers::outliers(&matrix, &totals)) {
            process.shown.outlier = outlier;
        }
        let processes: Vec<_> = self.processes.iter().map(|it| it.shown.clone()).collect();
        let mut notes = note::notes(&processes, self.query().by);
        notes.extend(earlier);
        notes.extend((unknown > 0).then_some(GroupNote::UnknownErrors { files: unknown }));
        let lost = self.processes.iter().filter(|it| it.has_lost).count();
        notes.extend((lost > 0).then_some(GroupNote::Lost { processes: lost }));
        let total = total(&matrix, options);
        let (rows, omitted) = self.rows_of(&matrix, &judged, &total, options);
        let (sample, unit) =
            self.kind().map_or((String::new(), Unit::Count), |it| (it.0.to_string(), it.1.clone()));
        Ok(Groups {
            sample,
            unit,
            normalized: self.normalize().clone(),
            processes,
            notes,
            file_notes: self.file_notes.clone(),
            fdr: options.fdr,
            tested: judged.tested,
            called: judged.rows.iter().filter(|it| is_called(it, options)).count(),
            variation: (matrix.freedom() >= 1.0).then_some(judged.variation),
            power: powers(&matrix, &judged),
            total,
            rows,
            omitted,
        })
    }

    /// Scales every process to the mean of what values are divided by.
    fn set_factors(&mut self) {
        let divisors: Vec<f64> = self.processes.iter().map(|it| it.divisor.unwrap_or(1.0)).collect();
        let mean = divisors.iter().sum::<f64>() / divisors.len().max(1) as f64;
        for (process, divisor) in self.processes.iter_mut().zip(divisors) {
            process.shown.factor = mean / divisor;
        }
    }

    /// All values, and how many processes do not know their sampling error.
    fn matrix(&self) -> (GroupMatrix, usize) {
        let processes = &self.processes;
        let mut matrix = GroupMatrix {
            sides: processes.iter().map(|it| it.shown.side).collect(),
            unseen: processes.iter().map(|it| it.unseen * it.shown.factor).collect(),
            ..GroupMatrix::default()
        };
        let is_unknown = |it: &&collect::Process| it.sums.iter().any(|sum| sum.variance().is_none());
        let unknown = processes.iter().filter(is_unknown).count();
        for row in 0..self.rows() {
            let sum = |it: &collect::Process| it.sums.get(row).copied().unwrap_or(Sum::ZERO);
            matrix.values.push(processes.iter().map(|it| sum(it).value() as f64 * it.shown.factor).collect());
            let variance =
                |it: &collect::Process| sum(it).variance().unwrap_or(0.0) * it.shown.factor * it.shown.factor;
            matrix.variances.push(processes.iter().map(variance).collect());
            // What a sample stands for is the size of its block and what its sampling makes of it.
            let of_block = |it: &collect::Process| {
                let sum = sum(it);
                let (value, samples) = (sum.value() as f64, sum.samples());
                let sampling = sum.variance().filter(|_| value > 0.0)? / value;
                (samples > 0.0).then(|| (value / samples - sampling).max(0.0) * it.shown.factor)
            };
            let blocks: Vec<f64> = processes.iter().filter_map(of_block).collect();
            matrix.blocks.push(blocks.iter().sum::<f64>() / blocks.len().max(1) as f64);
        }
        (matrix, unknown)
    }

    fn rows_of(
        &self,
        matrix: &GroupMatrix,
        judged: &JudgedRows,
        total: &GroupRow,
        options: &GroupOptions,
    ) -> (Vec<GroupRow>, Omitted) {
        let least = self.query().min_fraction * total.base.value.max(total.new.value);
        let per_side = GroupSide::BOTH.map(|it| matrix.count(it));
        let mut order: Vec<usize> = (0..judged.rows.len()).collect();
        order.sort_by(|a, b| rank(&judged.rows[*a], &judged.rows[*b], options));
        let is_worth = |at: &usize| {
            let row = &judged.rows[*at];
            is_called(row, options) || row.means.iter().any(|it| *it >= least && *it > 0.0)
        };
        let limit = self.query().limit.unwrap_or(usize::MAX);
        let (worth, small): (Vec<usize>, Vec<usize>) = order.into_iter().partition(|at| is_worth(at));
        let shown = worth.len().min(limit);
        let left_out = worth[shown..].iter().chain(&small).map(|at| &judged.rows[*at]);
        let (mut count, mut value) = (0, 0.0);
        for row in left_out {
            count += 1;
            value += row.means[1] - row.means[0];
        }
        let rows = worth[..shown].iter().map(|&at| {
            let (key, stack) = self.key(at);
            let row = &judged.rows[at];
            let detectable = power::detectable(judged, row, matrix, harmonic(per_side));
            GroupRow { detectable, stack, ..shown_row(row, key, &matrix.values[at], options) }
        });
        // A sum beyond what can be counted saturates.
        (rows.collect(), Omitted { rows: count, value: value.round() as i64 })
    }
}

/// The size of two equal groups that find what these do.
fn harmonic([base, new]: [usize; 2]) -> usize {
    if base + new == 0 { 0 } else { (2 * base * new).div_ceil(base + new) }
}

/// The sum of all rows, tested on its own.
fn total(matrix: &GroupMatrix, options: &GroupOptions) -> GroupRow {
    let sum = |rows: &[Vec<f64>]| -> Vec<f64> {
        (0..matrix.sides.len()).map(|at| rows.iter().map(|row| row[at]).sum()).collect()
    };
    let values = sum(&matrix.values);
    let whole = GroupMatrix {
        sides: matrix.sides.clone(),
        unseen: matrix.unseen.clone(),
        variances: vec![sum(&matrix.variances)],
        values: vec![values.clone()],
        blocks: vec![0.0],
    };
    let judged = judge_groups(&whole, options);
    let key = RowKey { label: "total".to_owned(), ..RowKey::default() };
    let row = shown_row(&judged.rows[0], key, &values, options);
    let per_side = harmonic(GroupSide::BOTH.map(|it| matrix.count(it)));
    GroupRow { detectable: power::detectable(&judged, &judged.rows[0], &whole, per_side), ..row }
}

fn shown_row(row: &JudgedRow, key: RowKey, values: &[f64], options: &GroupOptions) -> GroupRow {
    let interval = |value, [low, high]: [f64; 2]| Interval95 { value, low, high };
    GroupRow {
        key,
        base: interval(row.means[0], row.intervals[0]),
        new: interval(row.means[1], row.intervals[1]),
        change: interval(row.means[1] - row.means[0], row.change),
        ratio: row.ratio.map(|[value, low, high]| Interval95 { value, low, high }),
        variation: row.variation,
        p_value: row.p_value,
        q_value: row.q_value,
        called: is_called(row, options),
        detectable: None,
        values: values.to_vec(),
        stack: Vec::new(),
    }
}

fn is_called(row: &JudgedRow, options: &GroupOptions) -> bool {
    row.q_value.is_some_and(|it| it <= options.fdr)
}

/// Growth that is called first, then such shrinkage, each by the end of its interval that is nearer to 0; then the rest by its
/// change.
fn rank(a: &JudgedRow, b: &JudgedRow, options: &GroupOptions) -> Ordering {
    let place = |row: &JudgedRow| {
        let change = row.means[1] - row.means[0];
        match (is_called(row, options), change > 0.0) {
            (true, true) => (0, row.change[0]),
            (true, false) => (1, -row.change[1]),
            (false, _) => (2, change.abs()),
        }
    };
    let (own, other) = (place(a), place(b));
    own.0.cmp(&other.0).then_with(|| other.1.total_cmp(&own.1))
}

/// What groups of some sizes find in a usual row: the one in the middle, by what rows hold.
fn powers(matrix: &GroupMatrix, judged: &JudgedRows) -> Vec<GroupPower> {
    let mut rows: Vec<&JudgedRow> =
        judged.rows.iter().filter(|it| it.q_value.is_some() && it.noise.is_some()).collect();
    rows.sort_by(|a, b| a.noise.unwrap_or(0.0).total_cmp(&b.noise.unwrap_or(0.0)));
    let all: f64 = rows.iter().map(|it| it.means[0] + it.means[1]).sum();
    let mut sum = 0.0;
    let usual = rows.iter().find(|it| {
        sum += it.means[0] + it.means[1];
        sum >= all / 2.0
    });
    let own = harmonic(GroupSide::BOTH.map(|it| matrix.count(it)));
    let mut sizes: Vec<usize> = SIZES.into_iter().chain([own]).filter(|it| *it >= 2).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let Some(usual) = usual else { return Vec::new() };
    let of = |&processes: &usize| GroupPower {
        processes,
        growth: power::detectable(judged, usual, matrix, processes),
    };
    sizes.iter().map(of).collect()
}
