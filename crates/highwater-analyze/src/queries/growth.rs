//! The change between two profiles as a call tree: what differential flame graphs are drawn from.
//!
//! Growth and shrinkage are added up apart, so that what vanished is as wide as what appeared, and a caller whose callees
//! moved memory among each other shows both.

use highwater_profile::Profile;
use serde::Serialize;

use crate::caveat::Caveat;
use crate::error::AnalyzeError;
use crate::queries::branches::Branches;
use crate::queries::comparison::Overlap;
use crate::queries::diff::change::{Change, change_of};
use crate::queries::diff::options::DiffOptions;
use crate::queries::diff::pair::Pair;
use crate::queries::diff::tally;
use crate::queries::header::{Header, Omitted};
use crate::queries::rows::Rows;
use crate::query::Query;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::Sum;

/// The answer of [`growth()`]. A flat list, as [`Tree`](crate::Tree).
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Growth {
    /// What the base is.
    pub base: Header,
    /// What the new profile is.
    pub new: Header,
    /// Which samples both have in common, and so how errors add up.
    pub overlap: Overlap,
    /// Why the difference may not mean what it seems to.
    pub caveats: Vec<Caveat>,
    /// The change of the shown totals.
    pub total_change: Change,
    /// The false discovery rate that `significant` keeps.
    pub fdr: f64,
    /// Number of nodes that were tested, shown or not.
    pub tested: usize,
    /// The nodes, each before its children and those by how much changed in them. The first is the root, which stands for
    /// all samples and is named `[root]`.
    pub nodes: Vec<GrowthNode>,
    /// What changed and is not in `nodes`.
    pub omitted: Omitted,
}

/// One node of the change between two profiles, with everything below it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct GrowthNode {
    /// Distance from the root, which has 0. The parent is the nearest node before this one with a smaller depth.
    pub depth: usize,
    /// Name of the node, as of a row of the same grouping.
    pub label: String,
    /// Value in the base.
    pub base: Estimate,
    /// Value in the new profile.
    pub new: Estimate,
    /// New value minus base value, with the error of the samples that are not in both.
    pub change: Estimate,
    /// What the stacks that grew have grown by, added up.
    pub grown: i64,
    /// What the stacks that shrank have shrunk by, added up; not below 0.
    pub shrunk: i64,
    /// See [`DiffRow::q_value`](crate::DiffRow::q_value); all nodes are tested together.
    pub q_value: Option<f64>,
    /// `q_value` is not above the false discovery rate; any change at all when the errors are not known.
    pub significant: bool,
}

/// Compares two profiles along the call tree. Every node is tested with all that is below it, as
/// [`diff`](crate::diff()) tests rows; `min_fraction` is of all changes, growth and shrinkage added up without their signs.
///
/// # Errors
/// As [`diff`](crate::diff()).
pub fn growth(
    base: &Profile,
    new: &Profile,
    query: &Query,
    options: &DiffOptions,
) -> Result<Growth, AnalyzeError> {
    let pair = Pair::collect([base, new], query, options)?;
    let sites = &pair.sites;
    let mut rows = Rows::new(query.by);
    let branches = Branches::of(sites, &mut rows);
    let mut sums = vec![Sum::ZERO; branches.all.len()];
    for (site, &at) in sites.all.iter().zip(&branches.of_site) {
        sums[at as usize].add(pair.change(site));
    }
    let flat: Vec<Moved> = sums.into_iter().map(|it| Moved::of(it.value())).collect();
    let mut moved = flat.clone();
    branches.add_up(&mut moved, Moved::add);
    let mut tallies = tally::tally_nodes(&pair, &branches, options.fdr);
    let tested = tally::judge(&mut tallies, options.fdr);
    let whole = moved.first().map_or(0, Moved::width);
    let is_worth = |at: usize| {
        let width = moved[at].width();
        width > 0 && width as f64 >= query.min_fraction * whole as f64
    };
    let shown = branches.shown((sites, &rows), query.limit, is_worth, |at| moved[at].width());
    let node = |&(at, depth): &(usize, usize)| {
        let tally = &tallies[at];
        GrowthNode {
            depth,
            label: branches.label(at, sites, &rows).to_owned(),
            base: tally.sums[0].estimate(),
            new: tally.sums[1].estimate(),
            change: tally.change.estimate(),
            grown: moved[at].grown,
            shrunk: moved[at].shrunk,
            q_value: tally.q_value,
            significant: tally.significant,
        }
    };
    let nodes = shown.iter().map(node).collect();
    let mut omitted = flat;
    shown.iter().for_each(|&(at, _)| omitted[at] = Moved::default());
    omitted.retain(|it| it.width() > 0);
    // The first stands for all.
    let total = &tallies[0];
    let total_change = change_of(&pair, total, whole, total.is_significant_alone(options.fdr));
    let [base, new] = pair.sites.headers;
    Ok(Growth {
        base,
        new,
        overlap: pair.comparison.overlap,
        caveats: pair.comparison.caveats,
        total_change,
        fdr: options.fdr,
        tested,
        nodes,
        omitted: Omitted::of(
            omitted.into_iter().map(|it| Sum::new(it.grown.saturating_sub(it.shrunk), None)),
        ),
    })
}

/// What changed below a node.
#[derive(Clone, Copy, Default)]
struct Moved {
    grown: i64,
    shrunk: i64,
}

impl Moved {
    fn of(change: i64) -> Self {
        Self { grown: change.max(0), shrunk: change.min(0).saturating_neg() }
    }

    fn add(&mut self, below: &Self) {
        self.grown = self.grown.saturating_add(below.grown);
        self.shrunk = self.shrunk.saturating_add(below.shrunk);
    }

    fn width(&self) -> u128 {
        u128::from(self.grown.unsigned_abs()) + u128::from(self.shrunk.unsigned_abs())
    }
}
