//! The scale on which rows are tested: every value of a row varies there by about 1, whatever it is.
//!
//! A value of `x` samples varies by `x` from sampling, and by `φx²` from process to process: `φ` is the squared coefficient of
//! variation. Its square root is even where sampling decides, its logarithm where the processes do. `2/√φ · asinh √(φx)` is
//! one for small `x` and the other for large ones, and has the variance 1 for all. A quarter of a sample is added first, which makes
//! its mean that of the square root of the truth (Anscombe, Biometrika 35, 1948), however many samples a process has.

use std::sync::OnceLock;

use super::matrix::{GroupMatrix, GroupSide};
use super::weights::Row;

/// Part of a sample that is added to each value.
const ADDED: f64 = 0.25;

/// Coefficients of variation, squared, that processes can have: 0.1 % and 200 %.
const PHI: [f64; 2] = [1e-6, 4.0];

/// Rounds in which rows are weighted by what the one before found.
const ROUNDS: usize = 8;

/// The scale, which is one for all rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// The squared coefficient of variation between processes, as it is in most rows.
    pub phi: f64,
}

impl Scale {
    /// Estimates how much processes vary beyond sampling: the spread within groups, less what sampling makes of it, each row with
    /// the weight that its own spread allows.
    pub fn fit(matrix: &GroupMatrix, rows: &[Row<'_>]) -> Self {
        let freedom = matrix.freedom();
        if freedom < 1.0 {
            return Self { phi: PHI[0] };
        }
        let parts: Vec<[f64; 2]> = rows.iter().filter_map(|row| excess(matrix, row, freedom)).collect();
        let mut phi = 0.04;
        for _ in 0..ROUNDS {
            let (mut sum, mut all) = (0.0, 0.0);
            for [excess, noise] in &parts {
                let spread = noise + phi;
                let weight = 1.0 / (spread * spread);
                // One row with a process out of all proportion does not decide for the others.
                sum += weight * excess.min(phi + 6.0 * spread);
                all += weight;
            }
            phi = if all > 0.0 { (sum / all).clamp(PHI[0], PHI[1]) } else { PHI[0] };
        }
        Self { phi }
    }

    /// A value of `x` samples on this scale.
    fn of(self, x: f64) -> f64 {
        2.0 / self.phi.sqrt() * (self.phi * x.max(0.0)).sqrt().asinh()
    }

    /// What `x` samples vary by, in samples².
    pub fn variance(self, x: f64) -> f64 {
        x + self.phi * x * x
    }

    /// The values of a row on this scale.
    pub fn values(self, row: &Row<'_>) -> Vec<f64> {
        let value = |(value, weight): (&f64, &f64)| self.of((value + ADDED * weight) / row.weight);
        row.values.iter().zip(&row.weights).map(value).collect()
    }

    /// The expected variance of each of these values.
    pub fn expected(self, row: &Row<'_>) -> Vec<f64> {
        let level = row.level();
        let usual = self.variance(level).max(f64::MIN_POSITIVE);
        let of = |weight: &f64| {
            let ratio = weight / row.weight;
            let sampling = ratio * level * root_variance(level / ratio);
            ((sampling + self.phi * level * level) / usual).max(1e-9)
        };
        row.weights.iter().map(of).collect()
    }

    /// What one block more or less makes on this scale, by the deviation that is expected.
    pub fn step(self, row: &Row<'_>) -> f64 {
        let (level, block) = (row.level(), row.block / row.weight);
        (self.of(level.max(block) + block / 2.0) - self.of(level.max(block) - block / 2.0)).abs()
    }

    /// The part of a row's expected variance that sampling makes.
    pub fn sampling_share(self, row: &Row<'_>) -> f64 {
        1.0 / (1.0 + self.phi * row.level())
    }
}

/// By how much the squared coefficient of variation of a row exceeds what sampling makes, and that. `None` for rows with
/// hardly a sample.
fn excess(matrix: &GroupMatrix, row: &Row<'_>, freedom: f64) -> Option<[f64; 2]> {
    if row.level() < 0.5 {
        return None;
    }
    let mut squares = 0.0;
    let mut noise = 0.0;
    for (at, side) in matrix.sides.iter().enumerate() {
        let mean = row.means[side.index()];
        squares += (row.values[at] - mean).powi(2);
        noise += row.weights[at] * mean;
    }
    let (squares, noise) = (squares / freedom, noise / row.values.len() as f64);
    let count = |side| matrix.count(side) as f64;
    let square = GroupSide::BOTH.map(|side| {
        let mean = row.means[side.index()];
        count(side) * (mean * mean - squares / count(side))
    });
    let square = square.iter().sum::<f64>() / row.values.len() as f64;
    let square = square.max(row.mean * row.mean / 4.0);
    Some([(squares - noise) / square, noise / square])
}

/// The variance of `2√(N + 1/4)` for a Poisson number `N` with this mean, as a share of what it is for large ones.
fn root_variance(mean: f64) -> f64 {
    const STEP: f64 = 0.25;
    const LOWEST: f64 = -10.0;
    const STEPS: usize = 64;
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    let table =
        TABLE.get_or_init(|| (0..=STEPS).map(|it| exact((LOWEST + STEP * it as f64).exp2())).collect());
    let at = (mean.max(f64::MIN_POSITIVE).log2() - LOWEST) / STEP;
    if at < 0.0 {
        return table[0] * (at * STEP).exp2();
    }
    let (below, part) = (at.floor() as usize, at.fract());
    if below >= STEPS { 1.0 } else { table[below] * (1.0 - part) + table[below + 1] * part }
}

fn exact(mean: f64) -> f64 {
    let most = (mean + 12.0 * mean.sqrt() + 20.0) as u32;
    let (mut chance, mut first, mut second) = ((-mean).exp(), 0.0, 0.0);
    for n in 0..=most {
        let root = 2.0 * (f64::from(n) + ADDED).sqrt();
        first += chance * root;
        second += chance * root * root;
        chance *= mean / f64::from(n + 1);
    }
    second - first * first
}
