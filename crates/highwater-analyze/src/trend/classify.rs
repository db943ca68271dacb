//! What a row does over time, and what shows it.

use serde::Serialize;

use crate::Estimate;
use crate::estimate::Z95;
use crate::series::flow::{Bucket, History};
use crate::trend::windows::Windows;

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
pub enum Evidence {
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
        /// How often per hour what it holds was replaced.
        turnover_per_hour: f64,
    },
    /// See [`Class::Steady`].
    Steady,
}

impl Evidence {
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

/// How much of what a row holds has to be replaced in the whole series for its blocks to come and go.
const TURNOVER: f64 = 1.0;

pub(crate) fn classify(history: &History, windows: &Windows) -> Evidence {
    let buckets: Vec<Bucket> = history.all().collect();
    if windows.sustained(history) > 0.0 {
        return leak(history, windows, &buckets);
    }
    let (rise, fall) = swings(history.first_level, &buckets);
    let significant =
        |change: &Change| change.net.abs() > Z95 * change.variance.sqrt().max(f64::MIN_POSITIVE);
    match (significant(&rise), significant(&fall)) {
        (true, true) => sawtooth(&buckets, history.first_level),
        (true, false) if rise.until <= windows.first => {
            Evidence::WarmUp { settled_ns: time(windows, rise.until), change: rise.estimate() }
        }
        (true, false) => Evidence::Step { at_ns: time(windows, rise.until), change: rise.estimate() },
        (false, true) => Evidence::Step { at_ns: time(windows, fall.until), change: fall.estimate() },
        (false, false) => still(&buckets, windows),
    }
}

fn leak(history: &History, windows: &Windows, buckets: &[Bucket]) -> Evidence {
    let later = buckets.get(windows.first..).unwrap_or_default();
    let births: f64 = later.iter().map(|it| it.flow.births).sum();
    let net: f64 = later.iter().map(|it| it.flow.net).sum();
    Evidence::Leak {
        windows_per_hour: windows.gains(history),
        kept_fraction: (births > 0.0).then(|| (net / births).clamp(0.0, 1.0)),
    }
}

/// A change of level over some stretches of time.
struct Change {
    net: f64,
    variance: f64,
    /// First stretch after it.
    until: usize,
}

impl Change {
    fn estimate(&self) -> Estimate {
        let error = Some(self.variance.sqrt()).filter(|it| !it.is_nan());
        Estimate { value: self.net.round() as i64, standard_error: error }
    }
}

/// The largest rise and the largest fall between any two moments.
fn swings(first: f64, buckets: &[Bucket]) -> (Change, Change) {
    let none = || Change { net: 0.0, variance: 0.0, until: 0 };
    let (mut rise, mut fall) = (none(), none());
    // Level, and variance of all flows so far, at the lowest and at the highest moment so far.
    let (mut low, mut high) = ((first, 0.0), (first, 0.0));
    let mut variance = 0.0;
    for (at, bucket) in buckets.iter().enumerate() {
        variance += bucket.flow.variance;
        if bucket.level - low.0 > rise.net {
            rise = Change { net: bucket.level - low.0, variance: variance - low.1, until: at + 1 };
        }
        if bucket.level - high.0 < fall.net {
            fall = Change { net: bucket.level - high.0, variance: variance - high.1, until: at + 1 };
        }
        if bucket.level < low.0 {
            low = (bucket.level, variance);
        }
        if bucket.level > high.0 {
            high = (bucket.level, variance);
        }
    }
    (rise, fall)
}

fn sawtooth(buckets: &[Bucket], first: f64) -> Evidence {
    let lowest = buckets.iter().map(|it| it.lowest).fold(first, f64::min);
    let highest = buckets.iter().map(|it| it.highest).fold(first, f64::max);
    let half = (highest - lowest) / 2.0;
    let mut falls = 0;
    let mut top = first;
    for bucket in buckets {
        top = top.max(bucket.highest);
        if top - bucket.lowest > half {
            falls += 1;
            top = bucket.lowest;
        }
    }
    Evidence::Sawtooth { falls, lowest: lowest as i64, highest: highest as i64 }
}

fn still(buckets: &[Bucket], windows: &Windows) -> Evidence {
    let hours = windows.span_ns() / 3.6e12;
    let allocated: f64 = buckets.iter().map(|it| it.flow.allocated.max(it.flow.births)).sum();
    let level = buckets.iter().map(|it| it.level).sum::<f64>() / buckets.len().max(1) as f64;
    if allocated > 0.0 && allocated >= TURNOVER * level {
        let turnover = if level > 0.0 { allocated / level } else { 0.0 };
        return Evidence::Churn {
            allocated_per_hour: (allocated / hours) as i64,
            turnover_per_hour: turnover / hours,
        };
    }
    Evidence::Steady
}

/// The end of the stretches before this one, in nanoseconds after the first snapshot.
fn time(windows: &Windows, until: usize) -> i64 {
    windows.lengths().iter().take(until).sum::<f64>() as i64
}
