//! Medians and ranges over slices and rounds.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

/// The median and the range of some values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The median; for an even number of values, the mean of the two middle ones.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// The spread of these values; `None` if there are none.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (&least, &most) = (values.first()?, values.last()?);
        let (low, high) = (values[(values.len() - 1) / 2], values[values.len() / 2]);
        Some(Self { median: (low + high) / 2.0, least, most })
    }

    /// The spread of the ratios of two series, round by round: a slow round is slow in both.
    pub fn from_ratios(times: &[f64], references: &[f64]) -> Option<Self> {
        Self::new(times.iter().zip(references).map(|(time, reference)| time / reference))
    }
}

impl Display for Spread {
    /// The range, in the form that follows a median.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}–{}", ratio(self.least), ratio(self.most))
    }
}

/// A ratio with an appropriate number of digits.
pub fn ratio(value: f64) -> String {
    match value {
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        assert_eq!(Spread::new([3.0, 1.0, 100.0]).unwrap().median, 3.0);
        assert_eq!(Spread::new([4.0, 1.0, 2.0, 100.0]).unwrap().median, 3.0);
        assert_eq!(Spread::new([]), None);
    }

    #[test]
    fn a_slow_round_is_slow_for_both() {
        let spread = Spread::from_ratios(&[11.0, 22.0, 110.0], &[10.0, 20.0, 100.0]).unwrap();
        assert_eq!((spread.least, spread.most), (1.1, 1.1));
        assert_eq!(spread.to_string(), "1.10–1.10");
    }

    #[test]
    fn digits_follow_size() {
        assert_eq!([1.234, 12.34, 123.4].map(ratio), ["1.23", "12.3", "123"]);
    }
}
