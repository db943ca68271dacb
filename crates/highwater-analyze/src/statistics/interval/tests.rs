//! How often an interval holds the truth, whatever the number of samples behind it: also when there is none.

#[path = "../../../tests/common/random.rs"]
#[expect(dead_code, reason = "other tests draw normal numbers as well")]
mod random;

use random::Random;

use crate::statistics::estimate::Estimate;
use crate::statistics::sampling::{basis_of, odds};
use crate::statistics::sum::Sum;

const INTERVAL: f64 = 524_288.0;
const DRAWS: u64 = 20_000;
/// Expected numbers of samples.
const MEANS: [f64; 9] = [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 10.0, 25.0, 100.0];

/// Blocks of some sizes: size and number.
type Blocks = Vec<(f64, u64)>;

/// So many blocks of these sizes, as many of each in samples, that `mean` samples are expected.
fn blocks(sizes: &[f64], mean: f64) -> Blocks {
    let found = |size: f64| -(-size / INTERVAL).exp_m1();
    sizes.iter().map(|&it| (it, (mean / sizes.len() as f64 / found(it)).round() as u64)).collect()
}

fn bytes(blocks: &Blocks) -> f64 {
    blocks.iter().map(|&(size, number)| size * number as f64).sum()
}

/// What a recorder estimates of these blocks: each is found or not.
fn recorded(blocks: &Blocks, random: &mut Random) -> Sum {
    let mut sum = Sum::ZERO;
    for &(size, number) in blocks {
        let (mut found, mut left) = (0.0, number as f64);
        loop {
            left -= (-random.uniform().ln() * INTERVAL / size).floor() + 1.0;
            if left < 0.0 {
                break;
            }
            found += 1.0;
        }
        let odds = odds(size, INTERVAL as i64);
        let blocks = found * (1.0 + 1.0 / odds);
        sum.add(Sum::new((blocks * size).round() as i64, Some(basis_of(blocks, odds, size, Some(INTERVAL)))));
    }
    sum.may_miss(INTERVAL);
    sum
}

/// The share of the intervals that hold the truth.
fn coverage(seed: u64, truth: f64, mut estimate: impl FnMut(&mut Random) -> Estimate) -> f64 {
    let mut random = Random::new(seed);
    let holds = |it: Estimate| (it.low.unwrap()..=it.high.unwrap()).contains(&truth);
    (0..DRAWS).filter(|_| holds(estimate(&mut random))).count() as f64 / DRAWS as f64
}

fn of_totals(sizes: &[f64]) -> Vec<f64> {
    let share = |&mean: &f64| {
        let blocks = blocks(sizes, mean);
        coverage(mean.to_bits(), bytes(&blocks), |random| recorded(&blocks, random).estimate())
    };
    MEANS.iter().map(share).collect()
}

/// Of the change from `before` to `after` times as many blocks as give each mean, with survivors in both if there are any.
fn of_growth(sizes: &[f64], [before, after, survived]: [f64; 3]) -> Vec<f64> {
    let share = |&mean: &f64| {
        let [dead, born, both] = [before, after, survived].map(|it| blocks(sizes, it * mean));
        coverage(mean.to_bits(), bytes(&born) - bytes(&dead), |random| {
            let survivors = recorded(&both, random);
            let [mut base, mut new] = [recorded(&dead, random), recorded(&born, random)];
            base.add(survivors);
            new.add(survivors);
            new.without(survivors).minus(base.without(survivors)).estimate()
        })
    };
    MEANS.iter().map(share).collect()
}

const SMALL: [f64; 1] = [64.0];
const MIXED: [f64; 9] = [16.0, 64.0, 256.0, 1024.0, 4096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0];

/// What coverage must be, with the sampling error of [`DRAWS`]: three of its standard errors.
const TARGET: std::ops::RangeInclusive<f64> = 0.935..=0.983;

/// At some means below 2.1 no interval is within the target: with 0.5 samples expected, two or fewer are found in 98.6 % of all
/// recordings, and one or none in 91.0 %.
const FEW: f64 = 2.1;
const STEPS: std::ops::RangeInclusive<f64> = 0.94..=0.992;

fn assert_holds(name: &str, coverage: &[f64], few: std::ops::RangeInclusive<f64>) {
    for (mean, share) in MEANS.iter().zip(coverage) {
        let expected = if *mean < FEW { &few } else { &TARGET };
        assert!(expected.contains(share), "{name}, {mean} samples expected: {share} ({coverage:?})");
    }
}

#[test]
fn totals_of_blocks_of_one_size_are_held() {
    assert_holds("64 B", &of_totals(&SMALL), STEPS);
    assert_holds("16 KiB", &of_totals(&[16_384.0]), STEPS);
}

#[test]
fn totals_of_mixed_sizes_are_held() {
    assert_holds("16 B to 1 MiB", &of_totals(&MIXED), TARGET);
    assert_holds("three sizes", &of_totals(&[48.0, 5_000.0, 262_144.0]), STEPS);
}

#[test]
fn growth_between_recordings_is_held() {
    assert_holds("64 B", &of_growth(&SMALL, [1.0, 2.0, 0.0]), 0.94..=0.995);
    assert_holds("16 B to 1 MiB", &of_growth(&MIXED, [1.0, 3.0, 0.0]), 0.94..=1.0);
    // What a base without samples held is not known, so growth from nothing is held nearly always.
    assert_holds("from nothing", &of_growth(&SMALL, [0.0, 1.0, 0.0]), 0.94..=1.0);
}

#[test]
fn growth_in_one_process_is_held_and_survivors_do_not_widen_it() {
    let growth = of_growth(&MIXED, [1.0, 2.0, 3.0]);
    assert_holds("16 B to 1 MiB", &growth, 0.94..=1.0);
}

#[test]
fn a_sum_less_what_was_counted_has_the_same_width() {
    let blocks = blocks(&SMALL, 5.0);
    let sum = recorded(&blocks, &mut Random::new(4));
    let width = |it: Estimate| it.margins95().unwrap().map(f64::round);
    let less = sum.minus(Sum::counted(1 << 40)).estimate();
    assert!(less.value < 0 && less.low < Some(less.value as f64));
    let [own, others] = [width(sum.estimate()), width(less)];
    assert!((own[0] - others[0]).abs() < 1e3 && (own[1] - others[1]).abs() < 1e3, "{own:?} {others:?}");
}

/// The planted fault: 1.96 standard errors to either side, as it is usually done.
#[test]
fn standard_errors_alone_do_not_hold_the_truth() {
    for mean in [0.5, 2.0, 6.0] {
        let blocks = blocks(&SMALL, mean);
        let share = coverage(9, bytes(&blocks), |random| {
            let it = recorded(&blocks, random).estimate();
            Estimate::normal(it.value, it.standard_error)
        });
        assert!(share < 0.935, "{mean}: {share}");
    }
}
