//! The gate: whether a profile holds more than a baseline allows.
//!
//! Growth is compared with an allowance, and what is judged is the **excess**, growth minus allowance, with its sampling
//! error. With `B` and `N` for base and new, and their variances `V_B` and `V_N`, the excess over a share `f` of the base is
//! `N - (1+f)·B` with variance `V_N + (1+f)²·V_B`; over a fixed number `a` it is `N - B - a` with variance `V_N + V_B`. The
//! profiles are of different runs, so nothing cancels; if they are of one process
//! after all, the blocks that live in both do. Base and new may have different sampling intervals: both
//! variances are known.
//!
//! An excess that is not decided has an interval that holds 0. With `k` times as many samples its margins are about √k times
//! smaller, so `k = (margin / excess)²` times as many decide, if the excess stays what it is.

use highwater_profile::Profile;
use serde::Serialize;

use crate::caveat::Caveat;
use crate::error::AnalyzeError;
use crate::frames::frame::Frame;
use crate::group::RowKey;
use crate::queries::diff::compared::Compared;
use crate::queries::diff::options::DiffOptions;
use crate::queries::diff::pair::{Cohorts, Pair};
use crate::queries::diff::tally::Tally;
use crate::queries::header::{Header, Omitted};
use crate::query::Query;
use crate::sample_kind::{Course, SampleKind};
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// How much growth is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Allowance {
    /// A share of the base: 0.05 for five per cent.
    Share(f64),
    /// A fixed number, in the unit of the values.
    Fixed(i64),
}

/// What a gate asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckOptions {
    /// What the total, and each row, may grow by.
    pub max_growth: Allowance,
    /// Largest share of false alarms among the rows that are called regressions.
    pub fdr: f64,
}

/// What a gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The growth is certainly within what is allowed.
    Pass,
    /// Sampling does not allow it to be known.
    Inconclusive,
    /// The growth is certainly beyond it.
    Regression,
}

/// The growth of a total or a row beside what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Judgement {
    /// Value in the base.
    pub base: Estimate,
    /// Value in the new profile.
    pub new: Estimate,
    /// New value minus base value.
    pub growth: Estimate,
    /// The growth that is allowed.
    pub allowed: i64,
    /// Growth minus allowance. Its error is not that of the growth: an allowance that is a share of the base errs with it.
    pub excess: Estimate,
}

/// What a gate compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Judged {
    /// What the rows add up to.
    Rows,
    /// The highest number of live bytes of each process, which was counted and not sampled.
    ProcessPeak,
}

/// Why a gate cannot tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// There are too few samples: this would decide.
    TooFewSamples(Remedy),
    /// A file does not say how it was sampled.
    UnknownErrors,
    /// Neither profile has a sample of the values.
    NothingSampled,
    /// A recorder lost samples, and what is missing could decide.
    LostSamples,
}

/// What would decide a gate that cannot tell, if the excess stays what it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Remedy {
    /// How many times as many samples; `None` where the excess is 0, so that no number of them decides.
    pub samples_factor: Option<f64>,
    /// Runs of each side that would have to be merged.
    pub runs: Option<u64>,
    /// The sampling interval that would do, in bytes; 1 stands for exact mode.
    pub interval_bytes: i64,
}

/// A row that grew by more than is allowed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct CheckRow {
    /// What the row is about.
    pub key: RowKey,
    /// Its growth.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The stack that contributes most to the change, leaf first.
    pub stack: Vec<Frame>,
}

/// What a gate says of one kind of values.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct KindCheck {
    /// What the base is.
    pub base: Header,
    /// What the new profile is.
    pub new: Header,
    /// A regression when the total or a row is one; else what the total is.
    pub verdict: Verdict,
    /// What the total alone is.
    pub total_verdict: Verdict,
    /// The growth of the total that filters leave.
    pub total: Judgement,
    /// Why the total's verdict is that nothing is known.
    pub doubt: Option<Doubt>,
    /// What the comparison does not know.
    pub caveats: Vec<Caveat>,
    /// What the verdict on the total was made from.
    pub judged: Judged,
    /// The rows that are regressions, the largest certain excess first.
    pub regressions: Vec<CheckRow>,
    /// Of values at the peak the rows that certainly differ by more than is allowed. They are of two moments, so they explain
    /// what the peaks consist of, and are no regressions.
    pub explanation: Vec<CheckRow>,
    /// Regressions beyond the limit of rows.
    pub omitted: Omitted,
    /// Rows whose growth seems to be more than is allowed, and may be noise.
    pub undecided: Omitted,
}

/// The answer of [`check()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Check {
    /// The worst of all kinds' verdicts.
    pub verdict: Verdict,
    /// What was allowed.
    pub max_growth: Allowance,
    /// Largest share of false alarms among the rows that are called regressions.
    pub fdr: f64,
    /// One for each kind of values that was asked for.
    pub checks: Vec<KindCheck>,
}

/// Judges the growth from a baseline to a new profile, which are of different runs.
///
/// The total passes when the upper end of the 95 % interval of its excess is not above 0, and is a regression when
/// the lower end is. A row is a regression when its growth is significant at `fdr` and the lower end of its excess is above
/// 0, both over `max_growth` and over `min_fraction` of the base's total: a share of next to nothing is nothing. A row
/// alone is never a reason for doubt, since most rows have few samples, and every run would end in doubt.
///
/// Values at the peak are of another moment in each run, so their rows are never regressions. Their bytes are judged by the peak
/// that each process counted, where both files have it, whatever the filters.
///
/// # Errors
/// When one of the profiles has no values of a kind, or they count in different units.
pub fn check(
    base: &Profile,
    new: &Profile,
    query: &Query,
    kinds: &[SampleKind],
    options: &CheckOptions,
) -> Result<Check, AnalyzeError> {
    let default = [SampleKind::default_for(new)];
    let kinds = if kinds.is_empty() { &default } else { kinds };
    let checks: Result<Vec<_>, _> = kinds.iter().map(|kind| one(base, new, query, kind, options)).collect();
    let checks = checks?;
    Ok(Check {
        verdict: checks.iter().map(|it| it.verdict).max().unwrap_or(Verdict::Pass),
        max_growth: options.max_growth,
        fdr: options.fdr,
        checks,
    })
}

fn one(
    base_profile: &Profile,
    new_profile: &Profile,
    query: &Query,
    kind: &SampleKind,
    options: &CheckOptions,
) -> Result<KindCheck, AnalyzeError> {
    let profiles = [base_profile, new_profile];
    kind.column(base_profile)?;
    kind.column(new_profile)?;
    let [base_unit, new_unit] = profiles.map(|it| kind.unit(it));
    if base_unit != new_unit {
        return Err(Caveat::DifferentUnits {
            sample: kind.to_string(),
            base: base_unit.to_string(),
            new: new_unit.to_string(),
        }
        .into());
    }
    let query = Query { sample: Some(kind.clone()), ..query.clone() };
    // Runs are different processes by nature, and what their intervals differ by is in the variances.
    let compare = DiffOptions { force: true, fdr: options.fdr, ..DiffOptions::default() };
    let compared = Compared::of(profiles, &query, &compare)?;
    let [base, new] = &compared.pair.sites.headers;

    let peaks = process_peaks(profiles, kind);
    let judged = if peaks.is_some() { Judged::ProcessPeak } else { Judged::Rows };
    let total = match peaks {
        Some(sides) => sides,
        None => Sides::of(&compared.pair, &compared.total),
    };
    let total = total.judge(options.max_growth);
    let doubt = match judged {
        Judged::ProcessPeak => None,
        Judged::Rows => doubt(&total, compared.total.significant, base, new)
            .or_else(|| could_be_lost(&total, options.max_growth, base, new)),
    };
    let total_verdict = match doubt {
        Some(_) => Verdict::Inconclusive,
        None if total.excess.value > 0 => Verdict::Regression,
        None => Verdict::Pass,
    };

    let floor = (base.shown_total.value.max(0) as f64 * query.min_fraction).round() as i64;
    let (mut regressions, mut undecided) = (Vec::new(), Vec::new());
    // What the base lost may have been at any row.
    let lost_by_base = lost_bytes(base).unwrap_or(f64::INFINITY) * growth_factor(options.max_growth);
    // Only growth can exceed the floor.
    for row in compared.tallies.iter().filter(|it| it.change.value() > 0) {
        let judgement = Sides::of(&compared.pair, row).judge_row(options.max_growth, floor);
        let certain = judgement.excess.lower95().is_some_and(|it| it > lost_by_base);
        if row.significant && certain {
            regressions.push((row, judgement));
        } else if judgement.excess.value > 0 {
            undecided.push(row.change);
        }
    }
    let certain = |it: &Judgement| it.excess.lower95().unwrap_or(f64::MIN);
    let label = |row| compared.key(row).label;
    regressions.sort_by(|(a, its), (b, others)| {
        certain(others).total_cmp(&certain(its)).then_with(|| label(a).cmp(&label(b)))
    });
    let is_of_moments = kind.course() == Course::Peak;
    let rows_verdict =
        if regressions.is_empty() || is_of_moments { Verdict::Pass } else { Verdict::Regression };
    let beyond = regressions.split_off(query.limit.unwrap_or(usize::MAX).min(regressions.len()));
    let shown = regressions.into_iter().map(|(row, judgement)| CheckRow {
        key: compared.key(row),
        judgement,
        stack: compared.stack(row),
    });
    let shown: Vec<CheckRow> = shown.collect();
    Ok(KindCheck {
        verdict: total_verdict.max(rows_verdict),
        total_verdict,
        total,
        doubt,
        caveats: compared.pair.comparison.caveats.clone(),
        judged,
        regressions: if is_of_moments { Vec::new() } else { shown.clone() },
        explanation: if is_of_moments { shown } else { Vec::new() },
        omitted: Omitted::of(beyond.iter().map(|(row, _)| row.change)),
        undecided: Omitted::of(undecided.into_iter()),
        base: base.clone(),
        new: new.clone(),
    })
}

/// The peaks that two processes counted, where both files have them and that is what is asked for.
fn process_peaks(profiles: [&Profile; 2], kind: &SampleKind) -> Option<Sides> {
    let peak = |profile: &Profile| {
        let peak = profile.meta?.peak_bytes.filter(|_| *kind == SampleKind::PeakBytes)?;
        Some(Sum::counted(peak))
    };
    let (base, new) = (peak(profiles[0])?, peak(profiles[1])?);
    let cohorts = Cohorts { new, dead: base, survived: Sum::ZERO };
    Some(Sides { base, new, growth: cohorts.change(), cohorts })
}

/// How much of a profile's values was lost, at the most; `None` when that is not known.
fn lost_bytes(header: &Header) -> Option<f64> {
    header.lost.map_or(Some(0.0), |lost| lost.most.map(|it| it as f64))
}

/// By how much the excess falls for one byte more in the base.
fn growth_factor(allowance: Allowance) -> f64 {
    match allowance {
        Allowance::Share(share) => 1.0 + share,
        Allowance::Fixed(_) => 1.0,
    }
}

/// A doubt where what a recorder lost could turn the verdict around.
fn could_be_lost(total: &Judgement, allowance: Allowance, base: &Header, new: &Header) -> Option<Doubt> {
    let lost = if total.excess.value > 0 {
        total.excess.lower95()? - lost_bytes(base).unwrap_or(f64::INFINITY) * growth_factor(allowance) <= 0.0
            && base.lost.is_some()
    } else {
        total.excess.upper95()? + lost_bytes(new).unwrap_or(f64::INFINITY) > 0.0 && new.lost.is_some()
    };
    lost.then_some(Doubt::LostSamples)
}

/// A row, or the total, in both profiles.
struct Sides {
    base: Sum,
    new: Sum,
    growth: Sum,
    cohorts: Cohorts,
}

impl Sides {
    fn of(pair: &Pair<'_>, row: &Tally) -> Self {
        let [base, new] = row.sums;
        Self { base, new, growth: row.change, cohorts: row.cohorts(pair) }
    }

    fn judge(&self, allowance: Allowance) -> Judgement {
        let (allowed, share) = match allowance {
            Allowance::Share(share) => ((self.base.value() as f64 * share).round() as i64, share),
            Allowance::Fixed(number) => (number, 0.0),
        };
        let growth = self.growth.estimate();
        let excess = if share == 0.0 {
            growth.less(allowed)
        } else {
            Estimate { value: growth.value.saturating_sub(allowed), ..self.excess_over(share).estimate() }
        };
        let [base, new] = [self.base, self.new].map(Sum::estimate);
        Judgement { base, new, growth, allowed, excess }
    }

    /// A row has to exceed both the allowance and the floor: the one that leaves less certainty counts.
    fn judge_row(&self, allowance: Allowance, floor: i64) -> Judgement {
        let (asked, least) = (self.judge(allowance), self.judge(Allowance::Fixed(floor)));
        let certain = |it: &Judgement| it.excess.lower95().unwrap_or(it.excess.value as f64);
        if certain(&least) < certain(&asked) { least } else { asked }
    }

    /// `N - (1+f)·B`; where `S` is in both, that is the new less `1+f` times the dead and `f` times `S`.
    fn excess_over(&self, share: f64) -> Sum {
        let Cohorts { new, dead, survived } = self.cohorts;
        let mut base = dead.scaled(1.0 + share);
        base.add(survived.scaled(share));
        new.minus(base)
    }
}

/// Why the excess of the total may be above or below 0 by chance only, if it may.
fn doubt(total: &Judgement, is_significant: bool, base: &Header, new: &Header) -> Option<Doubt> {
    let (Some(lower), Some(upper)) = (total.excess.lower95(), total.excess.upper95()) else {
        return Some(Doubt::UnknownErrors);
    };
    if base.samples == 0 && new.samples == 0 && !(base.exact && new.exact) {
        return Some(Doubt::NothingSampled);
    }
    if upper <= 0.0 || lower > 0.0 && is_significant {
        return None;
    }
    let interval = base.interval_bytes?.max(new.interval_bytes?);
    // The one towards 0.
    let [below, above] = total.excess.margins95()?;
    let margin = if total.excess.value > 0 { below } else { above };
    // Where it is the small number of samples that is in doubt, and not the interval, twice as many are a beginning.
    let factor = (total.excess.value != 0).then(|| (margin / total.excess.value as f64).powi(2).max(2.0));
    Some(Doubt::TooFewSamples(Remedy {
        samples_factor: factor,
        runs: factor.map(|it| it.ceil() as u64),
        interval_bytes: factor.map_or(1, |it| round_down(interval as f64 / it)),
    }))
}

/// The power of two at or below a number of bytes; 1 below 16, where exact mode costs no more.
fn round_down(bytes: f64) -> i64 {
    if bytes < 16.0 { 1 } else { 1 << (bytes.log2().floor() as u32).min(62) }
}
