//! What is alive and should not be, by the cause that the data shows.
//!
//! A profile cannot say what is still needed. What it can say is that memory behaves as forgotten memory does, and there
//! are three such ways, each with evidence of its own ([`LeakEvidence`]). What the files do not allow to be known is said
//! as well ([`Leaks::not_known`]).

pub(crate) mod never_freed;
pub(crate) mod outliving;
pub(crate) mod suppress;

use std::collections::HashMap;

use highwater_profile::Profile;
use serde::Serialize;

use crate::findings::lives::value::Value;
use crate::findings::lives::{Life, Lives};
use crate::frames::frame::Frame;
use crate::group::RowKey;
use crate::queries::header::{Header, Omitted};
use crate::query::Query;
use crate::series::trend::classify::{Class, Evidence as TrendEvidence};
use crate::series::trend::{Trend, TrendRow};
use crate::statistics::estimate::Estimate;
pub(crate) use never_freed::{gap as never_freed_gap, never_freed};
pub use suppress::{Suppressed, Suppression};

/// Why something is thought to be a leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It grew in every window of a series of snapshots.
    GrowsWithoutEnd,
    /// It was allocated between one snapshot after the other, and next to nothing of it was freed.
    NeverFreed,
    /// Blocks of its kind live briefly, and these do not.
    OutlivesItsKind,
}

impl Cause {
    /// All of them, the most certain first.
    pub const ALL: [Self; 3] = [Self::GrowsWithoutEnd, Self::NeverFreed, Self::OutlivesItsKind];

    /// The name in files and documents, such as `never_freed`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GrowsWithoutEnd => "grows_without_end",
            Self::NeverFreed => "never_freed",
            Self::OutlivesItsKind => "outlives_its_kind",
        }
    }
}

/// What shows that something may be a leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum LeakEvidence {
    /// See [`Cause::GrowsWithoutEnd`].
    GrowsWithoutEnd {
        /// What it gains per hour.
        growth_per_hour: Estimate,
        /// What it gained per hour at the least, in each window after the warm-up.
        sustained_per_hour: Option<f64>,
        /// Snapshots that say so.
        snapshots: usize,
        /// Time between the first and the last of them, in nanoseconds.
        span_ns: i64,
    },
    /// See [`Cause::NeverFreed`].
    NeverFreed {
        /// Snapshots that saw new blocks of it, the first of the process left out.
        snapshots: usize,
        /// All that was ever allocated.
        alloc_bytes: Estimate,
        /// Share of it that was freed at the most: the upper end of the 95 % interval.
        freed_fraction_at_most: f64,
    },
    /// See [`Cause::OutlivesItsKind`].
    OutlivesItsKind {
        /// 99 of 100 freed blocks lived for less than this, in nanoseconds.
        usual_ns: i64,
        /// Blocks whose lifetime that rests on.
        freed_blocks: Estimate,
        /// Live bytes that are older, or more than can be as young.
        old_bytes: Estimate,
        /// How old these are at the least, in nanoseconds; `None` where it is their number that shows it.
        older_than_ns: Option<i64>,
    },
}

impl LeakEvidence {
    /// What this is evidence for.
    pub fn cause(&self) -> Cause {
        match self {
            Self::GrowsWithoutEnd { .. } => Cause::GrowsWithoutEnd,
            Self::NeverFreed { .. } => Cause::NeverFreed,
            Self::OutlivesItsKind { .. } => Cause::OutlivesItsKind,
        }
    }
}

/// What may be a leak.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Leak {
    /// What the finding is about.
    pub key: RowKey,
    /// What shows it.
    #[serde(flatten)]
    pub evidence: LeakEvidence,
    /// Bytes that are live.
    pub live_bytes: Estimate,
    /// Blocks that are live; `None` where the file does not say.
    pub live_blocks: Option<Estimate>,
    /// The stack that allocated most of it, leaf first.
    pub stack: Vec<Frame>,
}

/// What is missing in the files for a cause to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Gap {
    /// There is one file and not a series.
    Series,
    /// There are fewer snapshots of the process than it takes.
    Snapshots {
        /// How many there are.
        have: i64,
        /// How many it takes.
        need: i64,
    },
    /// The file does not say what was allocated since the start.
    AllocatedTotals,
    /// The file does not say which snapshot saw a block first.
    BirthEpochs,
    /// The file does not say how long freed blocks lived.
    Lifetimes,
    /// The file does not say which blocks were temporary.
    Temporaries,
    /// The file does not say what was reallocated.
    Reallocations,
    /// The file does not say what is live.
    LiveTotals,
    /// The file does not say how it was sampled.
    SamplingErrors,
}

/// A cause that cannot be found, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct NotKnown {
    /// The cause.
    pub cause: Cause,
    /// What is missing.
    pub gap: Gap,
}

/// The answer of [`leaks()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Leaks {
    /// What the last snapshot is.
    pub header: Header,
    /// By cause; within one the largest first, by the lower end of its 95 % interval.
    pub findings: Vec<Leak>,
    /// Findings beyond the limit.
    pub omitted: Omitted,
    /// Findings that rules took away, rule by rule.
    pub suppressed: Vec<Suppressed>,
    /// Causes that could not be looked for.
    pub not_known: Vec<NotKnown>,
}

/// What is known of the time before the last snapshot.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// What became of every row, asked without limits.
    pub trend: Option<Trend>,
    /// Number and time (in nanoseconds since 1970-01-01 UTC) of the process's snapshots, as far as there are files.
    pub snapshots: Vec<(i64, i64)>,
}

/// Finds what is alive in `last` and should not be. With `history` of the same process more can be told.
///
/// Nothing is a finding whose live bytes are not certainly above 0, or make up less than `min_fraction` of all. A row
/// is one finding, under the first cause of [`Cause::ALL`] that there is evidence for.
pub fn leaks(last: &Profile, history: &History, query: &Query, rules: &[Suppression]) -> Leaks {
    let lives = Lives::of(last, None, query);
    let rows = lives.rows(|_| false);
    let least = query.min_fraction * lives.header.shown_total.value as f64;
    let trends = trends(history);

    let mut findings: Vec<Leak> = Vec::new();
    for (row, life) in rows.iter().enumerate() {
        let live = life.values[Value::LiveBytes].estimate();
        if !live.stands_out() || (live.value as f64) < least {
            continue;
        }
        let key = lives.key(row);
        let grows = || trends.get(key.label.as_str()).and_then(|it| grows(it, history.trend.as_ref()?));
        let never = || never_freed(life, &lives);
        let outlives = || outliving::outlives(life, &lives, history, least);
        if let Some(evidence) = grows().or_else(never).or_else(outlives) {
            let live_blocks = lives.has(Value::LiveBlocks).then(|| life.values[Value::LiveBlocks].estimate());
            findings.push(Leak { evidence, live_bytes: live, live_blocks, stack: lives.stack(life), key });
        }
    }
    let not_known = not_known(&lives, &rows, history);
    let suppressed = suppress::apply(&mut findings, rules, &not_known);
    findings.sort_by(|a, b| {
        let certain = |it: &Leak| it.live_bytes.lower95().unwrap_or(0.0);
        let by_cause = a.evidence.cause().cmp(&b.evidence.cause());
        by_cause.then_with(|| certain(b).total_cmp(&certain(a))).then_with(|| a.key.label.cmp(&b.key.label))
    });
    let beyond = findings.split_off(query.limit.unwrap_or(usize::MAX).min(findings.len()));
    let omitted = Omitted {
        rows: beyond.len(),
        value: beyond.iter().fold(0, |sum: i64, it| sum.saturating_add(it.live_bytes.value)),
    };
    Leaks { header: lives.header.clone(), findings, omitted, suppressed, not_known }
}

/// The rows of a long enough series that leak, by their names.
pub(crate) fn trends(history: &History) -> HashMap<&str, &TrendRow> {
    let trend = history.trend.iter().filter(|it| !it.few_snapshots);
    let leaking = trend.flat_map(|it| &it.rows).filter(|it| it.class() == Class::Leak);
    leaking.map(|it| (it.key.label.as_str(), it)).collect()
}

fn grows(row: &TrendRow, trend: &Trend) -> Option<LeakEvidence> {
    let TrendEvidence::Leak { .. } = row.evidence else { return None };
    Some(LeakEvidence::GrowsWithoutEnd {
        growth_per_hour: row.growth_per_hour,
        sustained_per_hour: row.sustained_per_hour,
        snapshots: trend.snapshots,
        span_ns: trend.span_ns,
    })
}

/// A series of fewer snapshots has no windows after its warm-up.
const SERIES: i64 = 5;

fn not_known(lives: &Lives<'_>, rows: &[Life], history: &History) -> Vec<NotKnown> {
    let of = |cause| {
        let general = [
            (!lives.has(Value::LiveBytes), Gap::LiveTotals),
            (lives.header.total.standard_error.is_none(), Gap::SamplingErrors),
        ];
        let own = match cause {
            Cause::GrowsWithoutEnd => match &history.trend {
                None => Some(Gap::Series),
                Some(it) if it.few_snapshots => {
                    Some(Gap::Snapshots { have: it.snapshots as i64, need: SERIES })
                }
                Some(_) => None,
            },
            Cause::NeverFreed => never_freed::gap(lives, rows),
            Cause::OutlivesItsKind => outliving::gap(lives, rows),
        };
        let gap = general.into_iter().find(|it| it.0).map(|it| it.1).or(own)?;
        Some(NotKnown { cause, gap })
    };
    Cause::ALL.into_iter().filter_map(of).collect()
}
