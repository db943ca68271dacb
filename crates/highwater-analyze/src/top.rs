//! The ranking: which code holds the most.

use highwater_profile::Profile;
use serde::Serialize;

use crate::estimate::Sum;
use crate::rows::{self, Rows};
use crate::sites::{Site, Sites};
use crate::symbols::SymbolId;
use crate::{AnalyzeError, Estimate, Frame, GroupBy, Header, Omitted, Query, RowKey};

/// The answer of [`top()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Top {
    /// What the rows are about.
    pub header: Header,
    /// Largest flat value first; or largest cumulative value, with [`Query::cumulative`].
    pub rows: Vec<TopRow>,
    /// What is not in `rows`.
    pub omitted: Omitted,
}

/// One row of a ranking.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TopRow {
    /// What the row is about.
    pub key: RowKey,
    /// What is attributed to the row itself. Over all rows these add up to the header's `shown_total`.
    pub flat: Estimate,
    /// `flat` as a share of the whole profile.
    pub flat_fraction: f64,
    /// What is attributed to the row or to anything called by it.
    pub cumulative: Estimate,
    /// `cumulative` as a share of the whole profile.
    pub cumulative_fraction: f64,
    /// The stack that contributes most to `flat`, leaf first, without the frames that filters removed. Empty for a row
    /// that nothing is attributed to.
    pub stack: Vec<Frame>,
}

/// Ranks the code of `profile`.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn top(profile: &Profile, query: &Query) -> Result<Top, AnalyzeError> {
    let sites = Sites::collect([profile], query)?;
    let [whole] = sites.wholes;
    let mut all = if query.by == GroupBy::Site { by_site(&sites) } else { by_frame(&sites, query) };
    if !query.cumulative {
        all.retain(|it| !it.flat.is_zero());
    }
    all.sort_by(|a, b| {
        let size = |it: &Tally| {
            let (flat, cumulative) = (it.flat.magnitude(), it.cumulative.magnitude());
            if query.cumulative { (cumulative, flat) } else { (flat, cumulative) }
        };
        size(b).cmp(&size(a)).then_with(|| a.key.label.cmp(&b.key.label))
    });

    let worth = |it: &Tally| {
        let share = |sum: Sum| sum.fraction_of(whole).abs();
        (if query.cumulative { share(it.cumulative) } else { share(it.flat) }) >= query.min_fraction
    };
    let (mut kept, mut left_out): (Vec<_>, Vec<_>) = all.into_iter().partition(worth);
    left_out.extend(kept.drain(query.limit.unwrap_or(usize::MAX).min(kept.len())..));

    let row = |tally: Tally| TopRow {
        key: tally.key,
        flat: tally.flat.estimate(),
        flat_fraction: tally.flat.fraction_of(whole),
        cumulative: tally.cumulative.estimate(),
        cumulative_fraction: tally.cumulative.fraction_of(whole),
        stack: tally.heaviest.map_or_else(Vec::new, |site| sites.stack(&sites.all[site])),
    };
    let omitted = Omitted::of(left_out.iter().map(|it| it.flat));
    let rows = kept.into_iter().map(row).collect();
    let [header] = sites.headers.clone();
    Ok(Top { header, rows, omitted })
}

/// A row while it is added up.
struct Tally {
    key: RowKey,
    flat: Sum,
    cumulative: Sum,
    /// Position of the site that contributes most to `flat`.
    heaviest: Option<usize>,
    /// Position of the last site that was counted, so that recursion counts once.
    last: Option<usize>,
}

impl Tally {
    fn new(key: RowKey) -> Self {
        Self { key, flat: Sum::ZERO, cumulative: Sum::ZERO, heaviest: None, last: None }
    }

    fn add(&mut self, sites: &Sites<1>, at: usize, is_cause: bool) {
        let size = |site: usize| sites.all[site].sums[0].magnitude();
        if is_cause {
            self.flat.add(sites.all[at].sums[0]);
            if self.heaviest.is_none_or(|heaviest| size(at) > size(heaviest)) {
                self.heaviest = Some(at);
            }
        }
        if self.last != Some(at) {
            self.last = Some(at);
            self.cumulative.add(sites.all[at].sums[0]);
        }
    }
}

fn by_site(sites: &Sites<1>) -> Vec<Tally> {
    let tally = |(at, site): (usize, &Site<1>)| {
        let cause = site.cause().map(|id| sites.symbols.get(id));
        let mut tally = Tally::new(rows::key(GroupBy::Site, cause));
        tally.add(sites, at, true);
        tally
    };
    sites.all.iter().enumerate().map(tally).collect()
}

fn by_frame(sites: &Sites<1>, query: &Query) -> Vec<Tally> {
    let mut rows = Rows::new(query.by);
    let mut tallies: Vec<Tally> = Vec::new();
    let mut add = |at: usize, symbol: Option<SymbolId>, is_cause: bool| {
        let row = rows.of(sites, symbol);
        if row == tallies.len() {
            tallies.push(Tally::new(rows.key(row).clone()));
        }
        tallies[row].add(sites, at, is_cause);
    };
    for (at, site) in sites.all.iter().enumerate() {
        add(at, site.cause(), true);
        for &symbol in site.cause_and_callers().iter().skip(1) {
            // Library code that calls the program's is no more a cause than library code that is called.
            if query.leaf || sites.symbols.get(symbol).is_actionable() {
                add(at, Some(symbol), false);
            }
        }
    }
    tallies
}
