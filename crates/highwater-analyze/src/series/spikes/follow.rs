//! Spikes of a series that goes on, told as soon as a snapshot shows them.

use std::collections::{BTreeMap, VecDeque};

use super::join::{Background, join};
use super::judge::{Interval, Jump};
use super::totals::SnapshotTotals;
use super::usual::{Latest, Usual};
use crate::series::spikes::spike::{Spike, SpikesOptions};

/// Snapshots before which nothing is usual yet.
const FEWEST: usize = 4;

/// Intervals that say what is usual.
const HISTORY: usize = 200;

/// Judges each interval beside those before it.
#[derive(Clone, Debug)]
pub(super) struct Judge {
    options: SpikesOptions,
    /// The first snapshots of the process, until there are enough; then the last alone.
    first: Vec<SnapshotTotals>,
    /// Snapshots of the process so far.
    snapshots: usize,
    allocated: Latest,
    live: Latest,
}

impl Judge {
    pub(super) fn new(options: SpikesOptions) -> Self {
        Self {
            options,
            first: Vec::new(),
            snapshots: 0,
            allocated: Latest::default(),
            live: Latest::default(),
        }
    }

    /// The intervals that are seen to stand out now that another snapshot is there, as the number of snapshots from the one
    /// before them to this one. The first interval of a process does not count: a program that starts jumps.
    pub(super) fn push(&mut self, snapshot: SnapshotTotals) -> Vec<(usize, Jump)> {
        if self.first.last().is_some_and(|it| it.process != snapshot.process) {
            *self = Self::new(self.options);
        }
        self.snapshots += 1;
        self.first.push(snapshot);
        let mut found = Vec::new();
        if self.snapshots == FEWEST {
            let all: Vec<Option<Interval<'_>>> =
                self.first.windows(2).map(|pair| Interval::of(&pair[0], &pair[1])).collect();
            for at in 1..all.len() {
                let others = || all.iter().enumerate().filter(|it| it.0 != at).filter_map(|it| it.1.as_ref());
                let allocated = Usual::of(others().filter_map(Interval::rate).collect());
                let live = Usual::of(others().map(Interval::live_rate).collect());
                let judged = all[at].as_ref().and_then(|it| it.judge(allocated, live, &self.options));
                found.extend(judged.map(|jump| (FEWEST - 1 - at, jump)));
            }
        }
        if let [.., before, after] = self.first.as_slice()
            && let Some(interval) = Interval::of(before, after)
        {
            if self.snapshots > FEWEST {
                let judged = interval.judge(self.allocated.usual(), self.live.usual(), &self.options);
                found.extend(judged.map(|jump| (1, jump)));
            }
            if let Some(rate) = interval.rate() {
                self.allocated.push(rate, HISTORY);
            }
            self.live.push(interval.live_rate(), HISTORY);
        }
        if self.snapshots >= FEWEST {
            self.first.drain(..self.first.len() - 1);
        }
        found
    }
}

/// Follows the snapshots of one process, and tells spikes as they come: the definition of a watch.
///
/// All that it tells, [`find_spikes`](crate::find_spikes) finds in the whole series.
#[derive(Clone, Debug)]
pub struct SpikeFollower {
    judge: Judge,
    /// The latest snapshots.
    latest: VecDeque<SnapshotTotals>,
    /// Number of the first of them in its process.
    first: usize,
    /// The intervals among them that stood out, by the numbers of the snapshots before them.
    jumps: BTreeMap<usize, Jump>,
}

impl SpikeFollower {
    /// No snapshot yet. The limit of the options has no effect.
    pub fn new(options: SpikesOptions) -> Self {
        Self { judge: Judge::new(options), latest: VecDeque::new(), first: 0, jumps: BTreeMap::new() }
    }

    /// Takes the next snapshot in, and gives the latest spike as it is now; its positions count all snapshots that were taken in,
    /// from 0. A spike is given again, and may have become larger, until there is another one, or it is too long ago.
    pub fn push(&mut self, snapshot: SnapshotTotals) -> Option<Spike> {
        let number = self.first + self.latest.len();
        self.latest.push_back(snapshot);
        self.jumps.extend(self.judge.push(snapshot).into_iter().map(|(back, jump)| (number - back, jump)));
        if self.latest.len() > HISTORY + 1 {
            self.latest.pop_front();
            self.first += 1;
            self.jumps = self.jumps.split_off(&self.first);
        }
        if self.jumps.is_empty() {
            return None;
        }
        let jumps = self.jumps.iter().map(|(at, jump)| (at - self.first, jump.clone())).collect();
        let snapshots = self.latest.make_contiguous();
        let background = Background::of(snapshots);
        let spikes = join(snapshots, &jumps, &background, &self.judge.options, false);
        let mut spike = spikes.into_iter().map(|it| it.1).max_by_key(|it| it.last)?;
        for position in [&mut spike.before, &mut spike.peak, &mut spike.after, &mut spike.last] {
            *position += self.first;
        }
        Some(spike)
    }
}
