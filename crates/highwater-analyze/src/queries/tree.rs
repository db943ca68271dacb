//! The call tree, from the root to the code that allocates.

use highwater_profile::Profile;
use serde::Serialize;

use crate::error::AnalyzeError;
use crate::frames::frame::Frame;
use crate::queries::branches::Branches;
use crate::queries::header::{Header, Omitted};
use crate::queries::rows::Rows;
use crate::queries::sites::{Equal, Sites};
use crate::query::Query;
use crate::statistics::estimate::Estimate;
use crate::statistics::sum::{Sum, fraction_of};

/// The answer of [`tree()`]. A flat list and no nested one, because stacks may be deeper than recursion can go.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct Tree {
    /// What the nodes are about.
    pub header: Header,
    /// The nodes, each before its children and those in order of their values. The first is the root, which stands
    /// for all samples, is named `[root]` and has no frame.
    pub nodes: Vec<TreeNode>,
    /// What is not in `nodes`.
    pub omitted: Omitted,
}

/// One node of a call tree.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub struct TreeNode {
    /// Distance from the root, which has 0. The parent is the nearest node before this one with a smaller depth.
    pub depth: usize,
    /// Name of the node, as of a row of the same grouping.
    pub label: String,
    /// A frame of the node; `None` for the root and for samples without frames.
    pub frame: Option<Frame>,
    /// What is attributed to the node and everything below it.
    pub cumulative: Estimate,
    /// What is attributed to the node itself.
    pub flat: Estimate,
    /// `cumulative` as a share of the whole profile.
    pub fraction: f64,
}

/// Builds the call tree of `profile`. Its leaves are the frames that values are attributed to.
///
/// # Errors
/// [`AnalyzeError::NoSampleType`] when the profile has no values of the kind asked for.
pub fn tree(profile: &Profile, query: &Query) -> Result<Tree, AnalyzeError> {
    let sites = Sites::collect([profile], query, Equal::Apart)?;
    let mut rows = Rows::new(query.by);
    let branches = Branches::of(&sites, &mut rows);
    let kinds = branches.kinds(&sites);
    Ok(of_branches(&sites, 0, (&rows, &branches, &kinds), query))
}

/// The tree of the values in one slot of the sites. Of each node it is known which slots have values below.
pub(crate) fn of_branches<const N: usize>(
    sites: &Sites<N>,
    slot: usize,
    (rows, branches, kinds): (&Rows, &Branches, &[u8]),
    query: &Query,
) -> Tree {
    let whole = sites.wholes[slot];
    let has_values = |at: usize| kinds[at] >> slot & 1 == 1;
    // Of millions of nodes thousands are shown, and only theirs are the errors that matter.
    let mut values = vec![0i128; branches.all.len()];
    for (site, &at) in sites.all.iter().zip(&branches.of_site) {
        values[at as usize] = values[at as usize].saturating_add(site.sums[slot].exact());
    }
    branches.add_up(&mut values, |sum, below| *sum = sum.saturating_add(*below));
    let is_worth = |at: usize| has_values(at) && fraction_of(values[at], whole).abs() >= query.min_fraction;
    let shown = branches.shown((sites, rows), query.limit, is_worth, |at| values[at].unsigned_abs());

    let nearest = branches.nearest(&shown);
    let mut flat = vec![Sum::ZERO; shown.len()];
    let mut cumulative = flat.clone();
    let mut left_out = Sum::ZERO;
    for (site, &at) in sites.all.iter().zip(&branches.of_site) {
        let place = nearest[at as usize] as usize;
        let is_shown = shown[place].0 == at as usize;
        if is_shown { &mut flat[place] } else { &mut left_out }.add(site.sums[slot]);
        cumulative[place].add(site.sums[slot]);
    }
    for place in (1..shown.len()).rev() {
        let sum = cumulative[place];
        cumulative[nearest[branches.parent(shown[place].0)] as usize].add(sum);
    }
    let nodes = shown.iter().enumerate().map(|(place, &(at, depth))| TreeNode {
        depth,
        label: branches.label(at, sites, rows).to_owned(),
        frame: branches.row(at).and_then(|row| rows.example(row)).map(|id| sites.symbols.frame(id)),
        cumulative: cumulative[place].estimate(),
        flat: flat[place].estimate(),
        fraction: cumulative[place].fraction_of(whole),
    });
    // The root is a node even where nothing has values.
    let all = (1..branches.all.len()).filter(|&at| has_values(at)).count() + 1;
    let omitted = Omitted { rows: all - shown.len(), value: left_out.value() };
    Tree { header: sites.headers[slot].clone(), nodes: nodes.collect(), omitted }
}
