//! The ranking: which code holds the most.

use std::cmp::Reverse;

use hashbrown::HashMap;
use highwater_profile::Profile;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::frames::frame::Frame;
use crate::frames::symbols::SymbolId;
use crate::group::{GroupBy, RowKey};
use crate::queries::header::{Header, Omitted};
use crate::queries::rows::{self, RowId, Rows};
use crate::queries::sites::{Equal, Sites};
use crate::query::Query;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

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
    let equal = if query.by == GroupBy::Site { Equal::Merged } else { Equal::Apart };
    Ok(of_sites(&Sites::collect([profile], query, equal)?, 0, query))
}

/// The ranking of the values in one slot of the sites, which are merged if they are what is ranked.
pub(crate) fn of_sites<const N: usize>(sites: &Sites<N>, slot: usize, query: &Query) -> Top {
    let whole = sites.wholes[slot];
    let limit = query.limit.unwrap_or(usize::MAX);
    let is_worth = |sum: Sum| sum.fraction_of(whole).abs() >= query.min_fraction;

    let mut rows = Rows::new(query.by);
    let (mut tallies, causes) = flat(sites, slot, query, &mut rows);
    let mut left_out: Vec<Tally>;
    if query.cumulative {
        add_callers((sites, slot), query, &causes, &mut rows, &mut tallies, true);
        (tallies, left_out) = tallies.into_iter().partition(|it| is_worth(it.cumulative));
    } else {
        tallies.retain(|it| !it.flat.is_zero());
        (tallies, left_out) = tallies.into_iter().partition(|it| is_worth(it.flat));
        // Of hundreds of thousands of rows a few are shown, and only of these it matters what they call: the largest,
        // and those that tie with the last of them.
        tallies.sort_by_key(|it| Reverse(it.flat.magnitude()));
        if let Some(last) = limit.checked_sub(1).and_then(|at| tallies.get(at)) {
            let least = last.flat.magnitude();
            let end = tallies.partition_point(|it| it.flat.magnitude() >= least);
            left_out.extend(tallies.drain(end..));
        }
        add_callers((sites, slot), query, &causes, &mut rows, &mut tallies, false);
    }
    let key = |it: &Tally| match query.by {
        GroupBy::Site => rows::key(query.by, &sites.symbols, sites.cause(&sites.all[it.row])),
        _ => rows.key(sites, it.row).clone(),
    };
    tallies.sort_by(|a, b| {
        let size = |it: &Tally| {
            let (flat, cumulative) = (it.flat.magnitude(), it.cumulative.magnitude());
            if query.cumulative { (cumulative, flat) } else { (flat, cumulative) }
        };
        size(b).cmp(&size(a)).then_with(|| key(a).label.cmp(&key(b).label))
    });
    left_out.extend(tallies.drain(limit.min(tallies.len())..));

    let row = |(tally, stack): (&Tally, Vec<Frame>)| TopRow {
        key: key(tally),
        flat: tally.flat.estimate(),
        flat_fraction: tally.flat.fraction_of(whole),
        cumulative: tally.cumulative.estimate(),
        cumulative_fraction: tally.cumulative.fraction_of(whole),
        stack,
    };
    let rows = tallies.iter().zip(heaviest_stacks((sites, slot), &causes, &tallies)).map(row).collect();
    let header = sites.headers[slot].clone();
    Top { header, rows, omitted: Omitted::of(left_out.iter().map(|it| it.flat)) }
}

/// A row while it is added up.
struct Tally {
    /// The row; grouped by site the position of the site.
    row: RowId,
    flat: Sum,
    cumulative: Sum,
}

impl Tally {
    fn new(row: RowId) -> Self {
        Self { row, flat: Sum::ZERO, cumulative: Sum::ZERO }
    }
}

/// What is attributed to each row itself, for the rows that anything is attributed to, in their order; and the row of each
/// site.
fn flat<const N: usize>(
    sites: &Sites<N>,
    slot: usize,
    query: &Query,
    rows: &mut Rows,
) -> (Vec<Tally>, Vec<RowId>) {
    let mut tallies: Vec<Tally> = Vec::new();
    let mut causes = Vec::with_capacity(sites.all.len());
    for (at, site) in sites.all.iter().enumerate() {
        // A site is a row of its own even where its cause is another's too.
        let row = if query.by == GroupBy::Site { at } else { rows.of(sites, sites.cause(site)) };
        if row == tallies.len() {
            tallies.push(Tally::new(row));
        }
        tallies[row].flat.add(site.sums[slot]);
        causes.push(row);
    }
    (tallies, causes)
}

/// For each of these rows the stack that contributes most to what is attributed to it; of equal ones the first.
fn heaviest_stacks<const N: usize>(
    (sites, slot): (&Sites<N>, usize),
    causes: &[RowId],
    tallies: &[Tally],
) -> Vec<Vec<Frame>> {
    let places: HashMap<RowId, usize> =
        tallies.iter().enumerate().map(|(place, it)| (it.row, place)).collect();
    let mut ids: HashMap<&[SymbolId], usize> = HashMap::new();
    // Place, first site and value of each distinct stack.
    let mut stacks: Vec<(usize, usize, Sum)> = Vec::new();
    for (at, (site, row)) in sites.all.iter().zip(causes).enumerate() {
        let Some(&place) = places.get(row) else { continue };
        let id = *ids.entry(sites.symbols_of(site)).or_insert_with(|| {
            stacks.push((place, at, Sum::ZERO));
            stacks.len() - 1
        });
        stacks[id].2.add(site.sums[slot]);
    }
    let mut heaviest: Vec<Option<(usize, Sum)>> = vec![None; tallies.len()];
    for (place, site, sum) in stacks {
        if heaviest[place].is_none_or(|(_, most)| sum.magnitude() > most.magnitude()) {
            heaviest[place] = Some((site, sum));
        }
    }
    let stack = |found: Option<(usize, Sum)>| found.map_or_else(Vec::new, |it| sites.stack(&sites.all[it.0]));
    heaviest.into_iter().map(stack).collect()
}

/// No tally, in a table of their positions.
const NOWHERE: u32 = u32::MAX;
/// Nobody has asked yet.
const UNKNOWN: u32 = u32::MAX - 1;

/// Adds to each row what it and all it calls hold; recursion counts once. With `all` the rows of callers that nothing is
/// attributed to join the others. `causes` has the row of each site.
fn add_callers<const N: usize>(
    (sites, value): (&Sites<N>, usize),
    query: &Query,
    causes: &[RowId],
    rows: &mut Rows,
    tallies: &mut Vec<Tally>,
    all: bool,
) {
    if query.by == GroupBy::Site {
        tallies.iter_mut().for_each(|it| it.cumulative = it.flat);
        return;
    }
    // There are fewer rows than symbols, and fewer of these than 2^32.
    let mut of_row = vec![NOWHERE; rows.len()];
    tallies.iter().zip(0..).for_each(|(it, at)| of_row[it.row] = at);
    // Of each symbol as a caller. Stacks are walked frame by frame, so this has to be small.
    let mut slots = vec![UNKNOWN; sites.symbols.len()];
    // For each tally the last site that was counted.
    let mut last = vec![usize::MAX; tallies.len()];
    for (at, site) in sites.all.iter().enumerate() {
        let mut add = |slot: u32, tallies: &mut Vec<Tally>| {
            let slot = slot as usize;
            if last.len() < tallies.len() {
                last.resize(tallies.len(), usize::MAX);
            }
            if last[slot] != at {
                last[slot] = at;
                tallies[slot].cumulative.add(site.sums[value]);
            }
        };
        if of_row[causes[at]] != NOWHERE {
            add(of_row[causes[at]], tallies);
        }
        for &symbol in sites.cause_and_callers(site).iter().skip(1) {
            let slot = &mut slots[symbol.index()];
            if *slot == UNKNOWN {
                // Library code that calls the program's is no more a cause than library code that is called.
                let counts = query.leaf || sites.symbols.get(symbol).is_actionable();
                *slot = if counts {
                    slot_of(rows.of(sites, Some(symbol)), &mut of_row, tallies, all)
                } else {
                    NOWHERE
                };
            }
            if *slot != NOWHERE {
                add(*slot, tallies);
            }
        }
    }
}

/// Position of a row's tally, which is made if it is wanted.
fn slot_of(row: RowId, of_row: &mut Vec<u32>, tallies: &mut Vec<Tally>, all: bool) -> u32 {
    if row >= of_row.len() {
        of_row.resize(row + 1, NOWHERE);
    }
    if of_row[row] == NOWHERE && all {
        of_row[row] = tallies.len() as u32;
        tallies.push(Tally::new(row));
    }
    of_row[row]
}
