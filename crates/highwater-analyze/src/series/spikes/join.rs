//! Which intervals and humps are one spike, and what it is as a whole.

use std::collections::BTreeMap;
use std::ops::Range;

use super::hump::{Hump, humps};
use super::judge::{Interval, Jump, UNUSUAL, lower_rise};
use super::totals::SnapshotTotals;
use super::usual::{Usual, UsualOfOthers, calm_deviation};
use crate::series::spikes::spike::{Sign, Spike, SpikesOptions};

/// What is usual in the series.
pub(super) struct Background {
    allocated: UsualOfOthers,
    live: UsualOfOthers,
    /// How fast live bytes usually grow, in bytes per nanosecond.
    growth: f64,
    /// How far they stray from that in an interval, likewise.
    strays: f64,
}

impl Background {
    pub(super) fn of(snapshots: &[SnapshotTotals]) -> Self {
        let intervals: Vec<Option<Interval<'_>>> =
            snapshots.windows(2).map(|pair| Interval::of(&pair[0], &pair[1])).collect();
        let allocated = intervals.iter().map(|it| it.as_ref()?.rate()).collect();
        let live: Vec<Option<f64>> = intervals.iter().map(|it| Some(it.as_ref()?.live_rate())).collect();
        let known = || live.iter().copied().flatten();
        let growth = Usual::of(known().collect()).map_or(0.0, |it| it.median);
        Self {
            strays: calm_deviation(known(), growth),
            growth,
            allocated: UsualOfOthers::of(allocated),
            live: UsualOfOthers::of(live),
        }
    }

    /// The usual rates of allocation and of live bytes outside of these intervals.
    pub(super) fn outside(&self, intervals: &Range<usize>) -> (Option<Usual>, Option<Usual>) {
        (self.allocated.outside(intervals), self.live.outside(intervals))
    }
}

/// Share of a rise that a further one must add to be a part of it, where nothing tells when it ended.
const FURTHER: f64 = 0.05;

/// Humps of about the same height from which on they may be what the program always does.
const USUAL_HUMPS: usize = 3;

/// A part of the series, from the snapshot before it to its last one.
struct Span {
    before: usize,
    last: usize,
    /// The end of the hump that it is a part of. The highest level is looked for until there.
    end: Option<usize>,
    jump: Jump,
    /// Whether it is a spike by itself. A hump that is none tells how far a jump in it reaches.
    counts: bool,
}

/// The spikes, each with the number of bytes by which it stands out, in order of time. `with_ramps` also finds rises of live bytes
/// in which no interval stands out.
pub(super) fn join(
    snapshots: &[SnapshotTotals],
    jumps: &BTreeMap<usize, Jump>,
    background: &Background,
    options: &SpikesOptions,
    with_ramps: bool,
) -> Vec<(f64, Spike)> {
    let mut levels: Vec<f64> = Vec::with_capacity(snapshots.len());
    let mut spans: Vec<Span> = Vec::new();
    let mut begin = 0;
    for process in snapshots.chunk_by(|a, b| Interval::of(a, b).is_some()) {
        let end = begin + process.len();
        levels.extend(levels_of(process, background));
        let levels = &levels[begin..end];
        let mut found = humps(levels, |low, high| is_rise(&process[low..=high], background, options));
        found.retain(|it| falls(it, process));
        let usual = UsualHumps::of(&found, levels);
        spans.extend(found.iter().map(|hump| Span {
            before: begin + hump.before,
            last: begin + hump.peak,
            end: Some(begin + hump.behind),
            jump: Jump {
                signs: vec![Sign::Live],
                bytes: lower_rise(&process[hump.before], &process[hump.peak]),
            },
            counts: with_ramps && !usual.has(hump, levels),
        }));
        spans.extend(jumps.range(begin..end).map(|(&at, jump)| Span {
            before: at,
            last: at + 1,
            end: None,
            jump: jump.clone(),
            counts: true,
        }));
        begin = end;
    }
    spans.sort_by_key(|it| it.before);
    let joined = spans.into_iter().fold(Vec::new(), |mut all: Vec<Span>, span| {
        match all.last_mut().filter(|it| belongs(it, &span)) {
            Some(last) => last.add(span),
            None => all.push(span),
        }
        all
    });
    let spikes = joined.into_iter().filter(|it| it.counts);
    spikes.map(|it| (it.jump.bytes, it.spike(snapshots, &levels, background))).collect()
}

/// Live bytes of a process without what they always grow by. What they have not grown by in the end they did not always.
fn levels_of<'a>(
    process: &'a [SnapshotTotals],
    background: &Background,
) -> impl Iterator<Item = f64> + use<'a> {
    let begin = process.first().map_or(0, |it| it.time_ns);
    let whole = process.first().zip(process.last()).and_then(|(first, last)| Interval::of(first, last));
    let growth = background.growth.min(whole.map_or(0.0, |it| it.live_rate())).max(0.0);
    process
        .iter()
        .map(move |it| it.live_bytes.value as f64 - growth * it.time_ns.saturating_sub(begin) as f64)
}

/// Whether live bytes rose from the first to the last by what is worth telling, and more than they stray anyway.
fn is_rise(snapshots: &[SnapshotTotals], background: &Background, options: &SpikesOptions) -> bool {
    let (Some(first), Some(last)) = (snapshots.first(), snapshots.last()) else { return false };
    let elapsed = last.time_ns.saturating_sub(first.time_ns) as f64;
    let steps = snapshots.len().saturating_sub(1).max(1) as f64;
    // So many steps in either direction lead as far as the root of them.
    let strays = background.strays * elapsed / steps.sqrt();
    let lower = lower_rise(first, last);
    lower > options.min_rise * first.live_bytes.value.max(1) as f64 && lower > UNUSUAL * strays
}

/// Whether live bytes themselves fall, and not only their difference from what they usually grow by.
fn falls(hump: &Hump, snapshots: &[SnapshotTotals]) -> bool {
    let live = |at: usize| snapshots[at].live_bytes.value as f64;
    4.0 * (live(hump.peak) - live(hump.behind)) >= live(hump.peak) - live(hump.before)
}

/// Heights of the humps of a process, the highest first, each with the number of intervals of all that are as high.
struct UsualHumps {
    heights: Vec<(f64, usize)>,
    intervals: usize,
}

impl UsualHumps {
    fn of(humps: &[Hump], levels: &[f64]) -> Self {
        let mut heights: Vec<(f64, usize)> =
            humps.iter().map(|it| (height(it, levels), it.behind - it.before)).collect();
        heights.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut sum = 0;
        for (_, intervals) in &mut heights {
            sum += *intervals;
            *intervals = sum;
        }
        Self { heights, intervals: levels.len().saturating_sub(1) }
    }

    /// Whether the process goes up and down by half of that or more, most of the time.
    fn has(&self, hump: &Hump, levels: &[f64]) -> bool {
        let alike = self.heights.partition_point(|it| 2.0 * it.0 >= height(hump, levels));
        let covered = alike.checked_sub(1).map_or(0, |at| self.heights[at].1);
        alike >= USUAL_HUMPS && 4 * covered >= 3 * self.intervals
    }
}

fn height(hump: &Hump, levels: &[f64]) -> f64 {
    levels[hump.peak] - levels[hump.before]
}

/// Whether a span goes on with the one before. A jump of live bytes where a hump ends begins another one.
fn belongs(before: &Span, span: &Span) -> bool {
    let rises = span.jump.signs.contains(&Sign::Live);
    match before.end {
        Some(end) if rises => span.before < end,
        Some(end) => span.before <= end,
        None => span.before <= before.last,
    }
}

impl Span {
    fn add(&mut self, other: Self) {
        self.last = self.last.max(other.last);
        self.end = self.end.max(other.end);
        self.counts |= other.counts;
        self.jump.add(&other.jump);
    }

    fn spike(self, snapshots: &[SnapshotTotals], levels: &[f64], background: &Background) -> Spike {
        let Self { before, mut last, end, jump, .. } = self;
        let is_live = jump.signs.contains(&Sign::Live);
        let strays = |at: usize| {
            let elapsed = snapshots[at + 1].time_ns.saturating_sub(snapshots[at].time_ns);
            UNUSUAL * background.strays * elapsed as f64
        };
        // Where it has not ended it goes on as long as it rises.
        while is_live
            && end.is_none()
            && last + 1 < snapshots.len()
            && Interval::of(&snapshots[last], &snapshots[last + 1]).is_some()
            && levels[last + 1] - levels[last] > strays(last).max(FURTHER * (levels[last] - levels[before]))
        {
            last += 1;
        }
        let until = end.map_or(last, |it| it.max(last));
        let live = |at: usize| snapshots[at].live_bytes.value;
        // The first of several that are as high.
        let peak = (before + 1..=until).rev().max_by_key(|&at| live(at)).unwrap_or(last);
        let last = last.max(peak);
        let after = if is_live { peak } else { last };
        let between = Interval::of(&snapshots[before], &snapshots[after]);
        let elapsed_ns = between.as_ref().map_or(0, |it| it.elapsed_ns);
        let usual = background.allocated.outside(&(before..last));
        let usual = usual.map(|it| (it.median * elapsed_ns as f64) as i64);
        let highest = (before..=last).map(live).max().unwrap_or(0);
        let peaks = snapshots[last].peak_bytes.zip(snapshots[before].peak_bytes).filter(|it| it.0 > it.1);
        Spike {
            before,
            peak,
            after,
            last,
            signs: jump.signs,
            elapsed_ns,
            live_change_bytes: live(peak).saturating_sub(live(before)),
            peak_above_live_bytes: peaks.map(|it| it.0.saturating_sub(highest)).filter(|it| *it > 0),
            alloc_bytes: between.and_then(|it| it.allocated()).map(|it| it.0),
            usual_alloc_bytes: usual,
        }
    }
}
