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
}

/// A sum of values with the sum of their variances. Wide enough that no order of adding up hostile values
/// overflows; only the finished [`Estimate`] saturates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sum {
    value: i128,
    /// `None` once a value without a known variance went in.
    variance: Option<f64>,
}

impl Sum {
    pub const ZERO: Self = Self { value: 0, variance: Some(0.0) };

    pub fn new(value: i64, variance: Option<f64>) -> Self {
        Self { value: value.into(), variance }
    }

    pub fn add(&mut self, other: Self) {
        self.value = self.value.saturating_add(other.value);
        self.variance = self.variance.zip(other.variance).map(|(a, b)| a + b);
    }

    /// The difference to `base`, whose error adds to this one's.
    pub fn minus(self, base: Self) -> Self {
        let mut difference = Self { value: base.value.saturating_neg(), ..base };
        difference.add(self);
        difference
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
        Estimate { value: self.value(), standard_error: self.variance.map(f64::sqrt) }
    }

    /// This sum as a share of `whole`; 0 when there is no whole.
    pub fn fraction_of(self, whole: u128) -> f64 {
        if whole == 0 { 0.0 } else { self.value as f64 / whole as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_saturate_only_at_the_end() {
        let mut sum = Sum::ZERO;
        for value in [i64::MAX, i64::MAX, i64::MIN, i64::MIN, 7] {
            sum.add(Sum::new(value, Some(1.0)));
        }
        assert_eq!(sum.estimate(), Estimate { value: 5, standard_error: Some(5f64.sqrt()) });
        sum.add(Sum::new(i64::MIN, None));
        sum.add(Sum::new(i64::MIN, Some(1.0)));
        assert_eq!(sum.estimate(), Estimate { value: i64::MIN, standard_error: None });
        assert_eq!(Sum::ZERO.minus(sum).value(), i64::MAX);
    }

    #[test]
    fn a_difference_has_both_errors() {
        let change = Sum::new(10, Some(9.0)).minus(Sum::new(4, Some(16.0))).estimate();
        assert_eq!(change, Estimate { value: 6, standard_error: Some(5.0) });
        assert_eq!(change.margin95(), Some(1.96 * 5.0));
        assert_eq!((change.lower95(), change.upper95()), (Some(6.0 - 9.8), Some(6.0 + 9.8)));
    }
}
