//! The variance of each row, drawn towards that of all rows.
//!
//! Few processes say little of how much they vary, but many rows together say how much rows usually vary, and how much that differs
//! from row to row. A variance with `d` degrees of freedom is taken as one of `d₀ + d`, of which all rows together give the
//! first (Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004). Rows of one process that go up and down
//! together, by its load, are not as many witnesses as they are rows: no variance has more degrees of freedom than
//! the independent ones among them give.

use crate::statistics;

/// A variance below this share of the usual variance counts as 0.
const LEAST: f64 = 1e-4;

/// Half a standard error, or so, of the spread of the logarithms of variances: its square by that of the spread, for one row.
const DOUBT: f64 = 0.75;

/// Rows that are as good as one that is independent of all others, as far as few pairs of columns can tell.
const AS_ONE: f64 = 3.0;

/// What all rows say of the variance of each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prior {
    /// The usual variance.
    variance: f64,
    /// Degrees of freedom that it counts for; infinite where all rows have the same.
    freedom: f64,
    /// Degrees of freedom of one row.
    own: f64,
    /// Degrees of freedom of the variance between processes in all rows together.
    most: f64,
}

/// A variance and its degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moderated {
    pub variance: f64,
    pub freedom: f64,
}

impl Prior {
    /// What these variances with `own` degrees of freedom each say, of which as many as `independent` are independent.
    pub fn fit(variances: &[f64], own: f64, independent: f64) -> Self {
        let none = Self { variance: 1.0, freedom: 0.0, own, most: own };
        let mut sorted: Vec<f64> = variances.iter().copied().filter(|it| it.is_finite()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let Some(&median) = sorted.get(sorted.len() / 2).filter(|_| sorted.len() > 2 && own >= 1.0) else {
            return none;
        };
        let least = if median > 0.0 { median * LEAST } else { LEAST };
        let shift = statistics::digamma(own / 2.0) - (own / 2.0).ln();
        let logs: Vec<f64> = sorted.iter().map(|it| it.max(least).ln() - shift).collect();
        let count = logs.len() as f64;
        let mean = logs.iter().sum::<f64>() / count;
        let spread = logs.iter().map(|it| (it - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let by_chance = statistics::trigamma(own / 2.0);
        // That the spread of so few logarithms is no larger does not show that all rows have the same variance.
        let beyond = spread - by_chance + by_chance * (DOUBT / count).sqrt();
        let (variance, freedom) = if beyond > 0.0 {
            let freedom = 2.0 * statistics::trigamma_inverse(beyond);
            (mean + statistics::digamma(freedom / 2.0) - (freedom / 2.0).ln(), freedom)
        } else {
            (mean, f64::INFINITY)
        };
        Self { variance: variance.exp(), freedom, own, most: own * (independent / AS_ONE).max(1.0) }
    }

    /// A row's variance, drawn towards the usual one. Processes make `share` of it, and sampling, which is known, the rest.
    pub fn moderate(&self, variance: f64, share: f64) -> Moderated {
        let most = self.most / (share * share).max(1e-9);
        if self.freedom.is_infinite() {
            return Moderated { variance: self.variance, freedom: most };
        }
        let freedom = self.freedom + self.own;
        Moderated {
            variance: (self.freedom * self.variance + self.own * variance) / freedom,
            freedom: freedom.min(most),
        }
    }
}

/// How many rows there are among these whose processes differ independently of each other: as many as make two columns of residuals,
/// each of another degree of freedom, as unlike each other as these are. `shares` says how much of each row's variance is
/// that of processes; sampling is independent anyway.
pub(crate) fn independent_rows(columns: &[Vec<f64>], shares: &[f64]) -> f64 {
    let dot =
        |a: &[f64], b: &[f64]| a.iter().zip(b).zip(shares).map(|((a, b), share)| a * b * share).sum::<f64>();
    let lengths: Vec<f64> = columns.iter().map(|it| dot(it, it)).collect();
    let (mut sum, mut pairs) = (0.0, 0.0);
    for (at, (column, length)) in columns.iter().zip(&lengths).enumerate() {
        for (other, other_length) in columns[..at].iter().zip(&lengths) {
            if *length > 0.0 && *other_length > 0.0 {
                sum += dot(column, other).powi(2) / (length * other_length);
                pairs += 1.0;
            }
        }
    }
    let all = shares.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let diluted = shares.iter().map(|it| it * it).sum::<f64>() / all;
    if pairs == 0.0 {
        return 1.0;
    }
    (diluted * diluted * pairs / sum.max(f64::MIN_POSITIVE)).clamp(1.0, (shares.len() as f64).max(1.0))
}
