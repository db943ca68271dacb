//! *Reserve*: buffers that grow by reallocation, which copies what is in them and allocates for each step.
//!
//! A capacity is good advice when most buffers come to it: a smaller one spares them fewer steps, a larger one makes most of
//! them larger than they ever were. A step of growth rarely more than doubles a buffer. So the buffers that came to a size, or
//! went past it, are those whose step ended there or below the double, and those that were allocated larger than
//! that. What the other buffers would hold in vain follows from the sizes of the blocks that are live, now and at the peak.

use super::{Found, Ground, Measure, at_most, makers, share};
use crate::estimate::Sum;
use crate::lives::{Life, Value};

/// Of the buffers this share has to come to the capacity.
const COME_TO_IT: f64 = 0.75;

/// What the smaller buffers would hold more, at most: as a share of what all blocks of the line hold.
const HELD_MORE: f64 = 0.25;

/// The size that fewer buffers came to is theirs alone: how large the next one will be, nobody knows.
const MANY: f64 = 8.0;

/// Of all that is allocated, this share is worth an estimate of the size in advance.
const LARGE: f64 = 0.05;

/// Reallocations that double a block are growth; a capacity asked for in advance spares nothing of trimming.
const DOUBLINGS: f64 = 0.5;

pub(super) fn find(ground: &Ground<'_>, row: usize, life: &Life) -> Option<Found> {
    let grown = life.values[Value::GrownBlocks];
    if grown.is_zero() || share(life.values[Value::Doublings], grown) < DOUBLINGS {
        return None;
    }
    let capacity = best(life)?;
    let (mut copied, mut grown) = (Sum::ZERO, Sum::ZERO);
    for of_size in life.sizes.range(..=capacity.bytes).map(|it| it.1) {
        copied.add(of_size.copied_bytes);
        grown.add(of_size.grown_blocks);
    }
    let is_large = copied.value() as f64 >= LARGE * ground.total.alloc_bytes.value() as f64;
    let is_sure = capacity.buffers >= MANY && capacity.begins_here;
    if !ground.is_worthwhile(copied, grown) || !is_sure && !is_large {
        return None;
    }
    if makers::is_formatter(ground.lives, row, life) || makers::is_made_of_text(ground.lives, life) {
        return None;
    }
    Some(Found {
        measure: Measure::Reserve {
            capacity_bytes: capacity.bytes,
            buffers_fraction: capacity.buffers_fraction.min(1.0),
            more_held_bytes: capacity.more_held,
        },
        bytes: ground.saving(at_most(copied, life.values[Value::AllocBytes])),
        blocks: Some(ground.saving(at_most(grown, life.values[Value::AllocBlocks]))),
    })
}

struct Capacity {
    bytes: i64,
    /// How many come to it.
    buffers: f64,
    /// Most of them were allocated by the line that grows them. Of those that another line allocates nobody knows here how many
    /// stay as they are.
    begins_here: bool,
    buffers_fraction: f64,
    more_held: i64,
}

/// The largest capacity that pays: it spares most.
fn best(life: &Life) -> Option<Capacity> {
    let buffers = Buffers::of(life);
    let all = buffers.number();
    let held = life.values[Value::PeakBytes].value().max(life.values[Value::LiveBytes].value());
    let fits =
        |it: &Capacity| it.buffers_fraction >= COME_TO_IT && it.more_held as f64 <= HELD_MORE * held as f64;
    (0..buffers.sizes.len())
        .rev()
        .map(|at| {
            let came = buffers.came_to(at).value() as f64;
            let buffers_fraction = if all > 0.0 { came / all } else { 0.0 };
            let more_held = buffers.more_held(at);
            let begins_here = buffers.began[buffers.sizes.len()].value() as f64 >= COME_TO_IT * came;
            Capacity { bytes: buffers.sizes[at], buffers: came, begins_here, buffers_fraction, more_held }
        })
        .find(fits)
}

/// The blocks of a line by size, added up from the smallest size on: each list begins with 0.
struct Buffers {
    sizes: Vec<i64>,
    allocated: Vec<Sum>,
    /// Those of the allocated blocks that were not grown from others.
    began: Vec<Sum>,
    /// Blocks and bytes, at the peak and now.
    held: [Vec<(i128, i128)>; 2],
}

impl Buffers {
    fn of(life: &Life) -> Self {
        let mut buffers = Self {
            sizes: life.sizes.keys().copied().collect(),
            allocated: vec![Sum::ZERO],
            began: vec![Sum::ZERO],
            held: [vec![(0, 0)], vec![(0, 0)]],
        };
        for (&size, it) in &life.sizes {
            push(&mut buffers.allocated, it.alloc_blocks);
            push(&mut buffers.began, it.alloc_blocks.without(it.grown_blocks));
            for (list, blocks) in buffers.held.iter_mut().zip([it.peak_blocks, it.live_blocks]) {
                let (all_blocks, all_bytes) = list[list.len() - 1];
                let blocks = blocks.exact().max(0);
                list.push((all_blocks + blocks, all_bytes + blocks * i128::from(size)));
            }
        }
        buffers
    }

    /// How many buffers there were, as far as it is certain.
    fn number(&self) -> f64 {
        let all = (0..self.sizes.len()).map(|at| self.came_to(at).estimate());
        // A small block that happened to be sampled stands for many that need not have been there.
        let (certain, likely) = all.fold((0.0f64, 0i64), |(certain, likely), it| {
            let least = if it.stands_out() { it.lower95() } else { None };
            (certain.max(least.unwrap_or(0.0)), likely.max(it.value))
        });
        if certain > 0.0 { certain } else { likely as f64 }
    }

    /// How many buffers came to the size at this position, or went past it.
    fn came_to(&self, at: usize) -> Sum {
        let double = self.sizes[at].saturating_mul(2);
        let end = self.sizes.partition_point(|it| *it < double);
        let mut buffers = self.allocated[end].without(self.allocated[at]);
        buffers.add(self.began[self.sizes.len()].without(self.began[end]));
        buffers
    }

    /// Bytes that the smaller blocks would hold more with this size: at the peak of the process or now, whichever is more.
    fn more_held(&self, at: usize) -> i64 {
        let capacity = i128::from(self.sizes[at]);
        let more = self.held.iter().map(|list| list[at].0.saturating_mul(capacity) - list[at].1);
        i64::try_from(more.max().unwrap_or(0)).unwrap_or(i64::MAX)
    }
}

fn push(list: &mut Vec<Sum>, next: Sum) {
    let mut sum = list[list.len() - 1];
    sum.add(next);
    list.push(sum);
}
