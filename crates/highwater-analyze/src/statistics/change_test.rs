//! The test of one row: how likely sampling alone makes a change as large as the one that is seen.
//!
//! The hypothesis is that both sides hold the same blocks, each found with probability `p = 1 - q`, `q = e^(-s/R)`. With
//! enough samples the change divided by its standard error is normal. Few small blocks are coins: each is found on
//! either side with the same probability. A large block is hardly ever missed, so a difference of large blocks is as
//! likely as missing them: `e^(-s/R)` for one, and for any set of them `e^(-their bytes/R)`. See "Differences" in
//! `docs/ACCURACY.md`.

use crate::statistics;
use crate::statistics::sampling::Draw;
use crate::statistics::sum::Sum;

/// From so many effective samples on, a change divided by its standard error counts as normal.
const MANY: f64 = 10.0;

/// Exponents of the bound for large blocks, as shares of the bytes missed: 1 is best where single blocks are missing, the
/// others where a part of many is.
const EXPONENTS: [f64; 3] = [0.25, 0.5, 1.0];

/// What the samples of one side of a comparison have to say about chance. All of it adds up.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Traces {
    /// Σ w⁴q, with the value `w` that one sample stands for. With the variance Σ w²q it says how many samples the
    /// error rests on: `(Σ w²q)² / Σ w⁴q` is their number where all are equal and small.
    fourth: f64,
    /// Samples of blocks that are found with a probability below 1/2 on one of the sides.
    small: f64,
    /// The sum of the probabilities that these are the new side's, given that one side found them.
    small_in_new: f64,
    /// Bytes of all other sampled blocks, in sampling intervals of their own side.
    large: f64,
    /// The same in sampling intervals of the other side: the exponent of the probability that it would miss all of them.
    missable: f64,
    /// For each θ of [`EXPONENTS`] Σ ln(1 - q + q^(1-θ)), with the `q` of the other side.
    bounds: [f64; 3],
    /// Samples with any chance in them.
    random: f64,
    /// Some blocks were recorded without sampling.
    exact: bool,
}

/// The side of a comparison that samples are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Base,
    New,
}

impl Traces {
    /// What one sample says that was drawn like this on `side`, where the other side has the sampling interval
    /// `other_interval`.
    pub fn of(draw: &Draw, side: Side, other_interval: i64) -> Self {
        let (own, other) = (draw.size / draw.interval as f64, draw.size / other_interval as f64);
        if draw.interval == 1 && other_interval == 1 {
            return Self { exact: true, ..Self::default() };
        }
        let is_exact = draw.interval == 1;
        let (missed_here, missed_there) = (if is_exact { 0.0 } else { (-own).exp() }, (-other).exp());
        let (found_here, found_there) = (if is_exact { 1.0 } else { -(-own).exp_m1() }, -(-other).exp_m1());
        let weight = draw.unit / found_here;
        let mut traces = Self {
            fourth: weight.powi(4) * missed_here,
            random: if is_exact { 0.0 } else { 1.0 },
            exact: is_exact,
            ..Self::default()
        };
        if found_here.min(found_there) < 0.5 {
            let in_new = if side == Side::New { found_here } else { found_there };
            traces.small = 1.0;
            traces.small_in_new = in_new / (found_here + found_there);
        } else {
            traces.large = own;
            traces.missable = other;
            traces.bounds =
                EXPONENTS.map(|exponent| (-missed_there + (-other * (1.0 - exponent)).exp()).ln_1p());
        }
        traces
    }

    /// Adds what `samples` samples like `one` say; takes it away if there are fewer than 0.
    pub fn add(&mut self, one: &Self, samples: f64) {
        self.fourth += one.fourth * samples;
        self.small += one.small * samples;
        self.small_in_new += one.small_in_new * samples;
        self.large += one.large * samples;
        self.missable += one.missable * samples;
        self.bounds.iter_mut().zip(one.bounds).for_each(|(sum, bound)| *sum += bound * samples);
        self.random += one.random * samples;
        self.exact |= one.exact;
    }
}

/// The smallest p-value that a row with as many samples can have, however they are spread over the sides: when all are on
/// the side where they are less likely. It does not depend on where they are, so rows for which it is too large can be
/// left out of a family of tests without harm to what the family promises.
pub(crate) fn least_p_value(base: &Traces, new: &Traces) -> f64 {
    let samples = (base.small + new.small).round();
    if samples < 1.0 || base.large + new.large > 1e-9 {
        return 0.0;
    }
    let in_new = (base.small_in_new + new.small_in_new) / samples;
    2.0 * in_new.min(1.0 - in_new).powf(samples)
}

/// The probability that sampling alone makes a change this large, to either side, between the samples `base` and
/// `new`. `None` where the errors are not known, and where no sample is in only one of both: there is nothing to test.
pub(crate) fn p_value(change: Sum, base: &Traces, new: &Traces) -> Option<f64> {
    let variance = change.variance()?;
    if base.random + new.random < 0.5 {
        return (!change.is_zero() && (base.exact || new.exact)).then_some(0.0);
    }
    if change.is_zero() {
        return Some(1.0);
    }
    let normal = statistics::two_sided(change.value() as f64 / variance.sqrt());
    if variance * variance / (base.fourth + new.fourth) >= MANY {
        return Some(normal);
    }
    let grows = change.value() > 0;
    let (more, less) = if grows { (new, base) } else { (base, new) };
    let in_new = (base.small_in_new + new.small_in_new) / (base.small + new.small);
    let in_less = if grows { 1.0 - in_new } else { in_new };
    let (small, large) = (small(less.small, more.small, in_less), large(less, more));
    let one_sided = match (small, large) {
        // Either may have made the change.
        (Some(small), Some(large)) => 2.0 * small.min(large),
        (small, large) => small.or(large).unwrap_or(1.0),
    };
    Some(normal.max(2.0 * one_sided).min(1.0))
}

/// The probability that so few of the samples of small blocks, or fewer, are on the side with less of them, where each is
/// on that side with probability `in_less`.
fn small(less: f64, more: f64, in_less: f64) -> Option<f64> {
    let count = |samples: f64| samples.round().max(0.0) as u64;
    let (less, more) = (count(less), count(more));
    (less > 0 || more > 0).then(|| statistics::at_most(less, less.saturating_add(more), in_less))
}

/// An upper bound on the probability that the side with less of the large blocks has missed so much of what the other found:
/// `e^(-θd) Π (1 - q + q^(1-θ))` for the best of some θ, `d` being the bytes in intervals (Chernoff's bound). What one
/// side found is there on both, so it holds however many blocks there are.
fn large(less: &Traces, more: &Traces) -> Option<f64> {
    if less.large < 1e-9 && more.large < 1e-9 {
        return None;
    }
    let missed = more.missable - less.large;
    if missed <= 0.0 {
        return Some(1.0);
    }
    let bound = |(exponent, bound): (f64, f64)| (bound.max(0.0) - exponent * missed).exp();
    Some(EXPONENTS.into_iter().zip(more.bounds).map(bound).fold(1.0, f64::min))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::sum::Basis;

    const INTERVAL: i64 = 1 << 19;

    /// One side: numbers of samples of blocks with these sizes in intervals. And what they come to.
    fn side(side: Side, samples: &[(f64, f64)]) -> (Traces, Sum) {
        let (mut traces, mut sum) = (Traces::default(), Sum::ZERO);
        for &(samples, intervals) in samples {
            let size = intervals * INTERVAL as f64;
            let draw = Draw { interval: INTERVAL, size, samples: 1.0, unit: size };
            traces.add(&Traces::of(&draw, side, INTERVAL), samples);
            let p = -(-intervals).exp_m1();
            let variance = samples * size * size * (1.0 - p) / (p * p);
            sum.add(Sum::new(
                (samples * size / p) as i64,
                Some(Basis { variance, third: 0.0, unseen: 0.0, samples }),
            ));
        }
        (traces, sum)
    }

    fn tested(base: &[(f64, f64)], new: &[(f64, f64)]) -> f64 {
        let ((base, before), (new, after)) = (side(Side::Base, base), side(Side::New, new));
        let p = p_value(after.minus(before), &base, &new).unwrap();
        let back = p_value(before.minus(after), &new, &base).unwrap();
        assert!((p - back).abs() < 1e-12, "either direction is as likely");
        p
    }

    #[test]
    fn few_small_blocks_are_coins() {
        const SMALL: f64 = 1e-6;
        assert!((tested(&[], &[(6.0, SMALL)]) - 2.0 / 64.0).abs() < 1e-4);
        assert!((tested(&[(1.0, SMALL)], &[(8.0, SMALL)]) - 2.0 * 10.0 / 512.0).abs() < 1e-4);
        assert_eq!(tested(&[(2.0, SMALL)], &[(3.0, SMALL)]), 1.0);
        let many = tested(&[(100.0, SMALL)], &[(144.0, SMALL)]);
        assert!((many - statistics::two_sided(44.0 / 244f64.sqrt())).abs() < 1e-6, "{many}");
        let (traces, _) = side(Side::New, &[(6.0, SMALL)]);
        let least = least_p_value(&Traces::default(), &traces);
        assert!((least - 2.0 / 64.0).abs() < 1e-4, "{least}");
    }

    #[test]
    fn a_large_block_has_been_missed_or_is_new() {
        for intervals in [2.0f64, 8.0, 30.0] {
            let missed = (-intervals).exp();
            let p = tested(&[], &[(1.0, intervals)]);
            assert!((2.0 * missed..=4.1 * missed).contains(&p), "{intervals}: {p}");
        }
        // A block of the same size on both sides, or a certain one among others.
        assert_eq!(tested(&[(3.0, 2.0)], &[(3.0, 2.0)]), 1.0);
        assert!(tested(&[(300.0, 1e-3)], &[(310.0, 1e-3), (1.0, 1024.0)]) < 1e-12);
        assert!(tested(&[(3.0, 1e-3), (2.0, 3.0)], &[(2.0, 1e-3), (2.0, 3.0), (1.0, 1024.0)]) < 1e-12);
    }

    #[test]
    fn a_part_does_not_speak_for_a_row_that_stands_still() {
        // A large block is gone, and about as much has come in small ones.
        let p = tested(&[(1.0, 8.0)], &[(7.0, 1e-3)]);
        assert!(p > 0.5, "{p}");
    }

    #[test]
    fn exact_blocks_leave_no_doubt() {
        let draw = Draw { interval: 1, size: 64.0, samples: 1.0, unit: 1.0 };
        let mut new = Traces::default();
        new.add(&Traces::of(&draw, Side::New, 1), 5.0);
        let certain =
            |value| Sum::new(value, Some(Basis { variance: 0.0, third: 0.0, unseen: 0.0, samples: 5.0 }));
        assert_eq!(p_value(certain(320), &Traces::default(), &new), Some(0.0));
        assert_eq!(p_value(certain(0), &new, &new), None);
        assert_eq!(p_value(Sum::new(320, None), &Traces::default(), &new), None);
    }
}
