//! What is alive and should not be, by the cause that the data shows.
//!
//! A profile cannot say what is still needed. What it can say is that memory behaves as forgotten memory does, and there
//! are three such ways, each with evidence of its own ([`LeakEvidence`]). What the files do not allow to be known is said
//! as well ([`Leaks::not_known`]).

pub(crate) mod leak;
pub(crate) mod never_freed;
pub(crate) mod outliving;
pub(crate) mod suppress;

use highwater_profile::Profile;
use serde::Serialize;

use crate::findings::gap::Gap;
use crate::findings::history::History;
use crate::findings::leaks::leak::{Cause, Leak, LeakEvidence, NotKnown};
use crate::findings::lives::value::Value;
use crate::findings::lives::{Life, Lives};
use crate::queries::header::{Header, Omitted};
use crate::query::Query;
use crate::series::trend::classify::TrendEvidence;
use crate::series::trend::{Trend, TrendRow};
use never_freed::never_freed;
use suppress::{Suppressed, Suppression};

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

/// Finds what is alive in `last` and should not be. With `history` of the same process more can be told.
///
/// Nothing is a finding whose live bytes are not certainly above 0, or make up less than `min_fraction` of all. A row
/// is one finding, under the first cause of [`Cause::ALL`] that there is evidence for.
pub fn leaks(last: &Profile, history: &History, query: &Query, rules: &[Suppression]) -> Leaks {
    let lives = Lives::of(last, None, query);
    let rows = lives.rows(|_| false);
    let least = query.min_fraction * lives.header.shown_total.value as f64;
    let trends = history.leaking_rows();

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
