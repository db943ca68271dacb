//! A number and how far sampling may have put it from the truth.

use serde::Serialize;

/// Half the width of a 95 % interval, in standard errors.
pub(crate) const Z95: f64 = 1.96;

/// An estimated number, in the unit of the values that were asked for.
///
/// Sampling makes every value uncertain by a known amount; the true value lies between [`lower95`](Self::lower95)
/// and [`upper95`](Self::upper95) in 95 of 100 recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Estimate {
    /// The unbiased estimate.
    pub value: i64,
    /// Its standard error. 0 when every block was recorded; `None` when the file does not allow it to be known.
    pub standard_error: Option<f64>,
}

impl Estimate {
    /// Half the width of the 95 % interval: 1.96 standard errors.
    pub fn margin95(&self) -> Option<f64> {
        self.standard_error.map(|error| Z95 * error)
    }

    /// Lower end of the 95 % interval.
    pub fn lower95(&self) -> Option<f64> {
        self.margin95().map(|margin| self.value as f64 - margin)
    }

    /// Upper end of the 95 % interval.
    pub fn upper95(&self) -> Option<f64> {
        self.margin95().map(|margin| self.value as f64 + margin)
    }

    /// What came in `span_ns` nanoseconds, per second: value and error are divided by the same seconds. `None` when no time
    /// has passed.
    pub fn per_second(&self, span_ns: i64) -> Option<Self> {
        let seconds = Some(span_ns as f64 / 1e9).filter(|it| *it > 0.0)?;
        Some(Self {
            // A quotient that does not fit saturates, as sums do.
            value: (self.value as f64 / seconds).round() as i64,
            standard_error: self.standard_error.map(|error| error / seconds),
        })
    }
}

/// What is known of how a value came about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Evidence {
    /// The variance of the value, in its unit squared.
    pub variance: f64,
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
    /// How many samples it rests on; 0 where that is not known.
    samples: f64,
}

impl Sum {
    pub const ZERO: Self = Self { value: 0, variance: 0.0, samples: 0.0 };

    pub fn new(value: i64, error: Option<Evidence>) -> Self {
        let Evidence { variance, samples } = error.unwrap_or(Evidence { variance: f64::NAN, samples: 0.0 });
        Self { value: value.into(), variance, samples }
    }

    pub fn add(&mut self, other: Self) {
        self.value = self.value.saturating_add(other.value);
        self.variance += other.variance;
        self.samples += other.samples;
    }

    /// The difference to `base`, whose error adds to this one's.
    pub fn minus(self, base: Self) -> Self {
        let mut difference = Self { value: base.value.saturating_neg(), ..base };
        difference.add(self);
        difference
    }

    /// What is left of this sum without `part`, which is among what was added up: its error is that of the rest.
    pub fn without(self, part: Self) -> Self {
        Self {
            value: self.value.saturating_sub(part.value),
            variance: not_below_zero(self.variance - part.variance),
            samples: not_below_zero(self.samples - part.samples),
        }
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
        Estimate { value: self.value(), standard_error: self.variance().map(f64::sqrt) }
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

    fn of(variance: f64) -> Option<Evidence> {
        Some(Evidence { variance, samples: 1.0 })
    }

    #[test]
    fn what_is_taken_out_takes_its_error_along() {
        let mut sum = Sum::new(10, of(9.0));
        let part = Sum::new(4, of(16.0));
        sum.add(part);
        let rest = sum.without(part);
        assert_eq!(rest.estimate(), Estimate { value: 10, standard_error: Some(3.0) });
        assert_eq!(rest.samples(), 1.0);
        assert_eq!(part.without(sum).estimate(), Estimate { value: -10, standard_error: Some(0.0) });
        assert_eq!(sum.without(Sum::new(1, None)).variance(), None);
    }

    #[test]
    fn sums_saturate_only_at_the_end() {
        let mut sum = Sum::ZERO;
        for value in [i64::MAX, i64::MAX, i64::MIN, i64::MIN, 7] {
            sum.add(Sum::new(value, of(1.0)));
        }
        assert_eq!(sum.estimate(), Estimate { value: 5, standard_error: Some(5f64.sqrt()) });
        sum.add(Sum::new(i64::MIN, None));
        sum.add(Sum::new(i64::MIN, of(1.0)));
        assert_eq!(sum.estimate(), Estimate { value: i64::MIN, standard_error: None });
        assert_eq!(Sum::ZERO.minus(sum).value(), i64::MAX);
    }

    #[test]
    fn a_rate_has_the_error_of_what_came() {
        let it = Estimate { value: 1001, standard_error: Some(50.0) };
        assert_eq!(it.per_second(500_000_000), Some(Estimate { value: 2002, standard_error: Some(100.0) }));
        assert_eq!(it.per_second(2_000_000_000), Some(Estimate { value: 501, standard_error: Some(25.0) }));
        let unknown = Estimate { value: i64::MAX, standard_error: None };
        assert_eq!(unknown.per_second(1), Some(unknown));
        assert_eq!([0, -1].map(|span| it.per_second(span)), [None, None]);
    }

    #[test]
    fn a_difference_has_both_errors() {
        let change = Sum::new(10, of(9.0)).minus(Sum::new(4, of(16.0))).estimate();
        assert_eq!(change, Estimate { value: 6, standard_error: Some(5.0) });
        assert_eq!(change.margin95(), Some(1.96 * 5.0));
        assert_eq!((change.lower95(), change.upper95()), (Some(6.0 - 9.8), Some(6.0 + 9.8)));
    }
}
