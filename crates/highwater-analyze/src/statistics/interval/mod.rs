//! The 95 % interval of a sampled total, from three numbers that add up.
//!
//! A total is a sum of weights `w = s/p`, one for each block that was found. Given what was found, the blocks that were missed
//! beside it are spread like a negative binomial number for each size, so the truth has the mean `Σ w`, the variance
//! `V = Σ w²q` and the third cumulant `K = Σ w³q(1+q)`, `q = 1 - p`. A gamma distribution, moved along the axis, has all three
//! (Pearson's type III). For small blocks of one size it is the gamma distribution of the exact Poisson interval (Garwood
//! 1936), and for small blocks of any weights the one of Fay and Feuer (1997). It is the better the more the sizes differ.
//!
//! What was not seen at all is added as they do: a sample more of a block so small that it stands for one sampling interval. See
//! "Errors" in `docs/ACCURACY.md` for how the constants were chosen, and `interval/tests.rs` for what comes of it.

use crate::statistics::estimate::Estimate;
use crate::statistics::gamma::quantile as gamma_quantile;
use crate::statistics::normal::quantile as normal_quantile;

/// Parts of a sample that are added to find the lower end of a sum, and its upper end. Fay and Feuer's are 0 and 1, which
/// never covers less than 95 %, and for few samples much more.
const SEEN: f64 = 0.35;
const UNSEEN: f64 = 1.0;
/// What is left out below a sum's interval, and above it: a Poisson number of few samples has its misses more often below.
const BELOW: f64 = 0.036;
const ABOVE: f64 = 0.014;
/// The truth is a whole number of blocks. An interval reaches this part of a block farther than a smooth number needs.
const STEP: f64 = 0.3;

/// Of a difference: parts of a sample that either side may have missed, and what is left out at either end.
const UNSEEN_OF_EITHER: f64 = 0.5;
const TAIL: f64 = 0.025;

/// A shape from which on a gamma distribution is a normal one.
const SYMMETRIC: f64 = 1e9;

/// How a value came about. All but `unseen` adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    /// `Σ w²q`.
    pub variance: f64,
    /// `Σ w³q(1+q)`, with the sign of the values.
    pub third: f64,
    /// What one sample that was missed stands for, at the most: by how much the truth may be below the value for it, and above.
    pub unseen: [f64; 2],
}

impl Spread {
    /// A value with this spread.
    pub fn estimate(&self, value: i64) -> Estimate {
        if self.variance.is_nan() {
            return Estimate::normal(value, None);
        }
        let (low, high) = self.ends(value as f64);
        Estimate { value, standard_error: Some(self.variance.sqrt()), low: Some(low), high: Some(high) }
    }

    /// The ends of the 95 % interval around `value`.
    pub fn ends(&self, value: f64) -> (f64, f64) {
        let (low, high) = match self.unseen {
            _ if self.variance.is_nan() => return (f64::NAN, f64::NAN),
            [0.0, 0.0] if self.variance <= 0.0 => return (value, value),
            [0.0, above] => self.of_sum(value, above),
            [below, 0.0] => {
                let (low, high) = Self { third: -self.third, ..*self }.of_sum(-value, below);
                (-high, -low)
            }
            [below, above] => (
                self.quantile(value, (-UNSEEN_OF_EITHER, below), TAIL),
                self.quantile(value, (UNSEEN_OF_EITHER, above), 1.0 - TAIL),
            ),
        };
        // What hostile values overflow is not known.
        let finite = |end: f64, unbounded: f64| if end.is_finite() { end } else { unbounded };
        (finite(low.min(value), f64::MIN), finite(high.max(value), f64::MAX))
    }

    fn of_sum(&self, value: f64, unseen: f64) -> (f64, f64) {
        let high = self.quantile(value, (UNSEEN, unseen), 1.0 - ABOVE);
        if self.variance <= 0.0 {
            return (value, high);
        }
        let low = self.quantile(value, (SEEN, self.third / (2.0 * self.variance)), BELOW);
        if value <= 0.0 {
            // Less something that was counted.
            return (low, high);
        }
        // The weight, and the probability to be missed, of blocks of one size that would have these three numbers.
        let missed = self.variance / value;
        let weight = self.third / self.variance - missed;
        if weight <= 0.0 {
            return (low, high);
        }
        let q = (missed / weight).min(1.0);
        let (block, found) = (weight * (1.0 - q), value * (1.0 - q));
        let chance = (self.variance / (weight * weight)).min(1.0);
        ((low - STEP * block).max(low.min(found)), high + STEP * block * chance)
    }

    /// The value that the truth is below with `probability`, if `samples` more of this weight are there.
    fn quantile(&self, value: f64, (samples, weight): (f64, f64), probability: f64) -> f64 {
        let mean = value + samples * weight;
        let variance = self.variance + samples.abs() * weight * weight;
        let third = self.third + 2.0 * samples * weight.powi(3);
        if variance <= 0.0 {
            return mean;
        }
        let scale = third.abs() / (2.0 * variance);
        let shape = variance / (scale * scale);
        if shape.is_nan() || shape >= SYMMETRIC {
            return mean + variance.sqrt() * normal_quantile(probability);
        }
        if third > 0.0 {
            mean + scale * (gamma_quantile(shape, probability) - shape)
        } else {
            mean - scale * (gamma_quantile(shape, 1.0 - probability) - shape)
        }
    }
}

#[cfg(test)]
mod tests;
