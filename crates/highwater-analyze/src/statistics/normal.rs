//! The tails of the normal distribution, and its quantiles.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The probability that a standard normal variable is greater than `z`: `erfc(z/√2)/2`. Its relative precision stays as
/// far out as a number can be told from 0.
pub fn beyond(z: f64) -> f64 {
    libm::erfc(z * FRAC_1_SQRT_2) / 2.0
}

/// The probability that a standard normal variable is farther from 0 than `z` is, on either side.
pub fn two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() * FRAC_1_SQRT_2)
}

/// The number that a standard normal variable is below with `probability`, which is between 0 and 1: the approximation of
/// Hastings (Abramowitz and Stegun 26.2.23), made exact by two steps of Newton's method.
pub fn quantile(probability: f64) -> f64 {
    let tail = probability.min(1.0 - probability).max(f64::MIN_POSITIVE);
    let t = (-2.0 * tail.ln()).sqrt();
    let upper = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let lower = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    let mut z = t - upper / lower;
    for _ in 0..2 {
        let density = (-z * z / 2.0).exp() / (2.0 * PI).sqrt();
        z += (beyond(z) - tail) / density;
    }
    if probability < 0.5 { -z } else { z }
}
