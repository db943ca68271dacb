//! Variances of rows beside what the formulas say, and values that a hostile file may hold.

use highwater_profile::{Label, LabelValue, ValueType};

use super::*;

/// The variance of `column` for a row with these columns, values and size label.
fn variance(types: &[&str], values: &[i64], size: Option<i64>, interval: i64, column: usize) -> Option<f64> {
    let mut profile = Profile::new(types.iter().map(|it| ValueType::new(*it, "")).collect());
    profile.period_type = Some(ValueType::new("space", "bytes"));
    profile.period = interval;
    let key = profile.strings.intern("bytes");
    let label = size.map(|size| Label { key, value: LabelValue::Number(size, key) });
    profile.samples.push(&[], values, label.as_slice());
    let basis = Sampling::of(&profile, column).basis(&profile.samples.get(0))?;
    assert!(basis.samples >= 0.0 && basis.samples.is_finite());
    Some(basis.variance)
}

fn assert_close(actual: Option<f64>, expected: f64) {
    let actual = actual.unwrap();
    assert!((actual - expected).abs() <= 1e-9 * expected, "{actual} is not {expected}");
}

const LIVE: [&str; 2] = ["inuse_objects", "inuse_space"];

#[test]
fn variances_follow_the_formula() {
    let (interval, size, blocks) = (524_288.0f64, 4096.0f64, 5000.0f64);
    let p = -(-size / interval).exp_m1();
    let n = blocks * p;
    let expected = n * (1.0 - p) / (p * p);
    let values = [5000, 5000 * 4096];
    assert_close(variance(&LIVE, &values, Some(4096), 524_288, 0), expected);
    assert_close(variance(&LIVE, &values, Some(4096), 524_288, 1), expected * size * size);
    // The size follows from the row, or the number of blocks from the size.
    assert_close(variance(&LIVE, &values, None, 524_288, 1), expected * size * size);
    assert_close(variance(&LIVE[1..], &values[1..], Some(4096), 524_288, 0), expected * size * size);
    assert_close(variance(&["objects"], &values[..1], Some(4096), 524_288, 0), expected);
    // A large block is certain to be sampled.
    assert!(variance(&LIVE, &[1, 1 << 40], Some(1 << 40), 524_288, 1).unwrap() < 1e-9);
}

#[test]
fn exact_profiles_have_no_error_and_silent_ones_none_that_is_known() {
    assert_eq!(variance(&LIVE, &[1, 64], None, 1, 1), Some(0.0));
    assert_eq!(variance(&LIVE, &[1, 64], None, 0, 1), None);
    assert_eq!(variance(&LIVE, &[1, 64], None, -5, 1), None);
    assert_eq!(variance(&LIVE[1..], &[64], None, 512, 0), None);
    assert_eq!(variance(&["delay"], &[64], Some(64), 512, 0), None);
}

/// The variance of each column of a row of exact mode, for temporary blocks and for those that lived.
fn timed(labels: &[(&str, i64)], dropped_blocks: Option<i64>) -> [Option<f64>; 4] {
    let types = ["alloc_space", "temp_objects", "temp_space", "freed_space"];
    let mut profile = Profile::new(types.map(|it| ValueType::new(it, "")).to_vec());
    (profile.period_type, profile.period) = (Some(ValueType::new("space", "bytes")), 1);
    profile.meta = Some(highwater_profile::Meta { dropped_blocks, ..Default::default() });
    let mut label = |&(key, value): &(&str, i64)| {
        let key = profile.strings.intern(key);
        Label { key, value: LabelValue::Number(value, key) }
    };
    let labels: Vec<Label> = labels.iter().map(&mut label).collect();
    profile.samples.push(&[], &[8000, 100, 800, 800], &labels);
    let variance = |at| Some(Sampling::of(&profile, at).basis(&profile.samples.get(0))?.variance);
    [0, 1, 2, 3].map(variance)
}

#[test]
fn what_exact_mode_estimates_has_its_error() {
    let estimated = timed(&[("bytes", 8), ("variance", 630)], Some(0));
    assert_eq!(estimated, [Some(0.0), Some(630.0), Some(630.0 * 64.0), Some(630.0 * 64.0)]);
    // Without the label every block was timed; in files of before the label one in 64.
    assert_eq!(timed(&[("bytes", 8)], Some(0)), [Some(0.0); 4]);
    let [old, bytes] = [100.0 * 63.0, 100.0 * 63.0 * 64.0].map(Some);
    assert_eq!(timed(&[("bytes", 8)], None), [Some(0.0), old, bytes, bytes]);
}

#[test]
fn samples_of_processor_time_vary_by_their_square_root() {
    let cpu = ValueType::new("cpu", "nanoseconds");
    let mut profile = Profile::new(vec![ValueType::new("samples", "count"), cpu.clone()]);
    (profile.period_type, profile.period) = (Some(cpu), 10_000_000);
    profile.samples.push(&[], &[25, 250_000_000], &[]);
    let variance =
        |profile: &Profile, at| Some(Sampling::of(profile, at).basis(&profile.samples.get(0))?.variance);
    assert_eq!(variance(&profile, 0), Some(25.0));
    assert_close(variance(&profile, 1), 25.0 * 1e14);
    // Of other times it is not known, nor of what is left between two profiles.
    profile.period_type = Some(ValueType::new("delay", "nanoseconds"));
    assert_eq!(variance(&profile, 1), None);
    profile.period_type = Some(ValueType::new("cpu", "nanoseconds"));
    profile.samples.push(&[], &[-1, -10_000_000], &[]);
    assert_eq!(variance(&profile, 1), None);
}

#[test]
fn hostile_values_stay_finite() {
    for value in [i64::MIN, -1, 1, i64::MAX] {
        for size in [1, i64::MAX] {
            for interval in [2, i64::MAX] {
                let variance = variance(&LIVE, &[value, value], Some(size), interval, 1);
                // A value below 0 makes a difference of profiles, which has no errors.
                assert_eq!(variance.is_some(), value > 0, "{value} {size} {interval}");
                assert!(variance.is_none_or(|it| it.is_finite() && it >= 0.0), "{value} {size} {interval}");
            }
        }
    }
}
