//! What a row does over time, and what shows it.

use serde::Serialize;

use crate::series::flow::{Bucket, RowHistory};
use crate::series::trend::windows::{HOUR_NS, Windows};
use crate::statistics::estimate::Estimate;

/// What a row does over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// It grows in every window after the warm-up.
    Leak,
    /// It went up (or down) once and stayed there.
    Step,
    /// It goes up and down again.
    Sawtooth,
    /// It grew at first and then no more.
    WarmUp,
    /// What it holds stays the same while its blocks come and go.
    Churn,
    /// It holds the same blocks, as far as can be told.
    Steady,
}

/// What shows that a row belongs to its class. All amounts are in the unit of the values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum TrendEvidence {
    /// See [`Class::Leak`].
    Leak {
        /// What it gained per hour in each window after the warm-up.
        windows_per_hour: Vec<Estimate>,
        /// Of what was born after the warm-up, the share that is still live; `None` where births are not known.
        kept_fraction: Option<f64>,
    },
    /// See [`Class::Step`].
    Step {
        /// End of the stretch of time in which it happened, in nanoseconds after the first snapshot.
        at_ns: i64,
        /// How much it went up.
        change: Estimate,
    },
    /// See [`Class::Sawtooth`].
    Sawtooth {
        /// How often it fell by more than half its swing.
        falls: usize,
        /// Lowest level.
        lowest: i64,
        /// Highest level.
        highest: i64,
    },
    /// See [`Class::WarmUp`].
    WarmUp {
        /// When it had grown, in nanoseconds after the first snapshot.
        settled_ns: i64,
        /// How much it grew until then.
        change: Estimate,
    },
    /// See [`Class::Churn`].
    Churn {
        /// What it allocated per hour, as far as that is known.
        allocated_per_hour: i64,
        /// How often per hour what it holds was replaced; `None` where it never holds anything when a snapshot is taken.
        turnover_per_hour: Option<f64>,
    },
    /// See [`Class::Steady`].
    Steady,
}

impl TrendEvidence {
    /// The class that this is evidence for.
    pub fn class(&self) -> Class {
        match self {
            Self::Leak { .. } => Class::Leak,
            Self::Step { .. } => Class::Step,
            Self::Sawtooth { .. } => Class::Sawtooth,
            Self::WarmUp { .. } => Class::WarmUp,
            Self::Churn { .. } => Class::Churn,
            Self::Steady => Class::Steady,
        }
    }
}

/// How often a row has to replace what it holds, in the whole series, for its blocks to come and go.
const TURNOVER: f64 = 5.0;

/// A rise or fall is searched for between any two moments, so it has to stand out by more standard errors than a single one.
const SWING_Z: f64 = 4.0;

/// A rise or fall below this share of the highest level is a wavering.
const SWING_SHARE: f64 = 0.3;

/// What is born is more than so many times what levels rose by: the levels of blocks that come and go waver.
const CHURN_TIMES_RISES: f64 = 3.0;

/// A rise that takes no more than this share of the series is sudden.
const SUDDEN: f64 = 0.1;

pub(crate) fn classify(history: &RowHistory, windows: &Windows) -> TrendEvidence {
    let buckets: Vec<Bucket> = history.all().collect();
    if windows.is_leak(history) {
        return leak(history, windows, &buckets);
    }
    let first = history.first_level;
    let (rise, fall) = swings(history, &buckets);
    let highest = buckets.iter().map(|it| it.level).fold(first, f64::max);
    let (rose, fell) = (rise.stands_out(highest), fall.stands_out(highest));
    if !(rose || fell) || comes_and_goes(&buckets) {
        return still(history, &buckets, windows);
    }
    let sudden = (buckets.len() as f64 * SUDDEN).max(1.0) as usize;
    let falls = falls(&buckets, first);
    if rose && fell && (falls > 1 || rise.length > sudden) && fall.net.abs() > rise.net / 2.0 {
        return sawtooth(&buckets, first, falls);
    }
    let change = if rose { rise } else { fall };
    let settled = change.start + change.length;
    let at_first = change.start == 0 && settled <= buckets.len().div_ceil(2);
    let dies_away = change.length > sudden && windows.slows_down(history);
    if rose && !fell && (at_first || dies_away) && buckets.len() > 1 {
        return TrendEvidence::WarmUp { settled_ns: time(windows, settled), change: change.estimate() };
    }
    TrendEvidence::Step { at_ns: time(windows, settled), change: change.estimate() }
}

fn leak(history: &RowHistory, windows: &Windows, buckets: &[Bucket]) -> TrendEvidence {
    let later = buckets.get(windows.first..).unwrap_or_default();
    let births: f64 = later.iter().map(|it| it.flow.births).sum();
    let net: f64 = later.iter().map(|it| it.flow.net).sum();
    TrendEvidence::Leak {
        windows_per_hour: windows.gains(history),
        kept_fraction: (births > 0.0).then(|| (net / births).clamp(0.0, 1.0)),
    }
}

/// A change of level between two moments.
struct Swing {
    net: f64,
    variance: f64,
    /// Stretches of time before a tenth of it had happened, and from there until nine tenths had.
    start: usize,
    length: usize,
}

impl Swing {
    fn estimate(&self) -> Estimate {
        let error = Some(self.variance.sqrt()).filter(|it| !it.is_nan());
        Estimate::normal(self.net.round() as i64, error)
    }

    fn stands_out(&self, highest: f64) -> bool {
        // An error that is not known is taken for none.
        let error = if self.variance.is_nan() { 0.0 } else { self.variance.sqrt() };
        let size = self.net.abs();
        size > 0.0 && size >= SWING_SHARE * highest && size > SWING_Z * error
    }
}

/// A moment in a history: how many stretches came before, and what was live.
#[derive(Clone, Copy)]
struct Point {
    at: usize,
    level: f64,
    /// The variance of the level, and that of all flows so far.
    level_variance: f64,
    flow_variance: f64,
}

/// The largest rise and the largest fall between any two moments.
fn swings(history: &RowHistory, buckets: &[Bucket]) -> (Swing, Swing) {
    let start = Point {
        at: 0,
        level: history.first_level,
        level_variance: history.first_variance,
        flow_variance: 0.0,
    };
    let mut now = start;
    let (mut low, mut high) = (start, start);
    let (mut rise, mut fall) = ((start, start), (start, start));
    let change = |it: &(Point, Point)| it.1.level - it.0.level;
    for bucket in buckets {
        now = Point {
            at: now.at + 1,
            level: bucket.level,
            level_variance: bucket.level_variance,
            flow_variance: now.flow_variance + bucket.flow.variance,
        };
        if now.level - low.level > change(&rise) {
            rise = (low, now);
        }
        if now.level - high.level < change(&fall) {
            fall = (high, now);
        }
        if now.level < low.level {
            low = now;
        }
        if now.level > high.level {
            high = now;
        }
    }
    (between(start.level, buckets, rise), between(start.level, buckets, fall))
}

fn between(first: f64, buckets: &[Bucket], (from, to): (Point, Point)) -> Swing {
    let net = to.level - from.level;
    let done = |share: f64| {
        let mut levels = std::iter::once(first).chain(buckets.iter().map(|it| it.level)).skip(from.at);
        levels.position(|level| (level - from.level) * net.signum() >= share * net.abs()).unwrap_or(0)
    };
    let (begun, ended) = (done(0.1), done(0.9));
    Swing {
        net,
        // Both are bounds: flows count what came and went in between, levels what stayed.
        variance: (to.flow_variance - from.flow_variance).min(from.level_variance + to.level_variance),
        start: from.at + begun.saturating_sub(1),
        length: ended.saturating_sub(begun.saturating_sub(1)),
    }
}

/// Whether blocks come and go so fast that levels waver without any cause of their own.
fn comes_and_goes(buckets: &[Bucket]) -> bool {
    let births: f64 = buckets.iter().map(|it| it.flow.births).sum();
    let rises: f64 = buckets.iter().map(|it| it.flow.net.max(0.0)).sum();
    births > CHURN_TIMES_RISES * rises
}

/// How often the level fell by more than half of its whole range.
fn falls(buckets: &[Bucket], first: f64) -> usize {
    let (lowest, highest) = range(buckets, first);
    let half = (highest - lowest) / 2.0;
    let (mut falls, mut top) = (0, first);
    for bucket in buckets {
        top = top.max(bucket.highest);
        if top - bucket.lowest > half {
            falls += 1;
            top = bucket.lowest;
        }
    }
    falls
}

fn range(buckets: &[Bucket], first: f64) -> (f64, f64) {
    let lowest = buckets.iter().map(|it| it.lowest).fold(first, f64::min);
    let highest = buckets.iter().map(|it| it.highest).fold(first, f64::max);
    (lowest, highest)
}

fn sawtooth(buckets: &[Bucket], first: f64, falls: usize) -> TrendEvidence {
    let (lowest, highest) = range(buckets, first);
    TrendEvidence::Sawtooth { falls, lowest: lowest as i64, highest: highest as i64 }
}

fn still(history: &RowHistory, buckets: &[Bucket], windows: &Windows) -> TrendEvidence {
    let hours = windows.span_ns() / HOUR_NS;
    let allocated = history.allocated();
    let level = buckets.iter().map(|it| it.level).sum::<f64>() / buckets.len().max(1) as f64;
    if allocated > 0.0 && allocated >= TURNOVER * level {
        return TrendEvidence::Churn {
            allocated_per_hour: (allocated / hours) as i64,
            turnover_per_hour: (level > 0.0).then(|| allocated / level / hours),
        };
    }
    TrendEvidence::Steady
}

/// The end of the stretches before this one, in nanoseconds after the first snapshot.
fn time(windows: &Windows, until: usize) -> i64 {
    windows.lengths().iter().take(until).sum::<f64>() as i64
}
