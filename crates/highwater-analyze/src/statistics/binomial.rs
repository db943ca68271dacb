//! The binomial distribution.

use crate::statistics::normal;

/// From so many trials on the normal distribution stands in, which is then right to three digits wherever the probability
/// is above 10⁻⁹. It keeps the time that a number from a file can cost within bounds.
const MANY: u64 = 1 << 20;

/// The probability of at most `successes` in `trials` that each succeed with `probability`, which is clamped to 0 to 1.
///
/// The terms of the sum follow from each other by their ratio, beginning with the largest, on the side that has less to
/// add up; the first is found through the logarithm of the gamma function.
pub fn at_most(successes: u64, trials: u64, probability: f64) -> f64 {
    let p = probability.clamp(0.0, 1.0);
    if successes >= trials || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let (n, k) = (trials as f64, successes as f64);
    if trials >= MANY {
        return normal::beyond((n * p - k - 0.5) / (n * p * (1.0 - p)).sqrt());
    }
    if k <= n * p {
        tail(n, k, p)
    } else {
        // More than `k` successes are at most `n - k - 1` failures.
        1.0 - tail(n, n - k - 1.0, 1.0 - p)
    }
}

/// The probability of at most `k` successes, for `k` not above the mean or so: the terms shrink from `k` downwards.
fn tail(n: f64, k: f64, p: f64) -> f64 {
    let ways = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let mut term = (ways + k * p.ln() + (n - k) * (-p).ln_1p()).exp();
    let (mut sum, mut at) = (term, k);
    while at > 0.0 && term > sum * f64::EPSILON {
        term *= at / (n - at + 1.0) * ((1.0 - p) / p);
        sum += term;
        at -= 1.0;
    }
    sum.min(1.0)
}
