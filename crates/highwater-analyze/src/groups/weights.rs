//! What one sample of a row stands for in each process: the sampling variance of a value is that times the value.
//!
//! The variance that one process shows is as uncertain as its value: a process that found nothing has none. So it is taken from all
//! processes with the same sampling interval together.

use super::matrix::{GroupMatrix, GroupSide};

/// A value that differs by less than this share is one that was rounded.
const ROUNDING: f64 = 1e-6;

/// Processes with the same sampling interval.
pub(crate) struct Classes {
    /// The class of each process.
    of: Vec<usize>,
    unseen: Vec<f64>,
}

impl Classes {
    pub fn of(matrix: &GroupMatrix) -> Self {
        let mut unseen: Vec<f64> = Vec::new();
        let class = |it: &f64| {
            unseen.iter().position(|known| known == it).unwrap_or_else(|| {
                unseen.push(*it);
                unseen.len() - 1
            })
        };
        Self { of: matrix.unseen.iter().map(class).collect(), unseen }
    }

    /// The weight of a sample of this row, whose blocks have this size, in each process; never 0.
    pub fn weights(&self, values: &[f64], variances: &[f64], block: f64) -> Vec<f64> {
        let mut sums = vec![[0.0; 2]; self.unseen.len()];
        for ((&class, value), variance) in self.of.iter().zip(values).zip(variances) {
            sums[class][0] += value.max(0.0);
            sums[class][1] += variance.max(0.0);
        }
        let mean = sums.iter().map(|it| it[0]).sum::<f64>() / values.len().max(1) as f64;
        let weight = |class: &usize| {
            let [value, variance] = sums[*class];
            let interval = self.unseen[*class];
            let weight = match () {
                () if value > 0.0 => variance / value,
                // What would have been found is known by the size of the blocks: `s(1-p)/p`.
                () if block > 0.0 && interval > 0.0 => block / (block / interval).exp_m1(),
                () => interval,
            };
            weight.max(mean * ROUNDING).max(f64::MIN_POSITIVE)
        };
        self.of.iter().map(weight).collect()
    }
}

/// A row: its values, and what one sample of it stands for in each process.
pub(crate) struct Row<'a> {
    pub values: &'a [f64],
    pub weights: Vec<f64>,
    /// The mean weight of a sample, over all processes.
    pub weight: f64,
    /// The mean of each group.
    pub means: [f64; 2],
    /// The mean weight in each group.
    pub group_weights: [f64; 2],
    /// The mean of all processes.
    pub mean: f64,
    /// The size of its blocks.
    pub block: f64,
}

impl<'a> Row<'a> {
    pub fn new(matrix: &'a GroupMatrix, classes: &Classes, row: usize) -> Self {
        let values = &matrix.values[row];
        let block = matrix.blocks.get(row).copied().unwrap_or(0.0);
        let weights = classes.weights(values, &matrix.variances[row], block);
        let mean_of = |numbers: &[f64], side| {
            let count = matrix.count(side).max(1) as f64;
            matrix.members(side).map(|at| numbers[at]).sum::<f64>() / count
        };
        let count = values.len().max(1) as f64;
        Self {
            means: GroupSide::BOTH.map(|side| mean_of(values, side)),
            group_weights: GroupSide::BOTH.map(|side| mean_of(&weights, side)),
            mean: values.iter().sum::<f64>() / count,
            weight: weights.iter().sum::<f64>() / count,
            block,
            values,
            weights,
        }
    }

    /// How many samples the values of a group rest on, in the mean of its processes.
    pub fn samples(&self, side: GroupSide) -> f64 {
        (self.means[side.index()] / self.group_weights[side.index()]).max(0.0)
    }

    /// The mean of a row in samples.
    pub fn level(&self) -> f64 {
        (self.mean / self.weight).max(0.0)
    }
}
