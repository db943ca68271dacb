//! Whose allocations make up a spike.

use highwater_profile::Profile;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::frames::frame::Frame;
use crate::group::{GroupBy, RowKey};
use crate::queries::header::{Header, Omitted};
use crate::queries::rows::{self, Rows};
use crate::queries::sites::{Equal, Part, Site, Sites};
use crate::query::Query;
use crate::sample_kind::SampleKind;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// The answer of [`explain`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Suspects {
    /// What the snapshot after the spike is, and what it has allocated so far; its live bytes, where the files have no
    /// cumulative values.
    pub header: Header,
    /// The files have no cumulative values, so that rows are ranked by how live bytes rose. Temporary blocks do not show.
    pub only_live: bool,
    /// Those that explain most first, by the lower end of the interval of [`SpikeRow::excess`].
    pub rows: Vec<SpikeRow>,
    /// The excess of rows that are not in `rows`.
    pub omitted: Omitted,
}

/// What a row did in the interval of a spike, in bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct SpikeRow {
    /// What the row is about.
    pub key: RowKey,
    /// What it allocated in the interval.
    pub allocated: Estimate,
    /// What it allocates in so much time in the rest of the series; `None` when there is no rest.
    pub usual: Option<Estimate>,
    /// What it allocated beyond the usual; how its live bytes rose, where the files have no cumulative values.
    pub excess: Estimate,
    /// How its live bytes changed.
    pub live_change: Estimate,
    /// What it held when the process had most bytes live, if that was in the interval.
    pub at_peak: Option<Estimate>,
    /// The stack with the largest excess, leaf first, without the frames that filters removed.
    pub stack: Vec<Frame>,
}

/// Slots of sums: what was allocated by the first snapshot of the series, by those before and after the spike, by the last.
const ALLOCATED: [usize; 4] = [0, 1, 2, 3];
const LIVE_BEFORE: usize = 4;
const SURVIVED: usize = 5;
const LIVE_AFTER: usize = 6;
const AT_PEAK: usize = 7;
const SLOTS: usize = 8;

/// Ranks rows by what they allocated in the interval of a spike beyond what they usually do.
///
/// `series` are four snapshots of one process with their symbols: the first of the series, those before and after the spike,
/// the last; the first may be the one before, and the last the one after. Cumulative values only grow, so what was allocated
/// between two snapshots errs by its own samples alone.
///
/// # Errors
/// When the snapshots around the spike have no live values.
pub fn explain(series: [&Profile; 4], query: &Query) -> Result<Suspects, AnalyzeError> {
    let [_, before, after, _] = series;
    let live = [SampleKind::LiveBytes.column(before)?, SampleKind::LiveBytes.column(after)?];
    let allocated: Result<Vec<usize>, _> =
        series.iter().map(|it| SampleKind::AllocBytes.column(it)).collect();
    let only_live = allocated.is_err();
    let peak_rose = peak(before).zip(peak(after)).is_some_and(|(before, after)| after > before);
    let at_peak = SampleKind::PeakBytes.column(after).ok().filter(|_| peak_rose);

    let mut parts: [Vec<Part>; 4] = Default::default();
    let part = |slot, column| Part { slot, column, seen_by: None };
    for ((parts, slot), column) in parts.iter_mut().zip(ALLOCATED).zip(allocated.unwrap_or_default()) {
        parts.push(part(slot, column));
    }
    parts[1].push(part(LIVE_BEFORE, live[0]));
    parts[2].push(part(LIVE_AFTER, live[1]));
    let epoch = before.meta.and_then(|it| it.epoch).filter(|_| has_births(after));
    parts[2].extend(epoch.map(|epoch| Part { slot: SURVIVED, column: live[1], seen_by: Some(epoch) }));
    parts[2].extend(at_peak.map(|column| part(AT_PEAK, column)));

    let kind = if only_live { SampleKind::LiveBytes } else { SampleKind::AllocBytes };
    let header = Header::new(after, &kind);
    let mut sites: Sites<SLOTS> = Sites::new([(); SLOTS].map(|()| header.clone()));
    for (profile, parts) in series.into_iter().zip(&parts) {
        sites.add(profile, parts, query, Equal::Merged);
    }
    let elapsed =
        [(0, 1), (1, 2), (2, 3)].map(|(a, b)| series[b].time_ns.saturating_sub(series[a].time_ns) as f64);
    let scale = elapsed[1] / (elapsed[0] + elapsed[2]);
    let facts = Facts { only_live, cohorts: epoch.is_some(), scale: Some(scale).filter(|it| it.is_finite()) };
    Ok(rank(&sites, &facts, at_peak.is_some(), query))
}

fn peak(profile: &Profile) -> Option<i64> {
    profile.meta?.peak_bytes
}

fn has_births(profile: &Profile) -> bool {
    profile.strings.find("birth_epoch").is_some()
}

/// What is true of all rows.
struct Facts {
    only_live: bool,
    cohorts: bool,
    /// Length of the interval as a share of the rest of the series.
    scale: Option<f64>,
}

struct Tally {
    key: RowKey,
    sums: [Sum; SLOTS],
    heaviest: usize,
    most: f64,
}

/// A row's numbers as the answer has them.
struct Numbers {
    allocated: Estimate,
    usual: Option<Estimate>,
    excess: Estimate,
    live_change: Estimate,
}

impl Facts {
    fn numbers(&self, sums: &[Sum; SLOTS]) -> Numbers {
        let live_change = if self.cohorts {
            let new = sums[LIVE_AFTER].without(sums[SURVIVED]);
            let dead = sums[LIVE_BEFORE].without(sums[SURVIVED]);
            new.minus(dead)
        } else {
            sums[LIVE_AFTER].minus(sums[LIVE_BEFORE])
        };
        let live_change = live_change.estimate();
        let flow = |at: usize| sums[ALLOCATED[at + 1]].without(sums[ALLOCATED[at]]);
        let allocated = flow(1);
        if self.only_live {
            let allocated = allocated.estimate();
            return Numbers { allocated, usual: None, excess: live_change, live_change };
        }
        let usual = self.scale.map(|scale| {
            let mut rest = flow(0);
            rest.add(flow(2));
            rest.scaled(scale)
        });
        let excess = usual.map_or(allocated, |usual| allocated.minus(usual)).estimate();
        let (allocated, usual) = (allocated.estimate(), usual.map(Sum::estimate));
        Numbers { allocated, usual, excess, live_change }
    }
}

fn lower(estimate: &Estimate) -> f64 {
    estimate.lower95().unwrap_or(estimate.value as f64)
}

fn rank(sites: &Sites<SLOTS>, facts: &Facts, at_peak: bool, query: &Query) -> Suspects {
    let mut ids = Rows::new(query.by);
    let mut tallies: Vec<Tally> = Vec::new();
    for (at, site) in sites.all.iter().enumerate() {
        let row = if query.by == GroupBy::Site { at } else { ids.of(sites, sites.cause(site)) };
        if row == tallies.len() {
            let key = match query.by {
                GroupBy::Site => rows::key(query.by, &sites.symbols, sites.cause(site)),
                _ => ids.key(sites, row).clone(),
            };
            tallies.push(Tally { key, sums: [Sum::ZERO; SLOTS], heaviest: at, most: f64::NEG_INFINITY });
        }
        tallies[row].add(site, at, facts);
    }
    let mut ranked: Vec<(Numbers, Tally)> =
        tallies.into_iter().map(|it| (facts.numbers(&it.sums), it)).collect();
    ranked.retain(|(numbers, _)| lower(&numbers.excess) > 0.0);
    ranked.sort_by(|(a, at), (b, bt)| {
        lower(&b.excess).total_cmp(&lower(&a.excess)).then_with(|| at.key.label.cmp(&bt.key.label))
    });
    let whole: f64 = ranked.iter().map(|it| it.0.excess.value as f64).sum();
    let (mut kept, mut left_out): (Vec<_>, Vec<_>) =
        ranked.into_iter().partition(|it| it.0.excess.value as f64 >= query.min_fraction * whole);
    left_out.extend(kept.drain(query.limit.unwrap_or(usize::MAX).min(kept.len())..));
    let header = if facts.only_live { LIVE_AFTER } else { ALLOCATED[2] };
    Suspects {
        header: sites.headers[header].clone(),
        only_live: facts.only_live,
        rows: kept
            .into_iter()
            .map(|(numbers, tally)| SpikeRow {
                key: tally.key,
                allocated: numbers.allocated,
                usual: numbers.usual,
                excess: numbers.excess,
                live_change: numbers.live_change,
                at_peak: at_peak.then(|| tally.sums[AT_PEAK].estimate()),
                stack: sites.stack(&sites.all[tally.heaviest]),
            })
            .collect(),
        omitted: Omitted::of(left_out.iter().map(|it| Sum::new(it.0.excess.value, None))),
    }
}

impl Tally {
    fn add(&mut self, site: &Site<SLOTS>, at: usize, facts: &Facts) {
        for (sum, of_site) in self.sums.iter_mut().zip(site.sums) {
            sum.add(of_site);
        }
        let excess = facts.numbers(&site.sums).excess.value as f64;
        if excess > self.most {
            (self.heaviest, self.most) = (at, excess);
        }
    }
}
