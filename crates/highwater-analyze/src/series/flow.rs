//! What flowed through a row, in stretches of time that grow as the series does.

use crate::statistics::interval::Spread;
use crate::statistics::sum::{Sum, larger};

/// Most stretches of time that a history has: when they are used up, each two become one.
pub(crate) const MOST_BUCKETS: usize = 32;

/// What flowed between two snapshots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flow {
    /// Births less deaths: the change of what is live.
    pub net: f64,
    /// The variance of `net`; not a number where it is not known.
    pub variance: f64,
    /// The third cumulant of `net`.
    pub third: f64,
    /// What a block that was not seen takes from the net, and what one adds to it, at the most.
    pub unseen: [f32; 2],
    /// How many samples that came or went it rests on.
    pub samples: f64,
    /// What is live and was not there before (or, without birth epochs, was allocated).
    pub births: f64,
    /// What was there before and is not live any more (or was freed).
    pub deaths: f64,
    /// What was allocated, whether freed since or not; 0 where the files do not say.
    pub allocated: f64,
    /// The variance of `allocated`.
    pub allocated_variance: f64,
}

impl Flow {
    /// From the blocks themselves: those live before, those of them that survived, and those live now. A surviving
    /// sample is in both snapshots and cancels, so that only new and dead ones err.
    pub fn of_cohorts(before: Sum, survived: Sum, now: Sum) -> Self {
        let (new, dead) = (now.without(survived), before.without(survived));
        Self {
            births: value(new),
            deaths: value(dead),
            ..Self::of_change(difference(now, before), new.minus(dead))
        }
    }

    /// From cumulative values, each before and now. What was allocated and freed between the snapshots is in both
    /// births and deaths, so their variances add up to more than that of the net; so do those of the two
    /// levels. The smaller bound is the better one.
    pub fn of_cumulative(live: [Sum; 2], allocated: [Sum; 2]) -> Self {
        let births = allocated[1].without(allocated[0]);
        let freed = |at: usize| allocated[at].without(live[at]);
        let deaths = freed(1).without(freed(0));
        let levels = Self::of_levels(live[0], live[1]);
        let flows = Self::of_change(levels.net, births.minus(deaths));
        let better = if flows.variance <= levels.variance { flows } else { levels };
        Self { births: value(births), deaths: value(deaths), ..better }
    }

    /// From live values alone.
    pub fn of_levels(before: Sum, now: Sum) -> Self {
        let net = difference(now, before);
        Self { births: net.max(0.0), deaths: (-net).max(0.0), ..Self::of_change(net, now.minus(before)) }
    }

    /// A net flow with the error of this difference.
    fn of_change(net: f64, change: Sum) -> Self {
        let Spread { third, unseen, .. } = change.spread();
        Self {
            net,
            variance: variance(change),
            third,
            unseen: unseen.map(|it| it as f32),
            samples: change.samples(),
            ..Self::default()
        }
    }

    /// What the error of the net follows from.
    pub fn spread(&self) -> Spread {
        Spread { variance: self.variance, third: self.third, unseen: self.unseen.map(f64::from) }
    }

    /// The least net flow that is not at odds with the samples: the lower end of its score interval, for a deviation of `z`.
    ///
    /// For a net flow lower by `d` there would have been fewer births, and the variance would be lower by `w·d`, `w` being
    /// what one sample stands for: `d` solves `d² = z²·(V − w·d)`. Growth by few samples is thus told from none, where
    /// the usual interval, with `d = z·√V`, would hold 0 (Wilson 1927 for a share; the same for a Poisson number).
    pub fn lower(&self, z: f64) -> f64 {
        if self.samples <= 0.0 {
            return self.net - z * self.variance.sqrt();
        }
        let weight = (self.variance / self.samples).sqrt();
        let half = z * z * weight / 2.0;
        self.net - (half.hypot(z * self.variance.sqrt()) - half)
    }

    /// With what was allocated meanwhile.
    pub fn allocating(self, allocated: Sum) -> Self {
        Self { allocated: value(allocated), allocated_variance: variance(allocated), ..self }
    }

    pub fn and(self, later: Self) -> Self {
        Self {
            net: self.net + later.net,
            variance: self.variance + later.variance,
            third: self.third + later.third,
            unseen: larger(self.unseen, later.unseen),
            samples: self.samples + later.samples,
            births: self.births + later.births,
            deaths: self.deaths + later.deaths,
            allocated: self.allocated + later.allocated,
            allocated_variance: self.allocated_variance + later.allocated_variance,
        }
    }
}

fn value(sum: Sum) -> f64 {
    sum.value() as f64
}

fn variance(sum: Sum) -> f64 {
    sum.variance().unwrap_or(f64::NAN)
}

fn difference(now: Sum, before: Sum) -> f64 {
    value(now) - value(before)
}

/// The stretches of time that all rows share.
#[derive(Debug)]
pub(crate) struct Clock {
    /// Length of each in nanoseconds.
    lengths: Vec<f64>,
    /// Snapshots in each but the last, which may have fewer.
    width: usize,
    /// Snapshots in the last.
    filled: usize,
}

impl Default for Clock {
    fn default() -> Self {
        Self { lengths: Vec::new(), width: 1, filled: 1 }
    }
}

impl Clock {
    /// Adds the time since the last snapshot. True when the stretches had to become twice as long, so that each two of
    /// every history are one now.
    pub fn advance(&mut self, elapsed_ns: i64) -> bool {
        let elapsed = elapsed_ns as f64;
        if self.filled < self.width {
            self.filled += 1;
            if let Some(last) = self.lengths.last_mut() {
                *last += elapsed;
            }
            return false;
        }
        let full = self.lengths.len() == MOST_BUCKETS;
        if full {
            self.lengths = self.lengths.chunks(2).map(|pair| pair.iter().sum()).collect();
            self.width *= 2;
        }
        self.lengths.push(elapsed);
        self.filled = 1;
        full
    }

    /// Number of stretches so far.
    pub fn buckets(&self) -> usize {
        self.lengths.len()
    }

    /// Their lengths in nanoseconds.
    pub fn lengths(&self) -> &[f64] {
        &self.lengths
    }
}

/// A stretch of time in a row's history.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bucket {
    pub flow: Flow,
    /// What was live at its end.
    pub level: f64,
    /// The variance of `level`; not a number where it is not known.
    pub level_variance: f64,
    /// Lowest and highest level at a snapshot within it.
    pub lowest: f64,
    pub highest: f64,
}

/// The history of a row.
#[derive(Clone, Debug)]
pub(crate) struct RowHistory {
    /// Stretches in which the row did not exist yet, before those that are kept.
    absent: usize,
    buckets: Vec<Bucket>,
    /// What was live when the series began, and the variance of that.
    pub first_level: f64,
    pub first_variance: f64,
}

impl RowHistory {
    /// The history of a row that comes up in the last of so many stretches.
    pub fn new(buckets: usize) -> Self {
        Self { absent: buckets.saturating_sub(1), buckets: Vec::new(), first_level: 0.0, first_variance: 0.0 }
    }

    /// Begins anew with this level, at the start of a series or of a process.
    pub fn start(&mut self, live: Sum, buckets: usize) {
        let level = value(live);
        if buckets == 0 {
            (self.first_level, self.first_variance) = (level, variance(live));
        } else {
            let bucket = self.last(buckets, level);
            (bucket.level, bucket.level_variance) = (level, variance(live));
        }
    }

    /// Adds a flow to the last stretch.
    pub fn add(&mut self, flow: Flow, live: Sum, buckets: usize) {
        let level = value(live);
        let bucket = self.last(buckets, level);
        bucket.flow = bucket.flow.and(flow);
        (bucket.level, bucket.level_variance) = (level, variance(live));
        bucket.lowest = bucket.lowest.min(level);
        bucket.highest = bucket.highest.max(level);
    }

    fn last(&mut self, buckets: usize, level: f64) -> &mut Bucket {
        let wanted = buckets.saturating_sub(self.absent).max(1);
        while self.buckets.len() < wanted {
            self.buckets.push(Bucket { lowest: level, highest: level, ..Bucket::default() });
        }
        let last = self.buckets.len() - 1;
        &mut self.buckets[last]
    }

    /// Makes one stretch of each two.
    pub fn widen(&mut self) {
        let all: Vec<Bucket> = self.all().collect();
        self.buckets = all
            .chunks(2)
            .map(|pair| match pair {
                [a, b] => Bucket {
                    flow: a.flow.and(b.flow),
                    level: b.level,
                    level_variance: b.level_variance,
                    lowest: a.lowest.min(b.lowest),
                    highest: a.highest.max(b.highest),
                },
                one => one.first().copied().unwrap_or_default(),
            })
            .collect();
        let absent = self.buckets.iter().take_while(|it| it.is_empty()).count();
        self.absent = absent;
        self.buckets.drain(..absent);
    }

    /// The highest level at any snapshot.
    pub fn highest(&self) -> f64 {
        self.buckets.iter().map(|it| it.highest).fold(self.first_level, f64::max)
    }

    /// What was allocated in the whole series, as far as it is known.
    pub fn allocated(&self) -> f64 {
        self.buckets.iter().map(|it| it.flow.allocated.max(it.flow.births)).sum()
    }

    /// All stretches, oldest first.
    pub fn all(&self) -> impl Iterator<Item = Bucket> {
        std::iter::repeat_n(Bucket::default(), self.absent).chain(self.buckets.iter().copied())
    }
}

impl Bucket {
    fn is_empty(&self) -> bool {
        self.highest == 0.0 && self.lowest == 0.0 && self.flow.births == 0.0 && self.flow.allocated == 0.0
    }
}
