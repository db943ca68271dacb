//! Whether constructions were the same again and again, as far as the blocks that they took show it.
//!
//! What is built from the same things takes the same blocks: from each line, by each way to it, so many blocks of each size,
//! every time. So all these numbers of blocks are multiples of one number, that of the constructions, and most of them are that number
//! or its double, since most lines are reached once or twice in a construction. What is built from data takes what
//! the data take: its numbers are of all magnitudes. And what was built once has many blocks that came once.

use crate::findings::lives::of_size::Allocated;

/// Fewer constructions are not worth a word.
const LEAST_TIMES: f64 = 8.0;

/// What happened no more often belongs to the first construction: what it set up for all. Estimates of two are a little more.
const FIRST_TIMES: f64 = 2.5;

/// A number is compared when one block of each construction would have been sampled so often.
const SAMPLES: f64 = 16.0;

/// Standard errors that an estimate may be off.
const ERRORS: f64 = 3.0;

/// Numbers that it takes to compare: of counts, and of estimates.
const LEAST_COUNTS: usize = 3;
const LEAST_ESTIMATES: usize = 8;

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
    let numbers: Vec<Number> = allocated.iter().filter_map(Number::of).collect();
    // The number of constructions is among them: of some lines each took one block.
    let mut candidates: Vec<f64> =
        numbers.iter().map(|it| it.blocks).filter(|it| *it >= LEAST_TIMES).collect();
    candidates.sort_by(|a, b| b.total_cmp(a));
    candidates.dedup();
    let times = candidates.into_iter().find(|&it| fits(&numbers, it))?;
    (all_blocks >= LEAST_BLOCKS * times).then_some(times as i64)
}

/// Whether the numbers are those of so many equal constructions.
fn fits(numbers: &[Number], times: f64) -> bool {
    let comparable = || numbers.iter().filter(|it| it.is_counted() || it.probability * times >= SAMPLES);
    let all = comparable().count();
    let least = if numbers.iter().all(Number::is_counted) { LEAST_COUNTS } else { LEAST_ESTIMATES };
    if all < least {
        return false;
    }
    let share =
        |holds: &dyn Fn(&Number) -> bool| comparable().filter(|it| holds(it)).count() as f64 / all as f64;
    share(&|it| it.blocks + it.tolerance(times, 1.0) < times) <= FEWER
        && share(&|it| it.is_each(times, 1.0) || it.is_each(times, 2.0)) >= ONE_OR_TWO
        && share(&|it| it.is_each(times, (it.blocks / times).round().max(1.0))) >= MULTIPLES
}

/// A number of blocks that can be compared with others.
struct Number {
    blocks: f64,
    bytes: f64,
    /// With which each of the blocks was sampled.
    probability: f64,
}

impl Number {
    fn of(allocated: &Allocated) -> Option<Self> {
        let (blocks, bytes) = (allocated.blocks.value() as f64, allocated.bytes.value() as f64);
        let is_exact = allocated.blocks.variance()? == 0.0;
        let probability = if is_exact { 1.0 } else { (allocated.blocks.samples() / blocks).min(1.0) };
        (blocks > FIRST_TIMES && probability > 0.0).then_some(Self { blocks, bytes, probability })
    }

    fn is_counted(&self) -> bool {
        self.probability == 1.0
    }

    /// How far the number may be from `each` blocks of each of so many constructions. When the profile was taken some of them may
    /// have been under way.
    fn tolerance(&self, times: f64, each: f64) -> f64 {
        let under_way = if times < 64.0 { 0.0 } else { 1.0 + times / 256.0 };
        let variance = times * each * (1.0 - self.probability) / self.probability;
        ERRORS * variance.sqrt() + under_way
    }

    /// Whether these are `each` blocks of each of so many constructions.
    fn is_each(&self, times: f64, each: f64) -> bool {
        let expected = times * each;
        // Sizes that differ a little share a number: then the bytes are no multiple.
        let is_one_size = !self.is_counted() || self.blocks != expected || self.bytes % times == 0.0;
        (self.blocks - expected).abs() <= self.tolerance(times, each) && is_one_size
    }
}
