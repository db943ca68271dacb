//! One function from close up: who calls it, and what it calls.

use std::collections::HashMap;

use highwater_profile::Profile;
use regex::Regex;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::frames::symbols::SymbolId;
use crate::group::RowKey;
use crate::queries::header::{Header, Omitted};
use crate::queries::rows::{RowId, Rows};
use crate::queries::sites::{Equal, Sites};
use crate::query::Query;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// The answer of [`peek()`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Peek {
    /// What the values are about.
    pub header: Header,
    /// What matched, largest cumulative value first. Empty when nothing did.
    pub functions: Vec<PeekFunction>,
    /// What matched and is not in `functions`; the value is the sum of their flat values.
    pub omitted: Omitted,
}

/// A function with its neighbours.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct PeekFunction {
    /// What the entry is about.
    pub key: RowKey,
    /// What is attributed to the function itself.
    pub flat: Estimate,
    /// `flat` as a share of the whole profile.
    pub flat_fraction: f64,
    /// What is attributed to the function or to anything called by it; recursion counts once.
    pub cumulative: Estimate,
    /// `cumulative` as a share of the whole profile.
    pub cumulative_fraction: f64,
    /// What of `cumulative` came through each caller, largest first.
    pub callers: Vec<PeekEdge>,
    /// What of `cumulative` went through each callee, largest first.
    pub callees: Vec<PeekEdge>,
}

/// A caller or a callee.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct PeekEdge {
    /// What the entry is about.
    pub key: RowKey,
    /// What came or went this way; recursion counts once.
    pub value: Estimate,
    /// `value` as a share of the function's cumulative value.
    pub fraction: f64,
}

/// Looks at the callers and callees of everything whose name, by the grouping of `query`, `wanted` matches; grouped by line
/// that name has the path of the source file in it.
///
/// Unlike in other answers, library code inside the frame that a value is attributed to is there to be looked at.
/// `limit` applies to what matched; `min_fraction` does not apply.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn peek(profile: &Profile, wanted: &Regex, query: &Query) -> Result<Peek, AnalyzeError> {
    let sites = Sites::collect([profile], query, Equal::Apart)?;
    let [whole] = sites.wholes;
    let mut view = CloseUp { rows: Rows::new(query.by), entries: Vec::new(), edges: HashMap::new() };
    for at in 0..sites.all.len() {
        view.add(&sites, at, wanted);
    }
    let rows = view.rows;

    let mut neighbours: HashMap<RowId, Neighbours> = HashMap::new();
    for ((caller, callee), edge) in view.edges {
        neighbours.entry(callee).or_default().callers.push((caller, edge.sum));
        neighbours.entry(caller).or_default().callees.push((callee, edge.sum));
    }
    let matched = view.entries.into_iter().enumerate().filter_map(|(row, entry)| Some((row, entry?)));
    let mut matched: Vec<(RowId, Entry)> = matched.collect();
    matched.sort_by(|(a, one), (b, other)| {
        let size = |it: &Entry| (it.cumulative.sum.magnitude(), it.flat.magnitude());
        size(other).cmp(&size(one)).then_with(|| rows.label(&sites, *a).cmp(rows.label(&sites, *b)))
    });
    let left_out = matched.split_off(query.limit.unwrap_or(usize::MAX).min(matched.len()));

    let function = |(row, entry): (RowId, Entry)| {
        let around = neighbours.remove(&row).unwrap_or_default();
        let (flat, cumulative) = (entry.flat, entry.cumulative.sum);
        PeekFunction {
            key: rows.key(&sites, row).clone(),
            flat: flat.estimate(),
            flat_fraction: flat.fraction_of(whole),
            cumulative: cumulative.estimate(),
            cumulative_fraction: cumulative.fraction_of(whole),
            callers: edges(around.callers, cumulative, &sites, &rows),
            callees: edges(around.callees, cumulative, &sites, &rows),
        }
    };
    let functions = matched.into_iter().map(function).collect();
    let [header] = sites.headers;
    Ok(Peek { header, functions, omitted: Omitted::of(left_out.into_iter().map(|it| it.1.flat)) })
}

#[derive(Default)]
struct Neighbours {
    callers: Vec<(RowId, Sum)>,
    callees: Vec<(RowId, Sum)>,
}

/// A list of neighbours, largest first.
fn edges(mut list: Vec<(RowId, Sum)>, whole: Sum, sites: &Sites<1>, rows: &Rows) -> Vec<PeekEdge> {
    list.sort_by(|a, b| {
        let label = |it: &(RowId, Sum)| rows.label(sites, it.0);
        b.1.magnitude().cmp(&a.1.magnitude()).then_with(|| label(a).cmp(label(b))).then(a.0.cmp(&b.0))
    });
    let edge = |(row, sum): (RowId, Sum)| PeekEdge {
        key: rows.key(sites, row).clone(),
        value: sum.estimate(),
        fraction: sum.fraction_of(whole.magnitude()),
    };
    list.into_iter().map(edge).collect()
}

/// A sum that counts each site once.
struct Once {
    sum: Sum,
    last: Option<usize>,
}

impl Once {
    const ZERO: Self = Self { sum: Sum::ZERO, last: None };

    fn add(&mut self, at: usize, sum: Sum) {
        if self.last != Some(at) {
            self.last = Some(at);
            self.sum.add(sum);
        }
    }
}

/// A matching row while it is added up.
struct Entry {
    flat: Sum,
    cumulative: Once,
}

struct CloseUp {
    rows: Rows,
    /// For each row seen, its sums if it matches.
    entries: Vec<Option<Entry>>,
    /// What passes between two rows (caller, callee) of which one matches.
    edges: HashMap<(RowId, RowId), Once>,
}

impl CloseUp {
    fn add(&mut self, sites: &Sites<1>, at: usize, wanted: &Regex) {
        let site = &sites.all[at];
        let [sum] = site.sums;
        let mut callee: Option<RowId> = None;
        if sites.symbols_of(site).is_empty() {
            let row = self.row(sites, None, wanted);
            self.count(row, at, sum, true);
        }
        for (position, &symbol) in sites.symbols_of(site).iter().enumerate() {
            let row = self.row(sites, Some(symbol), wanted);
            self.count(row, at, sum, position == sites.attributed(site));
            if let Some(callee) = callee
                && callee != row
                && (self.entries[row].is_some() || self.entries[callee].is_some())
            {
                self.edges.entry((row, callee)).or_insert(Once::ZERO).add(at, sum);
            }
            callee = Some(row);
        }
    }

    /// The row of a frame; it is asked whether it matches when it is seen first.
    fn row(&mut self, sites: &Sites<1>, symbol: Option<SymbolId>, wanted: &Regex) -> RowId {
        let row = self.rows.of(sites, symbol);
        if row == self.entries.len() {
            let matches = wanted.is_match(self.rows.label(sites, row));
            self.entries.push(matches.then_some(Entry { flat: Sum::ZERO, cumulative: Once::ZERO }));
        }
        row
    }

    fn count(&mut self, row: RowId, at: usize, sum: Sum, is_cause: bool) {
        if let Some(entry) = &mut self.entries[row] {
            entry.cumulative.add(at, sum);
            if is_cause {
                entry.flat.add(sum);
            }
        }
    }
}
