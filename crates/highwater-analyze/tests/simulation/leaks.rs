//! Ten leaks of 8 MB in 9.8 GB at 5,000 call sites: where they stand in the ranking, and how many of the rows that are
//! called changes are none.

use highwater_analyze::DiffRow;

use crate::random::Random;
use crate::world::{World, compare, site};

const INTERVAL: i64 = 512 << 10;
const SITES: usize = 5_000;
const LEAKS: usize = 10;
const LEAK_BYTES: f64 = 8e6;
const LIVE_BYTES: f64 = 9.8e9;
const TRIALS: u64 = 200;
/// Standard deviation of the logarithm of a site's bytes.
const SPREAD: f64 = 1.7;
/// In one process: the share of each site's bytes that lives on from one snapshot to the next.
const SURVIVING: f64 = 0.8;

/// The blocks of each site: how many, and of which size. Few sites hold most of the bytes, as in real programs.
fn heap(random: &mut Random) -> Vec<(u64, u64)> {
    let shares: Vec<f64> = (0..SITES).map(|_| (SPREAD * random.normal()).exp()).collect();
    let whole: f64 = shares.iter().sum();
    shares
        .iter()
        .map(|share| {
            let size = 16 << random.below(13);
            ((share / whole * LIVE_BYTES / size as f64).round() as u64, size)
        })
        .collect()
}

/// What the trials come to, in the mean.
#[derive(Debug, Default)]
struct Outcome {
    /// True leaks among the first ten rows.
    first_ten: f64,
    /// True leaks among the ten rows that grew most, whatever their error.
    first_ten_by_size: f64,
    /// True and false discoveries at 5 %.
    found: f64,
    invented: f64,
    /// The share of all discoveries that is false: 0 where there is none.
    false_share: f64,
    /// The same without a correction for the number of rows: every row whose interval does not hold 0.
    uncorrected_false_share: f64,
}

fn trials(seed: u64, leaks: usize, is_one_process: bool) -> Outcome {
    let mut random = Random::new(seed);
    let world = World::new(SITES, INTERVAL);
    let mut outcome = Outcome::default();
    for _ in 0..TRIALS {
        let heap = heap(&mut random);
        let epoch = |number| is_one_process.then_some(number);
        let (mut base, mut new) = (world.shot(epoch(1)), world.shot(epoch(2)));
        for (at, &(blocks, size)) in heap.iter().enumerate() {
            let leaked = if at < leaks { (LEAK_BYTES / size as f64) as u64 } else { 0 };
            let survivors = if is_one_process { (blocks as f64 * SURVIVING) as u64 } else { 0 };
            let survived = random.found(survivors, size, INTERVAL);
            let dead = random.found(blocks - survivors, size, INTERVAL);
            let born = random.found(blocks - survivors + leaked, size, INTERVAL);
            base.add(at, survived + dead, size, epoch(1));
            new.add(at, survived, size, epoch(1)).add(at, born, size, epoch(2));
        }
        let answer = compare(&base, &new);
        let true_leaks = |rows: &[&DiffRow]| rows.iter().filter(|row| site(row) < leaks).count() as f64;
        let mut rows: Vec<&DiffRow> = answer.rows.iter().collect();
        outcome.first_ten += true_leaks(&rows[..LEAKS]);
        let share = |of: &dyn Fn(&DiffRow) -> bool| {
            let called: Vec<&DiffRow> = answer.rows.iter().filter(|row| of(row)).collect();
            let found = true_leaks(&called);
            (
                found,
                called.len() as f64 - found,
                (called.len() as f64 - found) / (called.len() as f64).max(1.0),
            )
        };
        let (found, invented, false_share) = share(&|row| row.significant);
        outcome.found += found;
        outcome.invented += invented;
        outcome.false_share += false_share;
        outcome.uncorrected_false_share += share(&|row| row.change.lower95().unwrap() > 0.0).2;
        rows.sort_by_key(|row| -row.change.value);
        outcome.first_ten_by_size += true_leaks(&rows[..LEAKS]);
    }
    let mean = |sum: &mut f64| *sum /= TRIALS as f64;
    mean(&mut outcome.first_ten);
    mean(&mut outcome.first_ten_by_size);
    mean(&mut outcome.found);
    mean(&mut outcome.invented);
    mean(&mut outcome.false_share);
    mean(&mut outcome.uncorrected_false_share);
    outcome
}

#[test]
fn leaks_stand_first_and_what_is_asserted_is_true() {
    let outcome = trials(5, LEAKS, false);
    assert!(outcome.first_ten >= 7.0, "{outcome:?}");
    assert!((2.5..5.0).contains(&outcome.first_ten_by_size), "the planted fault: {outcome:?}");
    assert!(outcome.found >= 2.5 && outcome.false_share <= 0.05, "{outcome:?}");
    // The planted fault: without the correction most of what is asserted is noise.
    assert!(outcome.uncorrected_false_share > 0.5, "{outcome:?}");
}

#[test]
fn shared_samples_bring_more_leaks_to_light() {
    let outcome = trials(6, LEAKS, true);
    assert!(outcome.first_ten >= 8.5 && outcome.found >= 4.0, "{outcome:?}");
    assert!(outcome.false_share <= 0.05 && outcome.uncorrected_false_share > 0.5, "{outcome:?}");
}

#[test]
fn where_nothing_leaks_nothing_is_asserted() {
    // Any discovery is false here.
    let outcome = trials(7, 0, true);
    assert!(outcome.found == 0.0 && outcome.false_share <= 0.05, "{outcome:?}");
    assert!(outcome.uncorrected_false_share > 0.99, "{outcome:?}");
}
