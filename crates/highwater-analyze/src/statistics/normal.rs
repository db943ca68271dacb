//! The tails of the normal distribution.

use std::f64::consts::FRAC_1_SQRT_2;

/// The probability that a standard normal variable is greater than `z`: `erfc(z/√2)/2`. Its relative precision stays as
/// far out as a number can be told from 0.
pub fn beyond(z: f64) -> f64 {
    libm::erfc(z * FRAC_1_SQRT_2) / 2.0
}

/// The probability that a standard normal variable is farther from 0 than `z` is, on either side.
pub fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}
