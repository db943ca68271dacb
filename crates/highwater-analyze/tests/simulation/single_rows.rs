//! The test of one row: it invents nothing, for blocks of any sizes together, and misses nothing that is certain.

use highwater_analyze::DiffRow;

use crate::random::Random;
use crate::world::{Shot, World, compare};

const INTERVAL: i64 = 512 << 10;
const TRIALS: u32 = 2_000;

/// Blocks of a row: number and size in eighths of the interval.
type Blocks = &'static [(u64, u64)];

/// Rows that hold the same blocks in both profiles.
const UNCHANGED: [Blocks; 12] = [
    // A handful of samples; a hundred.
    &[(3_000_000, 0)],
    &[(40_000_000, 0)],
    // Found more often than not: one block, ten, a thousand, and nearly always.
    &[(1, 8)],
    &[(1, 16)],
    &[(10, 16)],
    &[(1_000, 16)],
    &[(100, 40)],
    &[(3, 5)],
    // Hundreds of small blocks and a huge one; a few small ones and some large.
    &[(100_000_000, 0), (1, 8192)],
    &[(2_000_000, 0), (20, 32)],
    &[(3_000_000, 0), (1, 16)],
    &[(10, 4), (10, 8), (10, 16), (10, 24), (1, 8192)],
];

fn size(eighths: u64) -> u64 {
    (eighths * (INTERVAL as u64 / 8)).max(1)
}

fn fill(shot: &mut Shot<'_>, blocks: Blocks, random: &mut Random) {
    for &(number, eighths) in blocks {
        let interval = shot.profile.period;
        shot.add(0, random.found(number, size(eighths), interval), size(eighths), None);
    }
}

/// The only row of a comparison; its q-value is the p-value of its test. `None` where neither profile has a sample.
fn row(base: &Shot<'_>, new: &Shot<'_>) -> Option<DiffRow> {
    compare(base, new).rows.pop()
}

/// The shares of p-values up to 5 %, 1 % and 0.1 % where nothing has changed; and of intervals that do not hold 0.
fn shares(blocks: Blocks, new_interval: i64, seed: u64) -> ([f64; 3], f64) {
    let mut random = Random::new(seed);
    let (world, other) = (World::new(1, INTERVAL), World::new(1, new_interval));
    let (mut low, mut outside) = ([0; 3], 0);
    for _ in 0..TRIALS {
        let (mut base, mut new) = (world.shot(None), other.shot(None));
        fill(&mut base, blocks, &mut random);
        fill(&mut new, blocks, &mut random);
        let Some(row) = row(&base, &new) else { continue };
        let p = row.q_value.unwrap_or(1.0);
        low.iter_mut().zip([0.05, 0.01, 0.001]).for_each(|(count, level)| *count += u32::from(p <= level));
        outside += u32::from(row.change.lower95().unwrap() > 0.0 || row.change.upper95().unwrap() < 0.0);
    }
    (low.map(|it| f64::from(it) / f64::from(TRIALS)), f64::from(outside) / f64::from(TRIALS))
}

/// Asserts that no more of the tests are below a level than the level says; returns the shares outside of their intervals.
fn assert_honest(rows: &[Blocks], new_interval: i64, seed: u64) -> Vec<f64> {
    let outcomes = rows.iter().zip(seed..).map(|(blocks, seed)| {
        let (low, outside) = shares(blocks, new_interval, seed);
        for (share, level) in low.into_iter().zip([0.05f64, 0.01, 0.001]) {
            let error = (level * (1.0 - level) / f64::from(TRIALS)).sqrt();
            assert!(share <= level + 4.0 * error, "{blocks:?}: {share} of the tests are below {level}");
        }
        outside
    });
    outcomes.collect()
}

#[test]
fn nothing_is_invented() {
    let outside = assert_honest(&UNCHANGED, INTERVAL, 11);
    // The planted fault: with the interval as the test, as it was, a large block that was missed by chance is a change.
    assert!(outside.iter().any(|share| *share > 0.2), "{outside:?}");
}

#[test]
fn nothing_is_invented_between_recordings_with_different_intervals() {
    assert_honest(&UNCHANGED[..1], INTERVAL / 4, 31);
    assert_honest(&UNCHANGED[2..6], INTERVAL * 2, 41);
    assert_honest(&UNCHANGED[8..], INTERVAL * 4, 51);
}

#[test]
fn a_certain_block_is_not_missed() {
    let mut random = Random::new(3);
    let world = World::new(1, INTERVAL);
    for others in UNCHANGED {
        let (mut base, mut new) = (world.shot(None), world.shot(None));
        fill(&mut base, others, &mut random);
        fill(&mut new, others, &mut random);
        new.add(0, 1, size(1024 * 8), None);
        let q_value = row(&base, &new).unwrap().q_value.unwrap();
        assert!(q_value < 1e-6, "{others:?} and 512 MiB: {q_value}");
    }
}
