//! The test of every row, with the process as the unit.

use super::guard::{by_blocks, by_samples, share_of_new};
use super::matrix::{GroupMatrix, GroupSide};
use super::measured::{Measured, contrasts, measure};
use super::moderate::{Moderated, Prior, independent_rows};
use super::outliers::median;
use super::scale::Scale;
use super::tails::Tails;
use super::weights::{Classes, Row};
use crate::statistics;

/// Rows with fewer samples a process, in the mean, do not say how much rows vary.
const TELLING: f64 = 1.0;

/// Intervals of both groups that differ by less than this part make no difference to the scale.
const ALIKE: f64 = 0.2;
/// Samples a process from which on the scale is even however they are drawn.
const ENOUGH: f64 = 3.0;

/// How groups are compared.
#[derive(Clone, Copy, Debug)]
pub struct GroupOptions {
    /// The false discovery rate that calls keep.
    pub fdr: f64,
}

impl Default for GroupOptions {
    /// 5 %.
    fn default() -> Self {
        Self { fdr: 0.05 }
    }
}

/// What is known of one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgedRow {
    /// Mean of each group.
    pub means: [f64; 2],
    /// Ends of the 95 % interval of each mean.
    pub intervals: [[f64; 2]; 2],
    /// Ends of the 95 % interval of the difference of the means.
    pub change: [f64; 2],
    /// New mean by base mean, and the ends of its 95 % interval. `None` where either mean is 0.
    pub ratio: Option<[f64; 3]>,
    /// Standard deviation between processes by their mean, sampling taken out.
    pub variation: f64,
    /// Degrees of freedom of the test.
    pub freedom: f64,
    /// Chance that processes alone make such a difference. `None` where nothing can be said of groups.
    pub p_value: Option<f64>,
    /// The smallest false discovery rate at which the row is called. `None` for rows that are not tested: they have too few samples
    /// to be called, wherever they are.
    pub q_value: Option<f64>,
    /// Variance of the value of one process, by the square of its mean; with sampling. `None` where the mean is 0.
    pub noise: Option<f64>,
}

/// All rows, judged.
#[derive(Clone, Debug, Default)]
pub struct JudgedRows {
    /// In the order of the matrix.
    pub rows: Vec<JudgedRow>,
    /// Rows that were tested.
    pub tested: usize,
    /// Coefficient of variation between processes in most rows, sampling taken out.
    pub variation: f64,
    /// Rows that vary independently of each other: 1 where all go up and down with the load of their process.
    pub independent: f64,
    /// p-value that one more row needs to be called.
    pub threshold: f64,
}

/// Judges every row of `matrix`. See "Groups of processes" in `docs/ACCURACY.md`.
pub fn judge_groups(matrix: &GroupMatrix, options: &GroupOptions) -> JudgedRows {
    let classes = Classes::of(matrix);
    let rows: Vec<Row<'_>> = (0..matrix.values.len()).map(|at| Row::new(matrix, &classes, at)).collect();
    let scale = Scale::fit(matrix, &rows);
    let freedom = matrix.freedom();
    let measured: Vec<Measured<'_>> =
        rows.into_iter().map(|row| measure(matrix, scale, row, freedom)).collect();
    let telling: Vec<&Measured<'_>> = measured.iter().filter(|it| it.row.level() >= TELLING).collect();
    let shares: Vec<f64> = telling.iter().map(|it| 1.0 - scale.sampling_share(&it.row)).collect();
    let independent = independent_rows(&contrasts(matrix, &telling), &shares);
    let prior = |of: usize| {
        let spreads: Vec<f64> = telling.iter().map(|it| it.spread[of]).collect();
        Prior::fit(&spreads, freedom, independent)
    };
    let priors = [prior(0), prior(1)];
    let tails = Tails::of(matrix, &priors[0], scale, &telling);
    let mut judged: Vec<JudgedRow> =
        measured.iter().map(|it| judge(matrix, scale, &priors, &tails, it)).collect();
    let (threshold, tested) = set_q_values(matrix, &measured, &mut judged, options.fdr);
    let is_telling = |it: &(&JudgedRow, &Measured<'_>)| it.1.row.level() >= TELLING;
    let variations = judged.iter().zip(&measured).filter(is_telling).map(|it| it.0.variation);
    let variation = median(variations.collect());
    JudgedRows { rows: judged, tested, variation, independent, threshold }
}

fn judge(
    matrix: &GroupMatrix,
    scale: Scale,
    priors: &[Prior; 2],
    tails: &Tails,
    measured: &Measured<'_>,
) -> JudgedRow {
    let Measured { row, difference, spread, .. } = measured;
    // Sampling is known: no row varies less than that.
    let least = scale.sampling_share(row);
    let is_group = matrix.freedom() >= 1.0;
    let moderated = |of: usize| {
        let it = priors[of].moderate(spread[of], 1.0 - least);
        if is_group {
            tails.widen(Moderated { variance: it.variance.max(least), ..it })
        } else {
            Moderated { variance: 1.0, freedom: f64::INFINITY }
        }
    };
    let (even, plain) = (moderated(0), moderated(1));
    let counts = GroupSide::BOTH.map(|it| matrix.count(it).max(1) as f64);
    let plain_variances = GroupSide::BOTH.map(|side| {
        let group = side.index();
        // A group that has found nothing may have missed something.
        let mean = row.means[group].max(row.group_weights[group] / counts[group]);
        plain.variance * (row.group_weights[group] * mean + scale.phi * mean * mean) / counts[group]
    });
    let t95 = statistics::t_quantile(0.05, plain.freedom);
    let ends = |value: f64, variance: f64| [value - t95 * variance.sqrt(), value + t95 * variance.sqrt()];
    let change = row.means[1] - row.means[0];
    let ratio = (row.means[0] > 0.0 && row.means[1] > 0.0).then(|| {
        let relative = (0..2).map(|it| plain_variances[it] / row.means[it].powi(2)).sum::<f64>();
        let [low, high] = ends((row.means[1] / row.means[0]).ln(), relative);
        [row.means[1] / row.means[0], low.exp(), high.exp()]
    });
    JudgedRow {
        means: row.means,
        intervals: [0, 1].map(|it| {
            let [low, high] = ends(row.means[it], plain_variances[it]);
            [low.max(0.0), high]
        }),
        change: ends(change, plain_variances[0] + plain_variances[1]),
        ratio,
        variation: variation(scale, row.level(), even.variance),
        freedom: even.freedom,
        p_value: is_group.then(|| p_value(matrix, scale, row, *difference, even)),
        q_value: None,
        noise: Some(row.level())
            .filter(|it| *it > 0.0)
            .map(|it| even.variance * scale.variance(it) / (it * it)),
    }
}

/// The coefficient of variation between processes that a variance on the scale stands for, at a level in samples.
fn variation(scale: Scale, level: f64, variance: f64) -> f64 {
    if level <= 0.0 {
        return 0.0;
    }
    ((scale.variance(level) * variance - level) / (level * level)).max(0.0).sqrt()
}

fn p_value(
    matrix: &GroupMatrix,
    scale: Scale,
    row: &Row<'_>,
    [difference, factor]: [f64; 2],
    even: Moderated,
) -> f64 {
    let [base, new] = row.group_weights;
    let is_even = (base / new).ln().abs() < ALIKE || row.level() * row.weight / base.max(new) >= ENOUGH;
    let t = if is_even {
        difference / (factor * even.variance).sqrt()
    } else {
        // Few samples, drawn differently: the means themselves are not bent by the scale.
        let variance = GroupSide::BOTH.map(|side| {
            let weight = row.group_weights[side.index()];
            (weight * row.mean + scale.phi * row.mean * row.mean) / matrix.count(side) as f64
        });
        (row.means[1] - row.means[0]) / ((variance[0] + variance[1]) * even.variance).sqrt()
    };
    let by_processes = if difference == 0.0 { 1.0 } else { statistics::t_two_sided(t, even.freedom) };
    by_processes.max(by_samples(matrix, row)).max(by_blocks(matrix, row)).min(1.0)
}

/// Sets the q-values of all rows with samples enough to be called wherever they are. Returns the p-value that one more needs, and
/// how many were tested.
fn set_q_values(
    matrix: &GroupMatrix,
    measured: &[Measured<'_>],
    judged: &mut [JudgedRow],
    fdr: f64,
) -> (f64, usize) {
    let is_testable = |row: &Row<'_>| {
        let samples = GroupSide::BOTH.map(|side| row.samples(side) * matrix.count(side) as f64);
        let share = share_of_new(matrix, row);
        2.0 * share.min(1.0 - share).powf((samples[0] + samples[1]).round()) <= fdr
    };
    let family: Vec<usize> = (0..judged.len())
        .filter(|at| judged[*at].p_value.is_some() && is_testable(&measured[*at].row))
        .collect();
    let p_values: Vec<f64> = family.iter().filter_map(|at| judged[*at].p_value).collect();
    let q_values = statistics::q_values(&p_values);
    let called = q_values.iter().filter(|it| **it <= fdr).count();
    for (at, q_value) in family.iter().zip(q_values) {
        judged[*at].q_value = Some(q_value);
    }
    let tested = family.len();
    (fdr * ((called + 1) as f64 / (tested.max(1)) as f64).min(1.0), tested)
}
