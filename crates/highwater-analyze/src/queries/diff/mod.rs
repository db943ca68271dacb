//! The comparison of two profiles: what changed, and how sure that is.

pub(crate) mod change;
pub(crate) mod compared;
pub(crate) mod options;
pub(crate) mod pair;
pub(crate) mod tally;
pub(crate) mod traces;

use highwater_profile::Profile;
use serde::Serialize;

use self::compared::Compared;
use self::tally::Tally;
use crate::caveat::Caveat;
use crate::error::AnalyzeError;
use crate::frames::frame::Frame;
use crate::group::RowKey;
use crate::queries::comparison::Overlap;
use crate::queries::diff::change::{Change, CohortEstimates, change_of, cohorts_of};
use crate::queries::diff::options::{DiffMode, DiffOptions};
use crate::queries::header::{Header, Omitted};
use crate::query::Query;
use crate::sample_kind::Unit;
use crate::statistics::change_test::{self, Side, Traces};
use crate::statistics::estimate::Estimate;
use crate::statistics::sampling::Draw;
use crate::statistics::sum::{Basis, Sum};

/// The answer of [`diff()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Diff {
    /// What the base is.
    pub base: Header,
    /// What the new profile is.
    pub new: Header,
    /// Which samples both have in common, and so how errors add up.
    pub overlap: Overlap,
    /// What the comparison does not know, and why the difference may not mean what it seems to.
    pub caveats: Vec<Caveat>,
    /// The change of the shown totals.
    pub total_change: Change,
    /// Smallest growth, in bytes, of code that held nothing in the base that would be significant in this comparison, with
    /// blocks that are small beside the sampling interval. 0 for exact profiles; `None` when the interval or the sizes
    /// are not known.
    pub minimum_detectable: Option<f64>,
    /// The false discovery rate that `significant` keeps.
    pub fdr: f64,
    /// Number of rows that were tested, shown or not.
    pub tested: usize,
    /// Growth that is significant or whose 95 % interval is above 0, by the lower end of that; then shrinkage in the same
    /// way; then what may be noise.
    pub rows: Vec<DiffRow>,
    /// What changed and is not in `rows`.
    pub omitted: Omitted,
    /// All changes that may be noise, in `rows` or not.
    pub noise: Omitted,
}

/// One row of a comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct DiffRow {
    /// What the row is about.
    pub key: RowKey,
    /// Flat value in the base.
    pub base: Estimate,
    /// Flat value in the new profile.
    pub new: Estimate,
    /// New value minus base value. Its error is that of the samples that are not in both.
    pub change: Estimate,
    /// Number of samples that the error of the change rests on.
    pub samples: f64,
    /// The change as a share, see [`DiffMode`].
    pub fraction: f64,
    /// The smallest false discovery rate at which the change is significant; 0 when it has no error. `None` where
    /// errors are not known, and where no sample is in only one of both.
    pub q_value: Option<f64>,
    /// `q_value` is not above the false discovery rate; any change at all when the errors are not known.
    pub significant: bool,
    /// For live values of two snapshots of one process.
    pub cohorts: Option<CohortEstimates>,
    /// The stack that contributes most to the change, leaf first, without the frames that filters removed.
    pub stack: Vec<Frame>,
}

/// Compares two profiles, by source positions and never by addresses.
///
/// Every row is tested, and the false discovery rate is kept over all of them with the procedure of Benjamini and
/// Hochberg; the mathematics is in `docs/ACCURACY.md`. `min_fraction` applies to shares of all changes; it never leaves out
/// growth or shrinkage that is significant though it has a sampling error.
///
/// # Errors
/// When one of them has no values of the kind asked for; and, unless forced, when they count in different units.
pub fn diff(
    base: &Profile,
    new: &Profile,
    query: &Query,
    options: &DiffOptions,
) -> Result<Diff, AnalyzeError> {
    let compared = Compared::of([base, new], query, options)?;
    Ok(ranked(&compared, query).into_answer(&compared, options))
}

/// The rows of a comparison that are shown, in their order.
pub(crate) struct Ranked<'a> {
    pub shown: Vec<&'a Tally>,
    omitted: Omitted,
}

/// The rows that a query asks for.
pub(crate) fn ranked<'a>(compared: &'a Compared<'_>, query: &Query) -> Ranked<'a> {
    let Compared { tallies, .. } = compared;
    let all_changes = all_changes(compared);
    let is_worth =
        |it: &&Tally| it.stands_out() || it.change.fraction_of(all_changes).abs() >= query.min_fraction;
    let mut kept: Vec<&Tally> = tallies.iter().filter(is_worth).collect();
    kept.sort_by(|a, b| a.cmp_rank(b));
    // Names decide only among equals, and are made only for those that may be shown.
    let limit = query.limit.unwrap_or(usize::MAX);
    if let Some(last) = limit.checked_sub(1).filter(|at| *at < kept.len()) {
        let equals = kept[last..].iter().take_while(|it| it.cmp_rank(kept[last]).is_eq()).count();
        kept.truncate(last + equals);
    }
    for equals in kept.chunk_by_mut(|a, b| a.cmp_rank(b).is_eq()).filter(|it| it.len() > 1) {
        equals.sort_by_cached_key(|it| compared.key(it).label);
    }
    kept.truncate(limit);
    let mut shown: Vec<usize> = kept.iter().map(|it| it.row).collect();
    shown.sort_unstable();
    let is_left_out = |it: &&Tally| !it.change.is_zero() && shown.binary_search(&it.row).is_err();
    let omitted = Omitted::of(tallies.iter().filter(is_left_out).map(|it| it.change));
    Ranked { shown: kept, omitted }
}

/// All changes, growth and shrinkage added up without their signs.
fn all_changes(compared: &Compared<'_>) -> u128 {
    let changed = compared.pair.sites.all.iter().map(|it| compared.pair.change(it));
    changed.fold(0u128, |sum, it| sum.saturating_add(it.magnitude()))
}

impl Ranked<'_> {
    pub fn into_answer(self, compared: &Compared<'_>, options: &DiffOptions) -> Diff {
        let Compared { pair, tallies, total, tested, .. } = compared;
        let whole = match options.mode {
            DiffMode::Base => all_changes(compared),
            DiffMode::DiffBase => pair.sites.wholes[0],
        };
        let significant = tallies.iter().filter(|it| it.significant && it.q_value.is_some()).count();
        let noise = tallies.iter().filter(|it| !it.significant && !it.change.is_zero()).map(|it| it.change);
        let row = |it: &&Tally| DiffRow {
            key: compared.key(it),
            base: it.sums[0].estimate(),
            new: it.sums[1].estimate(),
            change: it.change.estimate(),
            samples: it.change.samples(),
            fraction: it.change.fraction_of(whole),
            q_value: it.q_value,
            significant: it.significant,
            cohorts: cohorts_of(pair, it),
            stack: compared.stack(it),
        };
        let threshold = options.fdr * (significant + 1) as f64 / (*tested + 1) as f64;
        let [base, new] = &pair.sites.headers;
        Diff {
            rows: self.shown.iter().map(row).collect(),
            total_change: change_of(pair, total, whole, total.significant),
            overlap: pair.comparison.overlap,
            caveats: pair.comparison.caveats.clone(),
            minimum_detectable: minimum_detectable(base, new, threshold),
            fdr: options.fdr,
            tested: *tested,
            omitted: self.omitted,
            noise: Omitted::of(noise),
            base: base.clone(),
            new: new.clone(),
        }
    }
}

/// Growth from nothing by `n` samples of small blocks is `n` intervals: the smallest that has a p-value of at most
/// `threshold`, which is what one more discovery would need.
fn minimum_detectable(base: &Header, new: &Header, threshold: f64) -> Option<f64> {
    /// More samples than any test needs whose level can be told from 0.
    const MOST: u32 = 2000;
    if base.unit != Unit::Bytes || new.unit != Unit::Bytes {
        return None;
    }
    new.total.standard_error.and(base.total.standard_error)?;
    let interval = base.interval_bytes?.max(new.interval_bytes?);
    if interval == 1 {
        return Some(0.0);
    }
    let weight = interval as f64;
    let one = Traces::of(&Draw { interval, size: 1.0, samples: 1.0, unit: 1.0 }, Side::New, interval);
    let is_detected = |samples: &u32| {
        let samples = f64::from(*samples);
        let basis = Basis { variance: samples * weight * weight, third: 0.0, unseen: 0.0, samples };
        let mut new = Traces::default();
        new.add(&one, samples);
        let change = Sum::new((samples * weight) as i64, Some(basis));
        change_test::p_value(change, &Traces::default(), &new).is_some_and(|it| it <= threshold)
    };
    (1..=MOST).find(is_detected).map(|samples| f64::from(samples) * weight)
}
