//! An interval of 95 % holds the truth in 95 of 100 cases, whatever the blocks' size and whichever samples are shared.

use highwater_analyze::{Diff, Overlap};

use crate::random::Random;
use crate::world::{World, compare, site};

/// Call sites of one comparison: each is a repetition.
const SITES: usize = 2_000;
const SEEDS: std::ops::Range<u64> = 1..6;

/// Block size and sampling interval: a block is found once in 32,768 times, or nearly always.
const BLOCKS: [(u64, i64); 6] = [
    (16, 512 << 10),
    (4 << 10, 512 << 10),
    (256 << 10, 512 << 10),
    (512 << 10, 512 << 10),
    (2 << 20, 1 << 20),
    (64 << 20, 32 << 20),
];

/// So many blocks of each kind that the error rests on about 100 effective samples.
fn blocks(size: u64, interval: i64) -> u64 {
    let per_block = size as f64 / interval as f64;
    (50.0 / (-(-per_block).exp_m1() * (-per_block).exp())) as u64
}

/// The share of the intervals that hold the true change.
fn coverage(answer: &Diff, truth: f64) -> f64 {
    assert_eq!(answer.rows.len(), SITES);
    let holds = answer.rows.iter().filter(|row| {
        assert!(site(row) < SITES);
        (row.change.lower95().unwrap()..=row.change.upper95().unwrap()).contains(&truth)
    });
    holds.count() as f64 / SITES as f64
}

fn mean(of: impl Fn(u64) -> f64) -> f64 {
    SEEDS.map(&of).sum::<f64>() / SEEDS.count() as f64
}

#[test]
fn intervals_of_independent_recordings_hold_the_truth() {
    for (size, interval) in BLOCKS {
        let world = World::new(SITES, interval);
        let blocks = blocks(size, interval);
        let share = mean(|seed| {
            let mut random = Random::new(seed);
            let (mut base, mut new) = (world.shot(None), world.shot(None));
            for at in 0..SITES {
                base.add(at, random.found(blocks, size, interval), size, None);
                new.add(at, random.found(blocks + blocks / 2, size, interval), size, None);
            }
            let answer = compare(&base, &new);
            assert_eq!(answer.overlap, Overlap::Independent);
            coverage(&answer, (blocks / 2 * size) as f64)
        });
        assert!((0.93..=0.97).contains(&share), "{size} B every {interval} B: {share}");
    }
}

#[test]
fn intervals_of_one_process_hold_the_truth_and_are_no_wider_than_they_must() {
    for (size, interval) in BLOCKS {
        let world = World::new(SITES, interval);
        let (new_blocks, dead_blocks) = (blocks(size, interval), blocks(size, interval) / 2);
        // Most of what lives in the base lives on: its samples must not widen the interval.
        let survivors = new_blocks * 4;
        let truth = (new_blocks - dead_blocks) as f64 * size as f64;
        let both = |seed, is_one_process: bool| {
            let epoch = |number| is_one_process.then_some(number);
            let mut random = Random::new(seed);
            let (mut base, mut new) = (world.shot(epoch(1)), world.shot(epoch(2)));
            for at in 0..SITES {
                let [survived, dead, born] =
                    [survivors, dead_blocks, new_blocks].map(|blocks| random.found(blocks, size, interval));
                base.add(at, survived + dead, size, Some(1));
                new.add(at, survived, size, Some(1)).add(at, born, size, Some(2));
            }
            compare(&base, &new)
        };
        let share = mean(|seed| {
            let answer = both(seed, true);
            assert_eq!(answer.overlap, Overlap::Survivors);
            coverage(&answer, truth)
        });
        assert!((0.93..=0.97).contains(&share), "{size} B every {interval} B: {share}");
        // The planted fault: the errors of both added up.
        let cautious = mean(|seed| coverage(&both(seed, false), truth));
        assert!(cautious > 0.97, "{size} B every {interval} B: {cautious} with the errors of both");
    }
}
