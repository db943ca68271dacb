//! Student's t distribution: its tails and its quantiles, for degrees of freedom that need not be whole.

use std::f64::consts::PI;

use crate::statistics::normal;

/// From so many degrees of freedom the distribution is the normal one.
const MANY: f64 = 1e7;

/// Steps of the search for a quantile.
const STEPS: usize = 100;

/// The probability that a t variable is farther from 0 than `t` is, on either side: `I(ν/(ν+t²); ν/2, 1/2)`.
pub fn two_sided(t: f64, freedom: f64) -> f64 {
    if freedom >= MANY {
        return normal::two_sided(t);
    }
    if t.is_infinite() {
        return 0.0;
    }
    incomplete_beta(freedom / (freedom + t * t), freedom / 2.0, 0.5)
}

/// The number that a t variable is farther from 0 than with probability `tails`, both tails together: 1.96 for 0.05 and many
/// degrees of freedom.
pub fn quantile_of_both(tails: f64, freedom: f64) -> f64 {
    if freedom >= MANY {
        return -normal::quantile(tails / 2.0);
    }
    // From the quantile of the normal distribution, or beyond it, Newton's method on the logarithm of the tails.
    let mut t = -normal::quantile(tails / 2.0);
    let scale = libm::lgamma((freedom + 1.0) / 2.0) - libm::lgamma(freedom / 2.0) - 0.5 * (freedom * PI).ln();
    for _ in 0..STEPS {
        let now = two_sided(t, freedom);
        let density = 2.0 * (scale - (freedom + 1.0) / 2.0 * (t * t / freedom).ln_1p()).exp();
        let step = now * (now / tails).ln() / density;
        t += step;
        if step.abs() <= 1e-12 * t {
            break;
        }
    }
    t
}

/// The regularized incomplete beta function, by its continued fraction (Press et al., Numerical Recipes, "Incomplete beta
/// function").
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    let factor = libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p();
    if x < (a + 1.0) / (a + b + 2.0) {
        factor.exp() * fraction(x, a, b) / a
    } else {
        1.0 - factor.exp() * fraction(1.0 - x, b, a) / b
    }
}

fn fraction(x: f64, a: f64, b: f64) -> f64 {
    const TERMS: u32 = 10_000;
    const LEAST: f64 = 1e-300;
    let not_zero = |it: f64| if it.abs() < LEAST { LEAST } else { it };
    let (mut c, mut d) = (1.0, 1.0 / not_zero(1.0 - (a + b) * x / (a + 1.0)));
    let mut product = d;
    for m in 1..TERMS {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / not_zero(1.0 + even * d);
        c = not_zero(1.0 + even / c);
        product *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / not_zero(1.0 + odd * d);
        c = not_zero(1.0 + odd / c);
        product *= d * c;
        if (d * c - 1.0).abs() < 1e-15 {
            break;
        }
    }
    product
}
