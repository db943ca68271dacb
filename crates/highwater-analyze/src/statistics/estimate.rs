//! A number and how far sampling may have put it from the truth.

use serde::Serialize;

/// Half the width of a 95 % interval, in standard errors.
pub(crate) const Z95: f64 = 1.96;

/// An estimated number, in the unit of the values that were asked for.
///
/// Sampling makes every value uncertain by a known amount; the true value lies between [`low`](Self::low) and
/// [`high`](Self::high) in 95 of 100 recordings, or somewhat more. What was not seen is in the interval: a value of 0 has an upper end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Estimate {
    /// The unbiased estimate.
    pub value: i64,
    /// Its standard error. 0 when every block was recorded; `None` when the file does not allow it to be known.
    pub standard_error: Option<f64>,
    /// Lower end of the 95 % interval; `None` as for the error.
    pub low: Option<f64>,
    /// Upper end of the 95 % interval; `None` as for the error.
    pub high: Option<f64>,
}

impl Estimate {
    /// A number that was counted.
    pub const fn exact(value: i64) -> Self {
        let end = Some(value as f64);
        Self { value, standard_error: Some(0.0), low: end, high: end }
    }

    /// A number whose error is normal, or not known.
    pub fn normal(value: i64, standard_error: Option<f64>) -> Self {
        let end = |z: f64| standard_error.map(|error| value as f64 + z * error);
        Self { value, standard_error, low: end(-Z95), high: end(Z95) }
    }

    /// Whether the interval has a width: the number was not counted.
    pub fn has_error(&self) -> bool {
        self.low != self.high || self.low.is_none()
    }

    /// Whether the value is more than 1.96 standard errors above 0. That asks for four samples or so, where for the lower end of the
    /// interval to be above 0 one is enough: it shows that something was there.
    pub fn stands_out(&self) -> bool {
        self.standard_error.is_some_and(|error| self.value as f64 > Z95 * error)
    }

    /// Lower end of the 95 % interval.
    pub fn lower95(&self) -> Option<f64> {
        self.low
    }

    /// Upper end of the 95 % interval.
    pub fn upper95(&self) -> Option<f64> {
        self.high
    }

    /// How far the 95 % interval reaches below the value, and above it.
    pub fn margins95(&self) -> Option<[f64; 2]> {
        let value = self.value as f64;
        Some([(value - self.low?).max(0.0), (self.high? - value).max(0.0)])
    }

    /// The longer one of both margins.
    pub fn margin95(&self) -> Option<f64> {
        self.margins95().map(|[below, above]| below.max(above))
    }

    /// So many times as much, which is above 0; the error is that of the number itself.
    pub fn scaled(&self, factor: f64) -> Self {
        let times = |it: Option<f64>| it.map(|it| it * factor);
        Self {
            // A product that does not fit saturates, as sums do.
            value: (self.value as f64 * factor).round() as i64,
            standard_error: times(self.standard_error),
            low: times(self.low),
            high: times(self.high),
        }
    }

    /// The number less one that is known.
    pub fn less(&self, known: i64) -> Self {
        let less = |it: Option<f64>| it.map(|it| it - known as f64);
        Self { value: self.value.saturating_sub(known), low: less(self.low), high: less(self.high), ..*self }
    }

    /// What came in `span_ns` nanoseconds, per second: value and error are divided by the same seconds. `None` when no time
    /// has passed.
    pub fn per_second(&self, span_ns: i64) -> Option<Self> {
        let seconds = Some(span_ns as f64 / 1e9).filter(|it| *it > 0.0)?;
        Some(self.scaled(1.0 / seconds))
    }
}
