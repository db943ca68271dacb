//! How the blocks of a site ended: what is known of all of them, and what the timed ones tell of the others.
//!
//! How many blocks were freed, and which of them were freed before their thread allocated another one, is
//! counted. How long they lived is known of the timed ones only; see [`crate::lifetime`]. Some of these tell
//! of themselves alone, the others were drawn from **the rest**, which is all other blocks. So the number of
//! the rest is known, and only its parts are estimated: no estimate is more than there is, and the parts add
//! up to the whole.
//!
//! The error of a part is the error of a share `k` of `n` drawn blocks: 1.96 standard errors reach to the
//! farther end of Wilson's interval of 95 %. So it is never 0 as long as a block is not known, and `k` of `n`
//! may be few.

use crate::lifetime::{BUCKETS, Buckets, shortest_ns};
use crate::values::Values;

/// What a site counted of its blocks that were freed. All numbers are of samples.
#[derive(Clone, Debug)]
pub(crate) struct Ends {
    /// All blocks that were freed.
    pub freed: Values,
    /// Freed blocks that were freed before their thread allocated another one.
    pub immediate: Values,
    /// Timed blocks that tell of themselves alone, and those that were drawn.
    pub first: Timed,
    /// Timed blocks that were drawn from the rest.
    pub drawn: Timed,
}

/// Timed blocks that were freed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timed {
    /// All of them.
    pub lived: Buckets,
    /// Those that were freed before their thread allocated another one.
    pub immediate: u64,
    /// All other blocks that lived for less than a millisecond.
    pub short: u64,
}

impl Timed {
    fn blocks(&self) -> u64 {
        self.lived.iter().sum()
    }

    fn not_immediate(&self) -> u64 {
        self.blocks().saturating_sub(self.immediate)
    }
}

/// Blocks and bytes. Some may be estimated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Estimated {
    pub values: Values,
    /// Of the blocks, in blocks²; 0 when they are known.
    pub variance: u64,
}

/// A part of the rest.
struct Part {
    blocks: f64,
    variance: f64,
}

/// A part of `rest` blocks, since `part` of the `drawn` blocks belong to it. `other` is its share of blocks
/// that were not drawn, where nothing better is known.
fn part_of(rest: u64, part: u64, drawn: u64, other: f64) -> Part {
    if rest == 0 {
        return Part { blocks: 0.0, variance: 0.0 };
    }
    let (rest, k, n) = (rest as f64, part as f64, drawn.max(part) as f64);
    let share = if drawn == 0 { other } else { k / n };
    let of_share = (farther_end(share, n) / Z).powi(2);
    let unknown = (rest - n).max(0.0);
    Part { blocks: rest * share, variance: of_share * rest * unknown }
}

/// Standard errors on either side of an interval of 95 %.
const Z: f64 = 1.96;

/// How far the farther end of Wilson's score interval is from a share of `n`.
fn farther_end(share: f64, n: f64) -> f64 {
    let middle = (share * n + Z * Z / 2.0) / (n + Z * Z);
    let half = Z / (n + Z * Z) * (n * share * (1.0 - share) + Z * Z / 4.0).sqrt();
    (middle - share).abs() + half
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part.min(whole) as f64 / whole as f64 }
}

impl Ends {
    /// Freed blocks that do not tell of themselves alone.
    fn rest(&self) -> u64 {
        self.freed.blocks.saturating_sub(self.first.blocks())
    }

    /// The bytes of this many freed blocks.
    fn bytes_of(&self, blocks: u64) -> u64 {
        if blocks >= self.freed.blocks {
            return self.freed.bytes;
        }
        (u128::from(self.freed.bytes) * u128::from(blocks) / u128::from(self.freed.blocks.max(1))) as u64
    }

    /// Blocks that were freed before their thread allocated another one, or within a millisecond.
    pub(crate) fn temporaries(&self) -> Estimated {
        let immediate_of_rest = self.immediate.blocks.saturating_sub(self.first.immediate);
        let part = part_of(
            self.rest().saturating_sub(immediate_of_rest),
            self.drawn.short,
            self.drawn.not_immediate(),
            share(self.first.short, self.first.not_immediate()),
        );
        let others = self.first.short + part.blocks.round() as u64;
        let blocks = (self.immediate.blocks + others).min(self.freed.blocks);
        let bytes = self.immediate.bytes.saturating_add(self.bytes_of(others)).min(self.freed.bytes);
        let bytes = if blocks == self.freed.blocks { self.freed.bytes } else { bytes };
        Estimated { values: Values { blocks, bytes }, variance: part.variance.ceil() as u64 }
    }

    /// Calls `visit` for each bucket with any block: the shortest lifetime in it in nanoseconds, and the
    /// freed blocks that lived so long. What is visited adds up to all freed blocks; but `None` comes in the
    /// place of a lifetime where none was timed.
    pub(crate) fn visit_lifetimes(&self, mut visit: impl FnMut(Option<u64>, Estimated)) {
        let (rest, first, drawn) = (self.rest(), self.first.blocks(), self.drawn.blocks());
        if first + drawn == 0 {
            if self.freed.blocks != 0 {
                visit(None, Estimated { values: self.freed, variance: 0 });
            }
            return;
        }
        // Of sums, so that what is rounded off from one is not lost to the next.
        let (mut sum, mut before) = (0.0, Values::default());
        for at in 0..BUCKETS {
            let of_first = self.first.lived[at];
            let part = part_of(rest, self.drawn.lived[at], drawn, share(of_first, first));
            sum += of_first as f64 + part.blocks;
            let blocks = (sum.round() as u64).min(self.freed.blocks);
            let upto = Values { blocks, bytes: self.bytes_of(blocks) };
            let values = upto.less(before);
            before = upto;
            if values.blocks != 0 {
                visit(Some(shortest_ns(at)), Estimated { values, variance: part.variance.ceil() as u64 });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampler::Random;

    fn values(blocks: u64) -> Values {
        Values { blocks, bytes: blocks * 100 }
    }

    fn timed(buckets: &[(usize, u64)], immediate: u64, short: u64) -> Timed {
        let mut lived = [0; BUCKETS];
        buckets.iter().for_each(|&(at, blocks)| lived[at] = blocks);
        Timed { lived, immediate, short }
    }

    const NONE: Timed = Timed { lived: [0; BUCKETS], immediate: 0, short: 0 };

    fn lifetimes(ends: &Ends) -> Vec<(Option<u64>, u64, bool)> {
        let mut all = Vec::new();
        let mut sum = Values::default();
        ends.visit_lifetimes(|ns, it| {
            all.push((ns, it.values.blocks, it.variance == 0));
            sum = sum.plus(it.values);
        });
        assert_eq!(sum, ends.freed, "what was freed is known exactly");
        all
    }

    #[test]
    fn what_is_timed_throughout_is_known() {
        let first = timed(&[(0, 30), (12, 70)], 10, 20);
        let ends = Ends { freed: values(100), immediate: values(10), first, drawn: NONE };
        assert_eq!(ends.temporaries(), Estimated { values: values(30), variance: 0 });
        assert_eq!(lifetimes(&ends), [(Some(1), 30, true), (Some(shortest_ns(12)), 70, true)]);
    }

    #[test]
    fn the_rest_is_as_those_drawn_from_it_and_never_more_than_there_is() {
        // 1,000 were freed, 256 of them timed for themselves; of 12 drawn from the other 744 all were short.
        let (first, drawn) = (timed(&[(3, 256)], 0, 256), timed(&[(3, 12)], 0, 12));
        let ends = Ends { freed: values(1_000), immediate: values(0), first, drawn };
        let temporaries = ends.temporaries();
        assert_eq!(temporaries.values, values(1_000));
        assert!(temporaries.variance > 0, "732 are not known");
        assert_eq!(lifetimes(&ends), [(Some(shortest_ns(3)), 1_000, false)]);
        // None was drawn, so the first ones have to do.
        let few = Ends { freed: values(260), drawn: NONE, ..ends };
        assert_eq!(few.temporaries().values, values(260));
        assert_eq!(lifetimes(&few), [(Some(shortest_ns(3)), 260, false)]);
    }

    #[test]
    fn blocks_without_a_timed_one_have_no_lifetime() {
        let ends = Ends { freed: values(3), immediate: values(1), first: NONE, drawn: NONE };
        assert_eq!(lifetimes(&ends), [(None, 3, true)]);
        assert_eq!(ends.temporaries().values, values(1));
    }

    #[test]
    fn counts_that_are_read_while_they_change_make_no_nonsense() {
        let (first, drawn) = (timed(&[(3, 50)], 60, 70), timed(&[(2, 5)], 9, 9));
        let ends = Ends { freed: values(10), immediate: values(40), first, drawn };
        assert_eq!(ends.temporaries().values, values(10));
        let mut sum = 0;
        ends.visit_lifetimes(|_, it| sum += it.values.blocks);
        assert!(sum <= 10);
    }

    /// A site whose blocks are short-lived with the probability `p`, one in 64 of them timed beyond the first
    /// 256: 2,000 times. Shown are the mean of the estimates over the truth, and how often the interval of 95
    /// % holds the truth.
    fn coverage(blocks: u64, p: f64) -> (f64, f64) {
        const TIMES: u64 = 2_000;
        let mut random = Random::new(blocks ^ p.to_bits());
        let mut unit = || (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        let (mut sum, mut truths, mut held) = (0.0, 0.0, 0);
        for _ in 0..TIMES {
            let (mut truth, mut first, mut drawn) = (0, NONE, NONE);
            let mut left = unit() * 64.0;
            for block in 0..blocks {
                let is_short = unit() < p;
                truth += u64::from(is_short);
                let timed = if block < 256 {
                    &mut first
                } else {
                    left -= 1.0;
                    if left > 0.0 {
                        continue;
                    }
                    left += 33.0 + (unit() * 63.0).floor();
                    &mut drawn
                };
                timed.lived[if is_short { 3 } else { 20 }] += 1;
                timed.short += u64::from(is_short);
            }
            let found = Ends { freed: values(blocks), immediate: values(0), first, drawn }.temporaries();
            let (blocks, truth) = (found.values.blocks as f64, truth as f64);
            sum += blocks;
            truths += truth;
            held += u64::from((blocks - truth).abs() <= 1.96 * (found.variance as f64).sqrt());
        }
        (sum / truths, held as f64 / TIMES as f64)
    }

    #[test]
    fn the_part_that_is_estimated_is_unbiased_and_its_interval_holds() {
        for (blocks, p) in [(600, 0.5), (2_000, 0.2), (2_000, 0.95), (5_000, 0.5)] {
            let (mean, held) = coverage(blocks, p);
            assert!((mean - 1.0).abs() < 0.01, "{blocks} {p}: {mean}");
            assert!(held > 0.93, "{blocks} {p}: {held}");
        }
        assert_eq!(coverage(256, 0.5), (1.0, 1.0), "each is timed");
    }
}
