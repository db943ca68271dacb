//! A sum of values with the sum of their errors.

use crate::statistics::estimate::Estimate;
use crate::statistics::interval::Spread;

/// What is known of how a value came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Basis {
    /// The variance of the value, in its unit squared.
    pub variance: f64,
    /// Its third cumulant, in its unit cubed.
    pub third: f64,
    /// What a block stands for that was not seen, at the most.
    pub unseen: f64,
    /// How many samples it rests on.
    pub samples: f64,
}

/// A sum of values with the sum of their variances. Wide enough that no order of adding up hostile values
/// overflows; only the finished [`Estimate`] saturates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum {
    value: i128,
    /// Not a number once a value without a known variance went in.
    variance: f64,
    /// The third cumulant, with the sign of the values.
    third: f64,
    /// How many samples it rests on; 0 where that is not known.
    samples: f64,
    /// What a block that was missed takes away from the value, and what one adds to it, at the most.
    unseen: [f32; 2],
}

impl Sum {
    pub const ZERO: Self = Self { value: 0, variance: 0.0, third: 0.0, samples: 0.0, unseen: [0.0; 2] };

    /// A value that was counted.
    pub fn counted(value: i64) -> Self {
        Self { value: value.into(), ..Self::ZERO }
    }

    pub fn new(value: i64, error: Option<Basis>) -> Self {
        let unknown = Basis { variance: f64::NAN, third: 0.0, unseen: 0.0, samples: 0.0 };
        let Basis { variance, third, unseen, samples } = error.unwrap_or(unknown);
        let sum = Self { value: value.into(), variance, third, samples, unseen: [0.0, unseen as f32] };
        if value < 0 { Self { third: -third, unseen: [unseen as f32, 0.0], ..sum } } else { sum }
    }

    pub fn add(&mut self, other: Self) {
        self.value = self.value.saturating_add(other.value);
        self.variance += other.variance;
        self.third += other.third;
        self.samples += other.samples;
        self.unseen = larger(self.unseen, other.unseen);
    }

    /// The same, where a block that adds this much, at the most, may not have been seen.
    pub fn may_miss(&mut self, unseen: f64) {
        self.unseen[1] = self.unseen[1].max(unseen as f32);
    }

    /// The difference to `base`, whose error adds to this one's.
    pub fn minus(self, base: Self) -> Self {
        let [below, above] = base.unseen;
        let mut difference =
            Self { value: base.value.saturating_neg(), third: -base.third, unseen: [above, below], ..base };
        difference.add(self);
        difference
    }

    /// So many times as much, which is above 0; with the error of the number itself.
    pub fn scaled(self, factor: f64) -> Self {
        Self {
            value: (self.value as f64 * factor).round() as i128,
            variance: self.variance * factor * factor,
            third: self.third * factor.powi(3),
            samples: self.samples,
            unseen: self.unseen.map(|it| it * factor as f32),
        }
    }

    /// What is left of this sum without `part`, which is among what was added up: its error is that of the rest.
    pub fn without(self, part: Self) -> Self {
        let variance = not_below_zero(self.variance - part.variance);
        Self {
            value: self.value.saturating_sub(part.value),
            variance,
            third: if variance > 0.0 { self.third - part.third } else { 0.0 },
            samples: not_below_zero(self.samples - part.samples),
            unseen: self.unseen,
        }
    }

    /// What its error follows from.
    pub fn spread(self) -> Spread {
        Spread { variance: self.variance, third: self.third, unseen: self.unseen.map(f64::from) }
    }

    /// The variance, where it is known.
    pub fn variance(self) -> Option<f64> {
        Some(self.variance).filter(|it| !it.is_nan())
    }

    /// How many samples it rests on.
    pub fn samples(self) -> f64 {
        self.samples
    }

    pub fn value(self) -> i64 {
        let in_range = self.value.clamp(i64::MIN.into(), i64::MAX.into());
        i64::try_from(in_range).unwrap_or_default()
    }

    /// The sum without its sign, for ranking and for shares.
    pub fn magnitude(self) -> u128 {
        self.value.unsigned_abs()
    }

    pub fn is_zero(self) -> bool {
        self.value == 0
    }

    pub fn estimate(self) -> Estimate {
        self.spread().estimate(self.value())
    }

    /// This sum as a share of `whole`; 0 when there is no whole.
    pub fn fraction_of(self, whole: u128) -> f64 {
        fraction_of(self.value, whole)
    }

    /// The value alone, as wide as it is added up.
    pub fn exact(self) -> i128 {
        self.value
    }
}

/// The larger of each two.
pub(crate) fn larger(a: [f32; 2], b: [f32; 2]) -> [f32; 2] {
    [a[0].max(b[0]), a[1].max(b[1])]
}

/// A value as a share of `whole`; 0 when there is no whole.
pub(crate) fn fraction_of(value: i128, whole: u128) -> f64 {
    if whole == 0 { 0.0 } else { value as f64 / whole as f64 }
}

/// The number itself where it is not a number.
fn not_below_zero(number: f64) -> f64 {
    if number < 0.0 { 0.0 } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variance: f64) -> Option<Basis> {
        Some(Basis { variance, third: 0.0, unseen: 0.0, samples: 1.0 })
    }

    fn value_and_error(sum: Sum) -> (i64, Option<f64>) {
        let it = sum.estimate();
        (it.value, it.standard_error)
    }

    #[test]
    fn what_is_taken_out_takes_its_error_along() {
        let mut sum = Sum::new(10, of(9.0));
        let part = Sum::new(4, of(16.0));
        sum.add(part);
        let rest = sum.without(part);
        assert_eq!(value_and_error(rest), (10, Some(3.0)));
        assert_eq!(rest.samples(), 1.0);
        assert_eq!(value_and_error(part.without(sum)), (-10, Some(0.0)));
        assert_eq!(sum.without(Sum::new(1, None)).variance(), None);
    }

    #[test]
    fn sums_saturate_only_at_the_end() {
        let mut sum = Sum::ZERO;
        for value in [i64::MAX, i64::MAX, i64::MIN, i64::MIN, 7] {
            sum.add(Sum::new(value, of(1.0)));
        }
        assert_eq!(value_and_error(sum), (5, Some(5f64.sqrt())));
        sum.add(Sum::new(i64::MIN, None));
        sum.add(Sum::new(i64::MIN, of(1.0)));
        assert_eq!(sum.estimate(), Estimate::normal(i64::MIN, None));
        assert_eq!(Sum::ZERO.minus(sum).value(), i64::MAX);
    }

    #[test]
    fn a_rate_has_the_error_of_what_came() {
        let it = Estimate::normal(1001, Some(50.0));
        assert_eq!(it.per_second(500_000_000), Some(Estimate::normal(2002, Some(100.0))));
        let half = it.per_second(2_000_000_000).unwrap();
        assert_eq!((half.value, half.standard_error, half.low), (501, Some(25.0), Some(500.5 - 49.0)));
        let unknown = Estimate::normal(i64::MAX, None);
        assert_eq!(unknown.per_second(1), Some(unknown));
        assert_eq!([0, -1].map(|span| it.per_second(span)), [None, None]);
    }

    #[test]
    fn a_difference_has_both_errors() {
        let basis = |variance, unseen| Some(Basis { variance, third: 0.0, unseen, samples: 1.0 });
        let change = Sum::new(10, basis(9.0, 1.0)).minus(Sum::new(4, basis(16.0, 1.0))).estimate();
        assert_eq!((change.value, change.standard_error), (6, Some(5.0)));
        let [below, above] = change.margins95().unwrap();
        assert!((10.0..11.5).contains(&below) && (below - above).abs() < 1e-9, "{below} {above}");
        let exact = Sum::new(10, of(0.0)).minus(Sum::new(4, of(0.0))).estimate();
        assert_eq!(exact, Estimate::exact(6));
        assert_eq!(exact.less(7), Estimate::exact(-1));
    }

    #[test]
    fn what_was_not_seen_has_an_upper_end() {
        let mut nothing = Sum::ZERO;
        assert!(!nothing.estimate().has_error());
        nothing.may_miss(1000.0);
        let it = nothing.estimate();
        assert_eq!((it.value, it.standard_error, it.low), (0, Some(0.0), Some(0.0)));
        assert!((4_000.0..4_300.0).contains(&it.high.unwrap()), "{it:?}");
        // Certain blocks may have small ones beside them, which were not seen.
        let mut certain = Sum::new(1 << 30, of(0.0));
        certain.may_miss(1000.0);
        assert_eq!(certain.estimate().low, Some(f64::from(1 << 30)));
        assert_eq!(certain.estimate().high, it.high.map(|it| it + f64::from(1 << 30)));
        let gone = Sum::ZERO.minus(certain).estimate();
        assert_eq!(gone.high, Some(-f64::from(1 << 30)));
    }
}
