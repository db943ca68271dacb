//! Comparison with what `scipy` computes: the values and the script that made them are in `tests/statistics`.

use serde_json::Value;

use super::*;

fn stored() -> Value {
    serde_json::from_str(include_str!("../../tests/statistics/values.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect()
}

/// Compares `function` of all but the last number of each stored row with the last.
fn compare(name: &str, tolerance: f64, function: impl Fn(&[f64]) -> f64) {
    let stored = stored();
    let rows = stored[name].as_array().unwrap();
    assert!(rows.len() >= 20, "{name} has {} values", rows.len());
    for row in rows {
        let row = numbers(row);
        let (expected, arguments) = row.split_last().unwrap();
        let actual = function(arguments);
        assert!(
            (actual - expected).abs() <= tolerance * expected.abs(),
            "{name}{arguments:?} is {actual:e}, and scipy says {expected:e}"
        );
    }
}

#[test]
fn normal_tails_are_scipys() {
    compare("normal_beyond", 1e-13, |it| beyond(it[0]));
    compare("normal_two_sided", 1e-13, |it| two_sided(it[0]));
}

#[test]
fn quantiles_are_scipys() {
    compare("normal_quantile", 1e-9, |it| if it[0] == 0.5 { 0.0 } else { normal_quantile(it[0]) });
    compare("gamma_quantile", 1e-7, |it| gamma_quantile(it[0], it[1]));
}

#[test]
fn t_tails_and_quantiles_are_scipys() {
    compare("t_two_sided", 1e-9, |it| t_two_sided(it[0], it[1]));
    compare("t_quantile", 1e-8, |it| t_quantile(it[0], it[1]));
}

#[test]
fn derivatives_of_the_gamma_function_are_scipys() {
    compare("digamma", 1e-10, |it| digamma(it[0]));
    compare("trigamma", 1e-10, |it| trigamma(it[0]));
    for value in [1e-8, 1e-3, 0.5, 3.0, 1e4, 1e9] {
        let back = trigamma(trigamma_inverse(value));
        assert!((back - value).abs() < 1e-6 * value, "{value} comes back as {back}");
    }
}

#[test]
fn quantiles_of_nothing_are_nothing() {
    assert_eq!(
        (gamma_quantile(0.0, 0.5), gamma_quantile(1e-9, 0.014), gamma_quantile(2.0, 0.0)),
        (0.0, 0.0, 0.0)
    );
    assert!(gamma_quantile(3.0, 1.0).is_finite() && gamma_quantile(1e300, 0.9) >= 1e300);
    assert!(normal_quantile(0.5).abs() < 1e-9 && normal_quantile(1.0).is_finite());
}

#[test]
fn binomial_sums_are_scipys() {
    compare("binomial_at_most", 1e-9, |it| at_most(it[0] as u64, it[1] as u64, it[2]));
    compare("binomial_at_most_of_many", 2e-3, |it| at_most(it[0] as u64, it[1] as u64, it[2]));
}

#[test]
fn extreme_binomials_end_soon() {
    assert_eq!((at_most(5, 5, 0.5), at_most(0, 0, 0.5), at_most(0, 9, 0.0)), (1.0, 1.0, 1.0));
    assert_eq!((at_most(8, 9, 1.0), at_most(8, 9, 7.0), at_most(8, 9, -1.0)), (0.0, 0.0, 1.0));
    assert_eq!(at_most(0, u64::MAX, 0.5), 0.0);
    let middle = at_most(u64::MAX / 2, u64::MAX, 0.5);
    assert!((middle - 0.5).abs() < 1e-3, "{middle}");
}

#[test]
fn q_values_are_scipys() {
    let stored = stored();
    let cases = stored["q_values"].as_array().unwrap();
    assert!(cases.len() >= 5);
    for case in cases {
        let (p, expected) = (numbers(&case[0]), numbers(&case[1]));
        let actual = q_values(&p);
        assert_eq!(actual.len(), expected.len());
        for (actual, expected) in actual.iter().zip(&expected) {
            assert!((actual - expected).abs() <= 1e-12 * expected, "{actual} is not {expected}: {p:?}");
        }
        // What is planted is noticed: without the correction the values would be others.
        assert!(p.len() < 2 || actual != p);
    }
    assert!(q_values(&[]).is_empty());
}
