//! The promises of the estimates: no bias, and 95 % intervals that contain the truth in 95 of 100 cases. The
//! real recorder repeats a pattern of allocations thousands of times, and the test reads each repetition's
//! profile like any reader.
//!
//! A failed check is repeated with new random numbers: four standard errors are exceeded by chance once in
//! 16,000 times, and practically never twice in a row. The test also plants faults that released profilers
//! have had; they must be detected.

use std::process::Command;

use highwater_tests::succeed;

const REPETITIONS: usize = 4_000;

/// Enough repetitions to detect a planted fault.
const FEW_REPETITIONS: usize = 500;

/// Standard errors on both sides of a 95 % interval.
const Z: f64 = 1.96;

/// Blocks of one size in every repetition. Half of them are freed.
#[derive(Clone, Copy)]
struct Blocks {
    size: u64,
    number: u64,
}

/// A row of a repetition's profile.
struct Row {
    size: f64,
    interval: f64,
    samples: f64,
    /// The values that a reader sees: blocks and bytes, all and live, scaled by the recorder.
    blocks: f64,
    bytes: f64,
    live_blocks: f64,
    live_bytes: f64,
}

impl Row {
    fn probability(&self) -> f64 {
        -(-self.size / self.interval).exp_m1()
    }
}

/// Runs the pattern, and returns the rows of each repetition.
fn record(repetitions: usize, threads: usize, intervals: &[u64], pattern: &[Blocks]) -> Vec<Vec<Row>> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_prove_statistics"));
    program.env("HIGHWATER", format!("interval:{}", intervals[0]));
    let intervals: Vec<_> = intervals.iter().map(u64::to_string).collect();
    program.args([repetitions.to_string(), threads.to_string(), intervals.join(",")]);
    program.args(pattern.iter().map(|it| format!("{}:{}", it.size, it.number)));
    let mut repetitions: Vec<Vec<Row>> = (0..repetitions).map(|_| Vec::new()).collect();
    for line in succeed(&mut program).lines() {
        let mut numbers = line.split(' ').map(|it| it.parse::<f64>().unwrap());
        let mut next = || numbers.next().unwrap();
        repetitions[next() as usize].push(Row {
            size: next(),
            interval: next(),
            samples: next(),
            blocks: next(),
            bytes: next(),
            live_blocks: next(),
            live_bytes: next(),
        });
    }
    repetitions
}

/// A repetition's estimate with its variance.
struct Estimate {
    value: f64,
    variance: f64,
}

/// Adds up `blocks` of each row, counted in `unit`s; docs/ACCURACY.md has the formula of the variance.
fn sum(rows: &[Row], value: fn(&Row) -> f64, blocks: fn(&Row) -> f64, unit: fn(&Row) -> f64) -> Estimate {
    rows.iter().fold(Estimate { value: 0.0, variance: 0.0 }, |sum, row| {
        let p = row.probability();
        Estimate {
            value: sum.value + value(row),
            variance: sum.variance + blocks(row) * unit(row).powi(2) * (1.0 - p) / p,
        }
    })
}

/// The estimate of a quantity from a repetition's rows.
type Estimator = fn(&[Row]) -> Estimate;

/// The quantities of a profile, by name.
const QUANTITIES: [(&str, Estimator); 4] = [
    ("alloc bytes", |rows| sum(rows, |it| it.bytes, |it| it.blocks, |it| it.size)),
    ("alloc blocks", |rows| sum(rows, |it| it.blocks, |it| it.blocks, |_| 1.0)),
    ("live bytes", |rows| sum(rows, |it| it.live_bytes, |it| it.live_blocks, |it| it.size)),
    ("live blocks", |rows| sum(rows, |it| it.live_blocks, |it| it.live_blocks, |_| 1.0)),
];

fn truths(pattern: &[Blocks]) -> [f64; 4] {
    let bytes = pattern.iter().map(|it| it.size * it.number).sum::<u64>() as f64;
    let blocks = pattern.iter().map(|it| it.number).sum::<u64>() as f64;
    [bytes, blocks, bytes / 2.0, blocks / 2.0]
}

/// Checks that the mean of the estimates is the truth, within four of its standard errors.
fn check_bias(estimates: &[Estimate], truth: f64) -> Result<(), String> {
    let count = estimates.len() as f64;
    let mean = estimates.iter().map(|it| it.value).sum::<f64>() / count;
    let spread = estimates.iter().map(|it| (it.value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let error = (spread / count).sqrt();
    if spread == 0.0 {
        return Err("nothing was sampled".to_owned());
    }
    if (mean - truth).abs() <= 4.0 * error {
        return Ok(());
    }
    Err(format!(
        "the mean is {:+.2} % off, where chance makes {:.2} %",
        100.0 * (mean / truth - 1.0),
        100.0 * error / truth
    ))
}

/// Checks that 93 to 97 % of the intervals contain the truth.
fn check_coverage(estimates: &[Estimate], truth: f64) -> Result<(), String> {
    let held = estimates.iter().filter(|it| (it.value - truth).abs() <= Z * it.variance.sqrt()).count();
    let coverage = held as f64 / estimates.len() as f64;
    if (0.93..=0.97).contains(&coverage) {
        Ok(())
    } else {
        Err(format!("{:.1} % of the intervals hold", 100.0 * coverage))
    }
}

fn check(repetitions: &[Vec<Row>], pattern: &[Blocks]) -> Result<(), String> {
    for ((name, estimate), truth) in QUANTITIES.into_iter().zip(truths(pattern)) {
        let estimates: Vec<_> = repetitions.iter().map(|rows| estimate(rows)).collect();
        check_bias(&estimates, truth)
            .and_then(|()| check_coverage(&estimates, truth))
            .map_err(|it| format!("{name}: {it}"))?;
    }
    Ok(())
}

/// Two failures in a row are a fault.
fn twice(attempt: impl Fn() -> Result<(), String>) {
    if let Err(first) = attempt()
        && let Err(second) = attempt()
    {
        panic!("{first}; and again: {second}");
    }
}

fn holds(threads: usize, intervals: &[u64], pattern: &[Blocks]) {
    twice(|| check(&record(REPETITIONS, threads, intervals, pattern), pattern));
}

/// Share of intervals that contain the truth if each of `number` blocks is sampled with probability `p`, from
/// the binomial distribution. A pattern suits [`check_coverage`] if this share is far enough inside the
/// limits.
fn true_coverage(number: u64, p: f64) -> f64 {
    let truth = number as f64;
    let mut weight = truth * (-p).ln_1p();
    let mut sum = 0.0;
    for found in 0..=number {
        let found = found as f64;
        if (found / p - truth).abs() <= Z * (found * (1.0 - p)).sqrt() / p {
            sum += weight.exp();
        }
        weight += (truth - found).ln() - (found + 1.0).ln() + p.ln() - (-p).ln_1p();
    }
    sum
}

/// Blocks of one size, at one interval.
fn one_size_holds(size: u64, number: u64, interval: u64) {
    let p = -(-(size as f64) / interval as f64).exp_m1();
    for number in [number, number / 2] {
        let coverage = true_coverage(number, p);
        let chance = (coverage * (1.0 - coverage) / REPETITIONS as f64).sqrt();
        let room = (coverage - 0.93).min(0.97 - coverage);
        assert!(
            room >= 4.0 * chance,
            "{number} blocks of {size} at {interval}: {coverage}, {}",
            room / chance
        );
    }
    holds(0, &[interval], &[Blocks { size, number }]);
}

#[test]
fn small_blocks() {
    one_size_holds(16, 2_000, 256);
}

#[test]
fn blocks_below_the_default_interval() {
    one_size_holds(64 << 10, 2_200, 512 << 10);
}

#[test]
fn blocks_above_the_default_interval() {
    one_size_holds(1 << 20, 400, 512 << 10);
}

#[test]
fn blocks_of_64_mebibytes() {
    one_size_holds(64 << 20, 600, 64 << 20);
}

/// Sizes from 16 B to 64 MiB at one site.
const MIXED: [Blocks; 5] = [
    Blocks { size: 16, number: 5_000 },
    Blocks { size: 240, number: 400 },
    Blocks { size: 1024, number: 100 },
    Blocks { size: 64 << 10, number: 20 },
    Blocks { size: 64 << 20, number: 2 },
];
const MIXED_INTERVAL: u64 = 512;

#[test]
fn all_sizes_at_one_site() {
    holds(0, &[MIXED_INTERVAL], &MIXED);
}

#[test]
fn threads_that_come_and_go() {
    holds(4, &[256], &[Blocks { size: 16, number: 2_000 }, Blocks { size: 512, number: 100 }]);
}

/// A thread that ends before it has allocated an interval leaves its remaining distance to later threads. So
/// few blocks are not normally distributed, but there is no bias.
#[test]
fn threads_that_are_shorter_than_an_interval() {
    let pattern = [Blocks { size: 16, number: 96 }];
    twice(|| {
        let repetitions = record(REPETITIONS, 24, &[256], &pattern);
        QUANTITIES.into_iter().zip(truths(&pattern)).try_for_each(|((name, estimate), truth)| {
            let estimates: Vec<_> = repetitions.iter().map(|rows| estimate(rows)).collect();
            check_bias(&estimates, truth).map_err(|it| format!("{name}: {it}"))
        })
    });
}

#[test]
fn changes_of_the_interval() {
    holds(0, &[128, 512, 256], &[Blocks { size: 16, number: 4_000 }, Blocks { size: 512, number: 100 }]);
}

#[test]
fn changes_of_the_interval_by_threads_that_come_and_go() {
    holds(3, &[128, 512, 256], &[Blocks { size: 16, number: 4_000 }, Blocks { size: 512, number: 100 }]);
}

/// Three intervals of bytes are the 95 % limit of a site without a sample: 5 % of such sites have none.
#[test]
fn a_site_without_a_sample_has_less_than_three_intervals() {
    twice(|| {
        let pattern = [Blocks { size: 16, number: 3 * 512 / 16 }];
        let empty =
            record(REPETITIONS, 0, &[512], &pattern).iter().filter(|rows| rows.is_empty()).count() as f64;
        let (share, expected) = (empty / REPETITIONS as f64, (-3.0_f64).exp());
        let chance = (expected * (1.0 - expected) / REPETITIONS as f64).sqrt();
        if (share - expected).abs() <= 4.0 * chance { Ok(()) } else { Err(format!("{share} have no sample")) }
    });
}

/// The planted fault: scaling the mean size of a stack's samples, as some profilers do, instead of each
/// sample.
#[test]
fn scaling_the_mean_size_is_found() {
    let scaled = |rows: &Vec<Row>| {
        let samples: f64 = rows.iter().map(|it| it.samples).sum();
        let bytes: f64 = rows.iter().map(|it| it.samples * it.size).sum();
        let p = -(-(bytes / samples) / MIXED_INTERVAL as f64).exp_m1();
        [bytes, samples].map(|it| Estimate { value: it / p, variance: 0.0 })
    };
    let scaled: Vec<[Estimate; 2]> =
        record(FEW_REPETITIONS, 0, &[MIXED_INTERVAL], &MIXED).iter().map(scaled).collect();
    let (bytes, blocks): (Vec<_>, Vec<_>) = scaled.into_iter().map(|[bytes, blocks]| (bytes, blocks)).unzip();
    let [true_bytes, true_blocks, ..] = truths(&MIXED);
    assert!(check_bias(&bytes, true_bytes).is_err() && check_bias(&blocks, true_blocks).is_err());
}

/// The planted fault: error bars that count a sample once, and not with its weight.
#[test]
fn error_bars_without_the_weight_are_found() {
    let pattern = [Blocks { size: 16, number: 2_000 }];
    let unweighted: Vec<_> = record(FEW_REPETITIONS, 0, &[256], &pattern)
        .iter()
        .map(|rows| Estimate {
            value: rows.iter().map(|it| it.bytes).sum(),
            variance: rows.iter().map(|it| it.samples * it.size.powi(2)).sum(),
        })
        .collect();
    assert!(check_coverage(&unweighted, truths(&pattern)[0]).is_err());
}

/// A simulated recorder that differs from the real one only in the distribution of its distances.
fn simulate(size: f64, number: u64, interval: f64, mut wait: impl FnMut() -> f64) -> Vec<Estimate> {
    let p = -(-size / interval).exp_m1();
    (0..REPETITIONS)
        .map(|_| {
            let (mut left, mut samples) = (wait(), 0.0);
            for _ in 0..number {
                left -= size;
                if left < 0.0 {
                    samples += 1.0;
                    left = wait();
                }
            }
            Estimate { value: samples * size / p, variance: samples * size * size * (1.0 - p) / (p * p) }
        })
        .collect()
}

/// The planted fault: uniform distances from 0 to twice the interval, scaled as if they were exponential, as
/// in one profiler.
#[test]
fn waits_that_are_not_exponential_are_found() {
    const INTERVAL: f64 = 4096.0;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut unit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 11) + 1) as f64 / (1_u64 << 53) as f64
    };
    for size in [0.5, 1.0, 2.0].map(|it| it * INTERVAL) {
        let truth = 500.0 * size;
        let exponential = simulate(size, 500, INTERVAL, || -unit().ln() * INTERVAL);
        check_bias(&exponential, truth).and_then(|()| check_coverage(&exponential, truth)).unwrap();
        let even = simulate(size, 500, INTERVAL, || unit() * 2.0 * INTERVAL);
        assert!(check_bias(&even, truth).is_err(), "{size}");
        if size == 2.0 * INTERVAL {
            let mean = even.iter().map(|it| it.value).sum::<f64>() / REPETITIONS as f64;
            assert!((mean / truth - 1.157).abs() < 0.005, "{}", mean / truth);
        }
    }
}
