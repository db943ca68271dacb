//! The gamma distribution: its quantiles, for shapes that need not be whole.

use crate::statistics::normal;

/// From this shape on the approximation of Wilson and Hilferty is right to eight digits.
const LARGE: f64 = 1e5;

/// Steps of the search for a quantile, which converges cubically: four are the usual number.
const STEPS: usize = 20;

/// Terms of the series and of the continued fraction, which need about the square root of [`LARGE`] of them.
const TERMS: usize = 5_000;

/// The number that a gamma variable with this shape and scale 1 is below with `probability`. 0 for a shape of 0.
///
/// Halley's method on the regularized incomplete gamma function, from the approximation of Wilson and Hilferty (1931), or for
/// shapes below 1 from the first term of the series (Press et al., Numerical Recipes, "Inverse incomplete gamma function").
pub fn quantile(shape: f64, probability: f64) -> f64 {
    if shape <= 0.0 || probability <= 0.0 {
        return 0.0;
    }
    let p = probability.min(1.0 - f64::EPSILON);
    let cube = || {
        let ninth = 1.0 / (9.0 * shape);
        shape * (1.0 - ninth + normal::quantile(p) * ninth.sqrt()).powi(3)
    };
    if shape >= LARGE {
        return cube();
    }
    let mut x = if shape > 1.0 {
        cube().max(1e-3)
    } else {
        let split = 1.0 - shape * (0.253 + shape * 0.12);
        if p < split { (p / split).powf(1.0 / shape) } else { 1.0 - (1.0 - (p - split) / (1.0 - split)).ln() }
    };
    let factor = libm::lgamma(shape);
    for _ in 0..STEPS {
        if x <= 0.0 {
            return 0.0;
        }
        let density = ((shape - 1.0) * x.ln() - x - factor).exp();
        if density == 0.0 {
            break;
        }
        let newton = (below(shape, x, factor) - p) / density;
        let bend = newton * ((shape - 1.0) / x - 1.0);
        let step = newton / (1.0 - 0.5 * bend.min(1.0));
        // A step over 0 is cut in half.
        let next = if step >= x { x / 2.0 } else { x - step };
        let is_found = (next - x).abs() <= 1e-12 * next;
        x = next;
        if is_found {
            break;
        }
    }
    x
}

/// The probability that a gamma variable is below `x`: the regularized incomplete gamma function, by its series or by its
/// continued fraction. `factor` is the logarithm of Γ(shape).
fn below(shape: f64, x: f64, factor: f64) -> f64 {
    let scale = (shape * x.ln() - x - factor).exp();
    if x < shape + 1.0 {
        let (mut term, mut sum, mut at) = (1.0 / shape, 1.0 / shape, shape);
        for _ in 0..TERMS {
            at += 1.0;
            term *= x / at;
            sum += term;
            if term < sum * f64::EPSILON {
                break;
            }
        }
        return sum * scale;
    }
    const LEAST: f64 = 1e-300;
    let mut b = x + 1.0 - shape;
    let (mut c, mut d) = (1.0 / LEAST, 1.0 / b);
    let mut h = d;
    for i in 1..TERMS {
        let i = i as f64;
        let a = i * (shape - i);
        b += 2.0;
        let not_zero = |it: f64| if it.abs() < LEAST { LEAST } else { it };
        d = 1.0 / not_zero(a * d + b);
        c = not_zero(b + a / c);
        h *= d * c;
        if (d * c - 1.0).abs() < f64::EPSILON {
            break;
        }
    }
    1.0 - scale * h
}
