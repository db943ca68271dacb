//! What could be done about the allocations of a program: findings that a person can act on, each with what it saves.
//!
//! There are five kinds ([`Measure`]), found in this order, so that nothing is said twice: what is built anew again and
//! again (*hoist*) takes its allocations along, and the others look at what is left.

mod bound;
mod hoist;
mod makers;
mod repeated;
mod reserve;
mod reuse;
mod shrink;

use highwater_profile::Profile;
use serde::Serialize;

use crate::estimate::Sum;
use crate::leaks::{Gap, History};
use crate::lives::{Life, Lives, Value};
use crate::{Estimate, Frame, Header, Omitted, Query, RowKey};

/// What could be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "measure", rename_all = "snake_case")]
pub enum Measure {
    /// Give a map or a queue a bound: it only grows.
    Bound {
        /// What it gains per hour; `None` where there is no series to tell.
        growth_per_hour: Option<Estimate>,
    },
    /// Trim large blocks that grew by doubling: as much as half of each may be unused.
    Shrink {
        /// Live bytes in such blocks.
        held_bytes: Estimate,
        /// The least size of a block that counts as large, in bytes.
        large_bytes: i64,
    },
    /// Build something once, and keep it: it is built again and again, and dropped.
    Hoist {
        /// The function that builds it.
        constructor: String,
        /// How often it was built; an estimate when blocks were sampled.
        times: i64,
        /// Lines below it that allocate.
        lines: usize,
        /// Share of what it allocated that was freed.
        freed_fraction: f64,
    },
    /// Ask for a capacity in advance: it grows by reallocation.
    Reserve {
        /// The capacity that most of these buffers come to, in bytes.
        capacity_bytes: i64,
        /// Share of the buffers that come to it.
        buffers_fraction: f64,
        /// Bytes that the other buffers would hold more: at the peak of the process or now, whichever is more.
        more_held_bytes: i64,
    },
    /// Keep a buffer, or pool blocks: they are of one size and live briefly.
    Reuse {
        /// The least size of these blocks, in bytes.
        least_bytes: i64,
        /// Their largest size, in bytes.
        most_bytes: i64,
        /// Share of the row's blocks that are temporary.
        temporary_fraction: f64,
    },
}

/// What is saved, in bytes or blocks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Saving {
    /// In the time that the answer is about; of memory that is held, what is no longer held.
    pub total: Estimate,
    /// Per second; `None` for memory that is held, and where the file does not say what time it is about.
    pub per_second: Option<Rate>,
}

/// Something per second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Rate {
    /// The estimate.
    pub value: f64,
    /// Its standard error; `None` where it is not known.
    pub standard_error: Option<f64>,
}

impl Rate {
    fn of(total: Estimate, seconds: f64) -> Self {
        let standard_error = total.standard_error.map(|it| it / seconds);
        Self { value: total.value as f64 / seconds, standard_error }
    }
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Advice {
    /// The line to change.
    pub key: RowKey,
    /// What to do there.
    #[serde(flatten)]
    pub measure: Measure,
    /// The line is a library's: it is for its authors to change.
    pub in_library: bool,
    /// The line of the program that called into the library, where the line to change is a library's.
    pub called_from: Option<RowKey>,
    /// Bytes that are not allocated (or copied, or held) any more.
    pub saves_bytes: Saving,
    /// Blocks that are not allocated any more; `None` for memory that is held.
    pub saves_blocks: Option<Saving>,
    /// The stack that allocated most, leaf first.
    pub stack: Vec<Frame>,
}

/// The kinds of [`Measure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// See [`Measure::Bound`].
    Bound,
    /// See [`Measure::Shrink`].
    Shrink,
    /// See [`Measure::Hoist`].
    Hoist,
    /// See [`Measure::Reserve`].
    Reserve,
    /// See [`Measure::Reuse`].
    Reuse,
}

impl Measure {
    /// Which of the five this is.
    pub fn kind(&self) -> MeasureKind {
        match self {
            Self::Bound { .. } => MeasureKind::Bound,
            Self::Shrink { .. } => MeasureKind::Shrink,
            Self::Hoist { .. } => MeasureKind::Hoist,
            Self::Reserve { .. } => MeasureKind::Reserve,
            Self::Reuse { .. } => MeasureKind::Reuse,
        }
    }
}

/// A kind of advice that cannot be given, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct NotPossible {
    /// The kind of advice.
    pub measure: MeasureKind,
    /// What is missing.
    pub gap: Gap,
}

/// The answer of [`advise()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Advices {
    /// What the last snapshot is.
    pub header: Header,
    /// The time that savings are about, in nanoseconds; `None` when the files do not say.
    pub period_ns: Option<i64>,
    /// All bytes that were allocated in that time.
    pub alloc_bytes: Estimate,
    /// All blocks that were allocated in that time.
    pub alloc_blocks: Estimate,
    /// The program's own lines first, then those of libraries: by kind, and within one what saves most, by the lower end of the
    /// 95 % interval. What is saved is counted once: all savings together are no more than there is.
    pub findings: Vec<Advice>,
    /// Findings beyond the limit.
    pub omitted: Omitted,
    /// Kinds of advice that the files do not allow.
    pub not_possible: Vec<NotPossible>,
}

/// Less is not worth a change, whatever share it is: a program allocates as much in a millisecond.
const LEAST_BYTES: f64 = 1_048_576.0;
const LEAST_BLOCKS: f64 = 1000.0;

/// What the rules look at.
struct Ground<'a> {
    lives: &'a Lives<'a>,
    history: &'a History,
    /// All that was allocated, and is live.
    total: SiteTotals,
    /// The least share of the whole that is worth a finding.
    min_fraction: f64,
    period_ns: Option<i64>,
}

struct SiteTotals {
    alloc_bytes: Sum,
    alloc_blocks: Sum,
    live_bytes: Sum,
}

impl Ground<'_> {
    /// What is saved of traffic.
    fn saving(&self, sum: Sum) -> Saving {
        let total = sum.estimate();
        Saving { total, per_second: self.period_ns.map(|it| Rate::of(total, it as f64 / 1e9)) }
    }

    /// Whether both certainly are more than nothing, and one is enough of all traffic, and enough in itself, to be worth a
    /// change.
    fn is_worthwhile(&self, bytes: Sum, blocks: Sum) -> bool {
        let certain = |sum: Sum| Some(sum.estimate()).filter(Estimate::stands_out)?.lower95();
        let (Some(least_bytes), Some(least_blocks)) = (certain(bytes), certain(blocks)) else { return false };
        let enough = |whole: Sum, least: f64| match self.min_fraction * whole.value() as f64 {
            0.0 => 0.0,
            share => share.max(least),
        };
        least_bytes >= enough(self.total.alloc_bytes, LEAST_BYTES)
            || least_blocks >= enough(self.total.alloc_blocks, LEAST_BLOCKS)
    }
}

/// Finds what could be done about the allocations since `earlier`, or since the start of the process. `earlier` is of the same
/// process as `last`, and so is `history`.
///
/// Nothing is a finding unless the lower end of what it saves is above 0, and at least `min_fraction` of all that was
/// allocated (in bytes or in blocks), or of what is live.
pub fn advise(last: &Profile, earlier: Option<&Profile>, history: &History, query: &Query) -> Advices {
    let lives = Lives::of(last, earlier, query);
    let all = |value: fn(&crate::lives::SiteValues) -> Sum| {
        (0..lives.sites.all.len()).fold(Sum::ZERO, |mut sum, at| {
            sum.add(value(lives.site(at)));
            sum
        })
    };
    let total = SiteTotals {
        alloc_bytes: all(|it| it.alloc_bytes),
        alloc_blocks: all(|it| it.alloc_blocks),
        live_bytes: all(|it| it.live_bytes),
    };
    let (alloc_bytes, alloc_blocks) = (total.alloc_bytes.estimate(), total.alloc_blocks.estimate());
    let period_ns = lives.period_ns();
    let ground = Ground { lives: &lives, history, total, min_fraction: query.min_fraction, period_ns };

    let (mut findings, is_hoisted) = hoist::find(&ground);
    let rows = lives.rows(|site| is_hoisted[site]);
    for (row, life) in rows.iter().enumerate() {
        // Of two that would save the same memory only one is a finding: what has a bound needs no trimming, and a buffer that is
        // kept has its capacity.
        let held = bound::find(&ground, row, life).or_else(|| shrink::find(&ground, life));
        let traffic = reuse::find(&ground, row, life).or_else(|| reserve::find(&ground, row, life));
        let in_library = lives.is_in_library(row);
        findings.extend([held, traffic].into_iter().flatten().map(|it| Advice {
            key: lives.key(row),
            measure: it.measure,
            in_library,
            called_from: if in_library { lives.called_from(life) } else { None },
            saves_bytes: it.bytes,
            saves_blocks: it.blocks,
            stack: lives.stack(life),
        }));
    }
    findings.sort_by(|a, b| {
        let certain = |it: &Advice| it.saves_bytes.total.lower95().unwrap_or(0.0);
        a.in_library
            .cmp(&b.in_library)
            .then_with(|| a.measure.kind().cmp(&b.measure.kind()))
            .then_with(|| certain(b).total_cmp(&certain(a)))
            .then_with(|| a.key.label.cmp(&b.key.label))
    });
    let beyond = findings.split_off(query.limit.unwrap_or(usize::MAX).min(findings.len()));
    let omitted = Omitted {
        rows: beyond.len(),
        value: beyond.iter().fold(0, |sum: i64, it| sum.saturating_add(it.saves_bytes.total.value)),
    };
    let not_possible = not_possible(&lives, &rows, history);
    Advices {
        header: lives.header.clone(),
        period_ns,
        alloc_bytes,
        alloc_blocks,
        findings,
        omitted,
        not_possible,
    }
}

/// What a rule found in a row.
struct Found {
    measure: Measure,
    bytes: Saving,
    blocks: Option<Saving>,
}

fn not_possible(lives: &Lives<'_>, rows: &[Life], history: &History) -> Vec<NotPossible> {
    let lacks = |value, gap| (!lives.has(value)).then_some(gap);
    let allocated = || lacks(Value::AllocBytes, Gap::AllocatedTotals);
    let errors = lives.header.interval_bytes.is_none().then_some(Gap::SamplingErrors);
    let live = || lacks(Value::LiveBytes, Gap::LiveTotals);
    let grown = || lacks(Value::GrownBlocks, Gap::Reallocations);
    let gaps = [
        (MeasureKind::Bound, errors.or_else(live).or_else(|| bound::gap(lives, rows, history))),
        (MeasureKind::Shrink, errors.or_else(live).or_else(grown)),
        (MeasureKind::Hoist, errors.or_else(allocated).or_else(live)),
        (MeasureKind::Reserve, errors.or_else(allocated).or_else(grown)),
        (
            MeasureKind::Reuse,
            errors.or_else(allocated).or_else(|| lacks(Value::TempBlocks, Gap::Temporaries)),
        ),
    ];
    gaps.into_iter().filter_map(|(measure, gap)| Some(NotPossible { measure, gap: gap? })).collect()
}

/// A sum, or what there is of it at the most.
fn at_most(sum: Sum, whole: Sum) -> Sum {
    if sum.exact() > whole.exact() { whole } else { sum }
}

/// The share that one sum is of another; 0 of nothing.
fn share(part: Sum, whole: Sum) -> f64 {
    part.fraction_of(whole.magnitude())
}
