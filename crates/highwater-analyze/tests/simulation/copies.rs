//! The intervals of what reallocations copied hold the truth, though the blocks that were copied are smaller than those made.

use std::ops::RangeInclusive;

use highwater_analyze::{GroupBy, Query, SampleKind, top};
use highwater_profile::{Label, LabelValue, Line, Location, Profile, ValueType};

use crate::random::Random;

const INTERVAL: i64 = 512 << 10;
/// Call sites of a recording, and recordings.
const SITES: usize = 2_000;
const SEEDS: std::ops::Range<u64> = 1..6;

/// Reallocations to blocks of one size.
#[derive(Clone, Copy)]
struct Grown {
    /// How many of them there are, in expected samples.
    samples: f64,
    /// What each copies, as a part of the new block: half of it or less if it doubled. 0 where the block did not move.
    copies: f64,
    /// Whether it at least doubled.
    doubles: bool,
}

const fn doubled(samples: f64) -> Grown {
    Grown { samples, copies: 0.5, doubles: true }
}

const fn in_place(samples: f64) -> Grown {
    Grown { samples, copies: 0.0, doubles: true }
}

const fn by_little(samples: f64) -> Grown {
    Grown { samples, copies: 0.9, doubles: false }
}

/// One recording of call sites that all do the same, and the truth of each column.
fn recording(size: u64, grown: &[Grown], with_doublings: bool, seed: u64) -> (Profile, [f64; 3]) {
    let types = [("realloc_objects", "count"), ("realloc_space", "bytes"), ("realloc_doublings", "count")];
    let columns = if with_doublings { 3 } else { 2 };
    let types = types[..columns].iter().map(|(kind, unit)| ValueType::new(*kind, *unit)).collect();
    let mut profile = Profile::new(types);
    (profile.period_type, profile.period) = (Some(ValueType::new("space", "bytes")), INTERVAL);
    let unit = profile.strings.intern("bytes");
    let label = Label { key: unit, value: LabelValue::Number(size as i64, unit) };
    let found = -(-(size as f64) / INTERVAL as f64).exp_m1();
    let number = |it: &Grown| (it.samples / found).round();
    let mut truth = [0.0; 3];
    for it in grown {
        let copied = number(it) * it.copies * size as f64;
        let doublings = if it.doubles { number(it) } else { 0.0 };
        [number(it), copied, doublings].iter().zip(&mut truth).for_each(|(value, sum)| *sum += value);
    }
    let mut random = Random::new(seed);
    for site in 0..SITES {
        let mut values = [0.0; 3];
        for it in grown {
            let blocks = random.found(number(it) as u64, size, INTERVAL) as f64 / found;
            values[0] += blocks;
            values[1] += blocks * it.copies * size as f64;
            values[2] += if it.doubles { blocks } else { 0.0 };
        }
        let function = profile.add_function(&format!("site{site}"), "", "src/main.rs");
        let location = profile.add_location(Location::symbolized(vec![Line::new(function, 1)]));
        let values: Vec<i64> = values[..columns].iter().map(|it| it.round() as i64).collect();
        profile.samples.push(&[location], &values, &[label]);
    }
    (profile, truth)
}

/// The share of the intervals of `kind` that hold the truth, of all sites that have any sample.
fn coverage(size: u64, grown: &[Grown], with_doublings: bool, kind: &str) -> f64 {
    let column = ["realloc-blocks", "realloc-bytes", "realloc-doublings"].iter().position(|it| *it == kind);
    let (mut holds, mut all) = (0, 0);
    for seed in SEEDS {
        let (profile, truth) = recording(size, grown, with_doublings, seed);
        let query = Query {
            by: GroupBy::Function,
            min_fraction: 0.0,
            limit: None,
            sample: Some(kind.parse::<SampleKind>().unwrap()),
            ..Query::default()
        };
        let answer = top(&profile, &query).unwrap();
        let truth = truth[column.unwrap()];
        all += answer.rows.len();
        let is_held = |low: Option<f64>, high: Option<f64>| (low.unwrap()..=high.unwrap()).contains(&truth);
        holds += answer.rows.iter().filter(|it| is_held(it.flat.low, it.flat.high)).count();
    }
    assert!(all > SITES * 9 / 2, "{all}");
    holds as f64 / all as f64
}

/// As of totals; see `src/interval/tests.rs`.
const TARGET: RangeInclusive<f64> = 0.935..=0.983;

#[test]
fn intervals_of_copied_bytes_hold_the_truth() {
    for (size, samples) in [(64, 8.0), (16 << 10, 25.0), (64, 100.0)] {
        // As a vector grows: each time to the double.
        let vector = [doubled(samples)];
        let share = coverage(size, &vector, true, "realloc-bytes");
        assert!(TARGET.contains(&share), "{samples} of {size} B: {share}");
        // The planted fault: without knowing that they doubled, each might have copied all of its block.
        let share = coverage(size, &vector, false, "realloc-bytes");
        assert!(share > *TARGET.end(), "{samples} of {size} B without doublings: {share}");
        for others in [[in_place(samples), doubled(samples)], [by_little(samples), doubled(samples)]] {
            let share = coverage(size, &others, true, "realloc-bytes");
            assert!((0.935..=0.995).contains(&share), "{samples} of {size} B: {share}");
        }
    }
}

#[test]
fn intervals_of_reallocations_hold_the_truth_whatever_they_copied() {
    for grown in [vec![in_place(8.0), doubled(8.0)], vec![doubled(25.0)], vec![by_little(8.0), doubled(12.0)]]
    {
        for kind in ["realloc-blocks", "realloc-doublings"] {
            let share = coverage(64, &grown, true, kind);
            assert!(TARGET.contains(&share), "{kind}: {share}");
        }
    }
}
