//! What could be done about the allocations of a program: findings that a person can act on, each with what it saves.
//!
//! Two kinds are about the resident set ([`resident`]). The other five ([`Measure`]) are found in this order, so that nothing is
//! said twice: what is built anew again and again (*hoist*) takes its allocations along, and the others look at what is left.

pub(crate) mod advice;
pub(crate) mod bound;
pub(crate) mod ground;
pub(crate) mod hoist;
mod makers;
pub(crate) mod repeated;
pub(crate) mod reserve;
pub(crate) mod resident;
pub(crate) mod reuse;
pub(crate) mod shrink;

use highwater_profile::Profile;
use serde::Serialize;

use crate::findings::advise::advice::{Advice, MeasureKind};
use crate::findings::advise::ground::{Ground, SiteTotals};
use crate::findings::gap::Gap;
use crate::findings::history::History;
use crate::findings::lives::value::Value;
use crate::findings::lives::{Life, Lives};
use crate::frames::types::of_frames::of_frames;
use crate::queries::header::{Header, Omitted};
use crate::query::Query;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

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

/// Finds what could be done about the allocations since `earlier`, or since the start of the process. `earlier` is of the same
/// process as `last`, and so is `history`.
///
/// A finding saves more than 0 at the lower end of its interval, and at least `min_fraction` of all that was
/// allocated (in bytes or in blocks), or of what is live.
pub fn advise(last: &Profile, earlier: Option<&Profile>, history: &History, query: &Query) -> Advices {
    let lives = Lives::of(last, earlier, query);
    let all = |value: fn(&crate::findings::lives::SiteValues) -> Sum| {
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
            // Named below: few findings are shown.
            container: None,
            in_library,
            called_from: if in_library { lives.called_from(life) } else { None },
            saves_bytes: it.bytes,
            saves_blocks: it.blocks,
            stack: lives.stack(life),
        }));
    }
    findings.extend(resident::find(last, query));
    findings.sort_by(|a, b| {
        let certain = |it: &Advice| it.saves_bytes.total.lower95().unwrap_or(0.0);
        a.in_library
            .cmp(&b.in_library)
            .then_with(|| a.measure.kind().cmp(&b.measure.kind()))
            .then_with(|| certain(b).total_cmp(&certain(a)))
            .then_with(|| a.key.label.cmp(&b.key.label))
    });
    let beyond = findings.split_off(query.limit.unwrap_or(usize::MAX).min(findings.len()));
    let is_of_blocks = |it: &&mut Advice| it.measure.kind() != MeasureKind::Hoist;
    for finding in findings.iter_mut().filter(is_of_blocks) {
        finding.container = of_frames(&finding.stack, &query.containers);
    }
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
