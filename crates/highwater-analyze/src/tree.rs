//! The call tree, from the root to the code that allocates.

use highwater_profile::Profile;
use serde::Serialize;

use crate::branches::Branches;
use crate::estimate::Sum;
use crate::rows::Rows;
use crate::sites::{Equal, Sites};
use crate::{AnalyzeError, Estimate, Frame, Header, Omitted, Query};

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
    let [whole] = sites.wholes;
    let mut rows = Rows::new(query.by);
    let mut branches = Branches::of(&sites, &mut rows);
    let mut flat = vec![Sum::ZERO; branches.all.len()];
    for (site, &at) in sites.all.iter().zip(&branches.of_site) {
        flat[at as usize].add(site.sums[0]);
    }
    let mut cumulative = flat.clone();
    branches.add_up(&mut cumulative, |sum, below| sum.add(*below));
    branches.sort(&sites, &rows, |at| cumulative[at].magnitude());

    let (mut nodes, mut omitted) = (Vec::new(), Vec::new());
    let fraction = |at: usize| cumulative[at].fraction_of(whole);
    branches.visit(
        query.limit,
        |at| fraction(at).abs() >= query.min_fraction,
        |at, depth, shown| {
            if !shown {
                omitted.push(flat[at]);
                return;
            }
            let example = branches.all[at].row.and_then(|row| rows.example(row));
            nodes.push(TreeNode {
                depth,
                label: branches.label(at, &sites, &rows).to_owned(),
                frame: example.map(|id| sites.symbols.frame(id)),
                cumulative: cumulative[at].estimate(),
                flat: flat[at].estimate(),
                fraction: fraction(at),
            });
        },
    );
    let [header] = sites.headers;
    Ok(Tree { header, nodes, omitted: Omitted::of(omitted.into_iter()) })
}
