//! Whether constructions were the same again and again, as far as the blocks that they took show it.
//!
//! What is built from the same things takes the same blocks: from each line, by each way to it, so many blocks of each size,
//! every time. So all these numbers of blocks are multiples of one number, that of the constructions, and most of them are that number
//! or its double, since most lines are reached once or twice in a construction. What is built from data takes what
//! the data take: its numbers are of all magnitudes. And what was built once has many blocks that came once.

use crate::lives::Allocated;

/// Fewer constructions are not worth a word.
const LEAST_TIMES: f64 = 8.0;

/// What happened no more often belongs to the first construction: what it set up for all.
const FIRST_TIMES: f64 = 2.0;

/// Relative standard error of an estimate above which it is not compared: 16 samples.
const MOST_ERROR: f64 = 0.25;

/// Standard errors that an estimate may be off.
const ERRORS: f64 = 3.0;

/// Numbers that it takes to compare.
const LEAST_NUMBERS: usize = 3;

/// At most this share may be fewer than the constructions.
const FEWER: f64 = 0.02;

/// At least this share has to be one or two of each construction.
const ONE_OR_TWO: f64 = 0.5;

/// At least this share has to be a multiple.
const MULTIPLES: f64 = 0.9;

/// A construction takes at least so many blocks: less than that takes what wraps the thing it is given.
const LEAST_BLOCKS: f64 = 16.0;

/// How often the same was built; `None` when that is not shown.
pub(super) fn times(allocated: &[Allocated]) -> Option<i64> {
    let all_blocks = allocated.iter().map(|it| it.blocks.value() as f64).sum::<f64>();
    let mut numbers: Vec<Number> = allocated.iter().filter_map(Number::of).collect();
    numbers.sort_by(|a, b| a.blocks.total_cmp(&b.blocks));
    if numbers.len() < LEAST_NUMBERS {
        return None;
    }
    // The number itself is among those that are one of each construction, and no more than a few are fewer.
    let few = (FEWER * numbers.len() as f64) as usize;
    let candidates = numbers.iter().take(few + 1 + numbers.len() / 4).map(|it| it.blocks);
    let mut candidates: Vec<f64> = candidates.filter(|it| *it >= LEAST_TIMES).collect();
    candidates.dedup();
    let best = candidates.into_iter().filter(|&it| fits(&numbers, it)).fold(0.0, f64::max);
    (best > 0.0 && all_blocks >= LEAST_BLOCKS * best).then_some(best as i64)
}

/// Whether the numbers are those of so many equal constructions.
fn fits(numbers: &[Number], times: f64) -> bool {
    let share = |holds: &dyn Fn(&Number) -> bool| {
        numbers.iter().filter(|it| holds(it)).count() as f64 / numbers.len() as f64
    };
    share(&|it| it.blocks + it.tolerance(times) < times) <= FEWER
        && share(&|it| it.is_each(times, 1.0) || it.is_each(times, 2.0)) >= ONE_OR_TWO
        && share(&|it| it.is_each(times, (it.blocks / times).round().max(1.0))) >= MULTIPLES
}

/// A number of blocks that can be compared with others.
struct Number {
    blocks: f64,
    bytes: f64,
    /// Its standard error; 0 when all blocks were counted.
    error: f64,
}

impl Number {
    fn of(allocated: &Allocated) -> Option<Self> {
        let error = allocated.blocks.variance()?.sqrt();
        let (blocks, bytes) = (allocated.blocks.value() as f64, allocated.bytes.value() as f64);
        (blocks > FIRST_TIMES && error <= MOST_ERROR * blocks).then_some(Self { blocks, bytes, error })
    }

    /// How far the number may be from what it should be. When the profile was taken some constructions may have been under way.
    fn tolerance(&self, times: f64) -> f64 {
        let under_way = if times < 64.0 { 0.0 } else { 1.0 + times / 256.0 };
        ERRORS * self.error + under_way
    }

    /// Whether these are `each` blocks of each of so many constructions.
    fn is_each(&self, times: f64, each: f64) -> bool {
        let expected = times * each;
        // Sizes that differ a little share a number: then the bytes are no multiple.
        let is_one_size = self.error > 0.0 || self.blocks != expected || self.bytes % times == 0.0;
        (self.blocks - expected).abs() <= self.tolerance(times) && is_one_size
    }
}
