//! The rows of a comparison, the test of each, and their order.

use std::cmp::Ordering;

use super::pair::{Cohorts, Pair};
use super::traces::RowTraces;
use crate::group::GroupBy;
use crate::queries::branches::Branches;
use crate::queries::rows::Rows;
use crate::statistics;
use crate::statistics::change_test::{self, Traces};
use crate::statistics::sum::Sum;

/// A row.
pub(crate) struct Tally {
    /// Position among the rows; grouped by site that of the site.
    pub row: usize,
    pub sums: [Sum; 2],
    /// What lives in both.
    pub seen_twice: Sum,
    pub change: Sum,
    /// How much it is at least, without its sign; below 0 where the interval holds 0.
    least: f64,
    /// Position of the site that contributes most.
    pub heaviest: usize,
    pub p_value: Option<f64>,
    /// Whether it has enough samples to be called a change, wherever they are.
    is_testable: bool,
    pub q_value: Option<f64>,
    pub significant: bool,
}

/// Adds up the sites by row, in order of appearance, and tests each row. The last is the total of all, whose test
/// stands alone.
pub(super) fn tally(pair: &Pair<'_>, rows: &mut Rows, fdr: f64) -> (Vec<Tally>, Tally) {
    let mut tallies: Vec<Tally> = Vec::new();
    let mut row_of = Vec::with_capacity(pair.sites.all.len());
    for (at, site) in pair.sites.all.iter().enumerate() {
        // A site is a row of its own even where its cause is another's too.
        let by_site = rows.by() == GroupBy::Site;
        let row = if by_site { at } else { rows.of(&pair.sites, pair.sites.cause(site)) };
        if row == tallies.len() {
            tallies.push(Tally::new(row, at));
        }
        // There are fewer rows than sites, and fewer of these than 2^32.
        row_of.push(row as u32);
        let tally = &mut tallies[row];
        tally.add(site.sums);
        // For now of the heaviest site.
        let change = pair.change(site);
        if tally.heaviest == at || change.magnitude() > tally.change.magnitude() {
            (tally.heaviest, tally.change) = (at, change);
        }
    }
    let traces = RowTraces::collect(pair, &row_of, tallies.len());
    drop(row_of);
    let (mut total, mut total_traces) = (Tally::new(0, 0), [Traces::default(); 2]);
    for (row, tally) in tallies.iter_mut().enumerate() {
        let (traces, seen_twice) = traces.of(pair, row);
        tally.seen_twice = seen_twice;
        tally.test(pair, &traces, fdr);
        total.add(tally.sums);
        total.seen_twice.add(seen_twice);
        total_traces.iter_mut().zip(&traces).for_each(|(sum, part)| sum.add(part, 1.0));
    }
    total.test(pair, &total_traces, fdr);
    total.significant = total.is_significant_alone(fdr);
    (tallies, total)
}

/// Adds up the sites by the nodes of a call tree, each with all that is below it, and tests each node.
pub(crate) fn tally_nodes(pair: &Pair<'_>, branches: &Branches, fdr: f64) -> Vec<Tally> {
    let mut tallies: Vec<Tally> = (0..branches.all.len()).map(|at| Tally::new(at, 0)).collect();
    for (site, &at) in pair.sites.all.iter().zip(&branches.of_site) {
        tallies[at as usize].add(site.sums);
    }
    let by_node = RowTraces::collect(pair, &branches.of_site, tallies.len());
    let mut traces = Vec::with_capacity(tallies.len());
    for (node, tally) in tallies.iter_mut().enumerate() {
        let (own, seen_twice) = by_node.of(pair, node);
        tally.seen_twice = seen_twice;
        traces.push(own);
    }
    branches.add_up(&mut tallies, |sum, below| {
        sum.add(below.sums);
        sum.seen_twice.add(below.seen_twice);
    });
    branches.add_up(&mut traces, |sum: &mut [Traces; 2], below| {
        sum.iter_mut().zip(below).for_each(|(sum, part)| sum.add(part, 1.0));
    });
    tallies.iter_mut().zip(&traces).for_each(|(it, traces)| it.test(pair, traces, fdr));
    tallies
}

impl Tally {
    fn new(row: usize, heaviest: usize) -> Self {
        Self {
            row,
            sums: [Sum::ZERO; 2],
            seen_twice: Sum::ZERO,
            change: Sum::ZERO,
            least: 0.0,
            heaviest,
            p_value: None,
            is_testable: false,
            q_value: None,
            significant: false,
        }
    }

    fn add(&mut self, sums: [Sum; 2]) {
        self.sums.iter_mut().zip(sums).for_each(|(sum, part)| sum.add(part));
    }

    fn test(&mut self, pair: &Pair<'_>, [base, new]: &[Traces; 2], fdr: f64) {
        self.change = self.cohorts(pair).change();
        let change = self.change.estimate();
        let (value, [below, above]) = (change.value as f64, change.margins95().unwrap_or_default());
        self.least = value.abs() - if value > 0.0 { below } else { above };
        self.p_value = change_test::p_value(self.change, base, new);
        self.is_testable = self.p_value.is_some() && change_test::least_p_value(base, new) <= fdr;
    }

    pub fn cohorts(&self, pair: &Pair<'_>) -> Cohorts {
        pair.cohorts(self.sums, self.seen_twice)
    }

    /// Whether the change is significant as the only one that is tested.
    pub fn is_significant_alone(&self, fdr: f64) -> bool {
        is_significant(self.p_value, self.change, fdr)
    }

    /// Whether the change is significant though there is a sampling error.
    pub fn stands_out(&self) -> bool {
        self.significant && self.change.variance().is_some_and(|it| it > 0.0)
    }

    /// Growth that is certain enough first, by the lower end of its interval; then such shrinkage, by the other end; then
    /// the rest of both in the same order.
    pub fn cmp_rank(&self, other: &Self) -> Ordering {
        let rank = |it: &Self| {
            let grows = it.change.value() > 0;
            let group = match (it.significant || it.least > 0.0, grows) {
                (true, true) => 0,
                (true, false) => 1,
                (false, true) => 2,
                (false, false) => 3,
            };
            (group, it.least)
        };
        let (own, others) = (rank(self), rank(other));
        own.0.cmp(&others.0).then_with(|| others.1.total_cmp(&own.1))
    }
}

/// Sets the q-values of all rows that can be tested, and what is significant at this false discovery rate. Returns how
/// many were tested.
pub(crate) fn judge(tallies: &mut [Tally], fdr: f64) -> usize {
    let p_value = |it: &Tally| it.p_value.filter(|_| it.is_testable);
    let p_values: Vec<f64> = tallies.iter().filter_map(p_value).collect();
    let mut q_values = statistics::q_values(&p_values).into_iter();
    for tally in tallies {
        tally.q_value = p_value(tally).and_then(|_| q_values.next());
        tally.significant = is_significant(tally.q_value, tally.change, fdr);
    }
    p_values.len()
}

/// Whether a change is asserted: any at all where its error is not known.
fn is_significant(q_value: Option<f64>, change: Sum, fdr: f64) -> bool {
    match (q_value, change.variance()) {
        _ if change.is_zero() => false,
        (Some(q_value), _) => q_value <= fdr,
        (None, variance) => variance.is_none(),
    }
}
