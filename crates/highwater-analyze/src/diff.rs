//! The comparison of two profiles: what changed, and how sure that is.

use std::cmp::Ordering;

use highwater_profile::Profile;
use serde::Serialize;

use crate::estimate::{Sum, Z95};
use crate::rows::{self, Rows};
use crate::sites::{Equal, Site, Sites};
use crate::{AnalyzeError, Estimate, Frame, GroupBy, Header, Omitted, Query, RowKey, Unit};

/// What the shares of a diff are shares of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DiffMode {
    /// Of all changes, growth and shrinkage added up without their signs: pprof's `-base`.
    #[default]
    Base,
    /// Of the base profile: pprof's `-diff_base`.
    DiffBase,
}

/// How two profiles are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// Compare profiles even when their sampling intervals or units differ.
    pub force: bool,
    /// What shares are shares of.
    pub mode: DiffMode,
}

/// A change of a total.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Change {
    /// New value minus base value, with the errors of both.
    pub change: Estimate,
    /// The change as a share, see [`DiffMode`].
    pub fraction: f64,
    /// See [`DiffRow::significant`].
    pub significant: bool,
}

/// The answer of [`diff()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Diff {
    /// What the base is.
    pub base: Header,
    /// What the new profile is.
    pub new: Header,
    /// The change of the shown totals.
    pub total_change: Change,
    /// Smallest growth, in bytes, of code that held nothing in the base that is told from noise: 1.96² sampling
    /// intervals. 0 for exact profiles; `None` when the interval or the sizes are not known.
    pub minimum_detectable: Option<f64>,
    /// Significant growth first, by the lower end of its 95 % interval; then significant shrinkage, largest first; then
    /// what may be noise, largest first.
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
    /// New value minus base value, with the errors of both.
    pub change: Estimate,
    /// The change as a share, see [`DiffMode`].
    pub fraction: f64,
    /// The 95 % interval of the change does not contain 0; any change at all when the errors are not known.
    pub significant: bool,
    /// The stack that contributes most to the change, leaf first, without the frames that filters removed.
    pub stack: Vec<Frame>,
}

/// Compares two profiles, by source positions and never by addresses.
///
/// A change is significant when its 95 % interval, 1.96·√(V_base + V_new) to either side, does not contain 0. Blocks that
/// are live in both profiles of one process add to both variances, so the test errs on the side of silence.
/// `min_fraction` applies to shares of all changes; it never leaves out growth or shrinkage that stands out from a
/// known sampling error.
///
/// # Errors
/// When one of them has no values of the kind asked for; and, unless forced, when their sampling intervals or
/// units differ.
pub fn diff(
    base: &Profile,
    new: &Profile,
    query: &Query,
    options: &DiffOptions,
) -> Result<Diff, AnalyzeError> {
    let sites = collect(base, new, query, options)?;
    let changed = sites.all.iter().map(change);
    let all_changes = changed.fold(0u128, |sum, it| sum.saturating_add(it.magnitude()));
    let whole = match options.mode {
        DiffMode::Base => all_changes,
        DiffMode::DiffBase => sites.wholes[0],
    };

    let mut tallies = tally(&sites, query.by);
    tallies.sort_by(|a, b| a.rank().cmp_to(&b.rank()).then_with(|| a.key.label.cmp(&b.key.label)));
    let noise = tallies.iter().filter(|it| !it.significant() && !it.change.is_zero()).map(|it| it.change);
    let noise = Omitted::of(noise);

    let (mut kept, mut left_out): (Vec<_>, Vec<_>) = tallies
        .into_iter()
        .partition(|it| it.stands_out() || it.change.fraction_of(all_changes).abs() >= query.min_fraction);
    left_out.extend(kept.drain(query.limit.unwrap_or(usize::MAX).min(kept.len())..));

    let rows = kept
        .into_iter()
        .map(|it| DiffRow {
            base: it.base.estimate(),
            new: it.new.estimate(),
            change: it.change.estimate(),
            fraction: it.change.fraction_of(whole),
            significant: it.significant(),
            stack: sites.stack(&sites.all[it.heaviest]),
            key: it.key,
        })
        .collect();
    let total = sites.all.iter().map(change).fold(Sum::ZERO, |mut sum, it| {
        sum.add(it);
        sum
    });
    let [base, new] = sites.headers;
    Ok(Diff {
        total_change: Change {
            change: total.estimate(),
            fraction: total.fraction_of(whole),
            significant: significant(total.estimate()),
        },
        minimum_detectable: minimum_detectable(&base, &new),
        rows,
        omitted: Omitted::of(left_out.iter().map(|it| it.change).filter(|it| !it.is_zero())),
        noise,
        base,
        new,
    })
}

/// Collects the sites of both profiles once it is certain that they can be compared.
pub(crate) fn collect(
    base: &Profile,
    new: &Profile,
    query: &Query,
    options: &DiffOptions,
) -> Result<Sites<2>, AnalyzeError> {
    let sites = Sites::collect([base, new], query, Equal::Merged)?;
    let [base, new] = &sites.headers;
    if options.force {
        return Ok(sites);
    }
    if base.unit != new.unit {
        return Err(AnalyzeError::DifferentUnits {
            sample: new.sample.clone(),
            base: base.unit.to_string(),
            new: new.unit.to_string(),
        });
    }
    if base.interval_bytes != new.interval_bytes {
        return Err(AnalyzeError::DifferentIntervals { base: base.interval_bytes, new: new.interval_bytes });
    }
    Ok(sites)
}

/// A row while it is added up.
struct Tally {
    key: RowKey,
    base: Sum,
    new: Sum,
    change: Sum,
    /// Position of the site that contributes most.
    heaviest: usize,
}

/// Where a row stands: its group, and its place there (higher first).
struct Rank {
    group: u8,
    place: f64,
}

impl Rank {
    fn cmp_to(&self, other: &Self) -> Ordering {
        self.group.cmp(&other.group).then_with(|| other.place.total_cmp(&self.place))
    }
}

impl Tally {
    fn significant(&self) -> bool {
        significant(self.change.estimate())
    }

    /// Whether the change is significant though there is a sampling error.
    fn stands_out(&self) -> bool {
        self.significant() && self.change.estimate().standard_error.is_some_and(|it| it > 0.0)
    }

    fn rank(&self) -> Rank {
        let change = self.change.estimate();
        let magnitude = self.change.magnitude() as f64;
        match (self.significant(), change.value > 0) {
            (true, true) => Rank { group: 0, place: change.lower95().unwrap_or(magnitude) },
            (true, false) => Rank { group: 1, place: magnitude },
            (false, _) => Rank { group: 2, place: magnitude },
        }
    }
}

/// Adds up the sites by row.
fn tally(sites: &Sites<2>, by: GroupBy) -> Vec<Tally> {
    let mut rows = Rows::new(by);
    let mut tallies: Vec<Tally> = Vec::new();
    for (at, site) in sites.all.iter().enumerate() {
        // A site is a row of its own even where its cause is another's too.
        let row = if by == GroupBy::Site { at } else { rows.of(sites, sites.cause(site)) };
        if row == tallies.len() {
            let key = match by {
                GroupBy::Site => rows::key(by, &sites.symbols, sites.cause(site)),
                _ => rows.key(sites, row).clone(),
            };
            tallies.push(Tally { key, base: Sum::ZERO, new: Sum::ZERO, change: Sum::ZERO, heaviest: at });
        }
        let tally = &mut tallies[row];
        let [base, new] = site.sums;
        tally.base.add(base);
        tally.new.add(new);
        tally.change.add(change(site));
        if change(site).magnitude() > change(&sites.all[tally.heaviest]).magnitude() {
            tally.heaviest = at;
        }
    }
    tallies
}

fn change(site: &Site<2>) -> Sum {
    let [base, new] = site.sums;
    new.minus(base)
}

/// Whether the 95 % interval leaves out 0; any change at all when the error is not known.
fn significant(change: Estimate) -> bool {
    match (change.lower95(), change.upper95()) {
        (Some(lower), Some(upper)) => lower > 0.0 || upper < 0.0,
        _ => change.value != 0,
    }
}

/// Growth from nothing by `n` samples is `n` intervals with an error of √n intervals, for blocks that are small beside an
/// interval; it is significant from `n` = 1.96² on.
fn minimum_detectable(base: &Header, new: &Header) -> Option<f64> {
    if base.unit != Unit::Bytes || new.unit != Unit::Bytes {
        return None;
    }
    new.total.standard_error.and(base.total.standard_error)?;
    let interval = base.interval_bytes?.max(new.interval_bytes?);
    Some(if interval == 1 { 0.0 } else { Z95 * Z95 * interval as f64 })
}
