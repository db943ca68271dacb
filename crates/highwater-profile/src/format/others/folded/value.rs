//! The numbers of folded stacks, which may have decimals: added up as they are, and rounded once.

/// A number: its whole part, and what is behind the point with the same sign.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Value {
    whole: i64,
    fraction: f64,
}

impl Value {
    /// The number that `text` is; `None` when it is none, or beyond 2^63.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(whole) = text.parse() {
            return Some(Self { whole, fraction: 0.0 });
        }
        let number: f64 = text.parse().ok()?;
        let whole = number.trunc();
        // The bounds are exact: 2^63 is a power of two.
        let fits = -(2_f64.powi(63)) <= whole && whole < 2_f64.powi(63);
        fits.then_some(Self { whole: whole as i64, fraction: number - whole })
    }

    pub fn is_whole(self) -> bool {
        self.fraction == 0.0
    }

    /// Sums end at the ends of `i64`.
    pub fn add(&mut self, other: Self) {
        let fraction = self.fraction + other.fraction;
        let carried = fraction.trunc();
        self.whole = self.whole.saturating_add(other.whole).saturating_add(carried as i64);
        self.fraction = fraction - carried;
    }
}

/// Rounds one number after the other so that their sum is right: what rounding took from one is added to the
/// next.
#[derive(Default)]
pub(super) struct Rounding {
    left: f64,
}

impl Rounding {
    pub fn round(&mut self, value: Value) -> i64 {
        let exact = value.fraction + self.left;
        let rounded = exact.round();
        self.left = exact - rounded;
        value.whole.saturating_add(rounded as i64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_right_whatever_their_parts() {
        let mut sum = Value::default();
        for text in ["0.25", "9007199254740993", "-0.5", "1e3", "0.75"] {
            sum.add(Value::parse(text).unwrap());
        }
        assert_eq!(sum, Value { whole: 9_007_199_254_741_993, fraction: 0.5 });
        let mut rounding = Rounding::default();
        let parts: Vec<i64> = [2.5, 2.5, 0.4, 0.4, 0.4, -1.2]
            .map(|it: f64| rounding.round(Value::parse(&it.to_string()).unwrap()))
            .to_vec();
        assert_eq!(parts.iter().sum::<i64>(), 5);
        for wrong in ["", "x", "nan", "inf", "9223372036854775808", "0x1"] {
            assert_eq!(Value::parse(wrong), None, "{wrong}");
        }
    }
}
